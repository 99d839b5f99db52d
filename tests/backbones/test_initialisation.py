"""How a network begins when it is trained from scratch."""

import numpy as np

from model_zoo.backbones import build_trunk, get_backbone


def test_a_resnet_from_scratch_begins_with_each_block_as_its_shortcut(zoo) -> None:
    trunk = build_trunk(get_backbone("resnet50"), 32, "none")
    last = [layer for layer in trunk.layers if layer.name.endswith("_3_bn")]
    assert len(last) == 16
    assert all(not np.asarray(layer.gamma).any() for layer in last)
    first = trunk.get_layer("conv3_block2_2_bn")
    assert np.all(np.asarray(first.gamma) == 1)
