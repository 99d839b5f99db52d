"""The peer's networks: ResNet50 and WRN-16-2 in PyTorch, layer for layer as ours.

Imported in PyTorch's own environment only.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def network(backbone: str, size: int, classes: int = 10) -> nn.Module:
    """uint8 (N, h, w) -> logits float32 (N, classes); images are resized to ``size``."""
    trunk, channels = {"resnet50": (resnet50, 2048), "wrn_16_2": (wrn_16_2, 128)}[backbone]
    return Classifier(trunk(), channels, size, classes)


class Classifier(nn.Module):
    """Grey bytes to RGB at the network's size, the trunk, and the head of two dense layers."""

    def __init__(self, trunk: nn.Module, channels: int, size: int, classes: int) -> None:
        super().__init__()
        self.trunk, self.size = trunk, size
        self.head = nn.Sequential(
            nn.Linear(channels, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(),
            nn.Linear(128, classes),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        x = images[:, None].float() / 127.5 - 1
        if x.shape[-1] != self.size:
            x = functional.interpolate(x, (self.size, self.size), mode="bilinear")
        x = x.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
        return self.head(self.trunk(x).mean((2, 3)))


class Bottleneck(nn.Module):
    """He et al. 2015, with the stride in the first convolution, as Keras Applications has it."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        after = 4 * width
        self.branch = nn.Sequential(
            nn.Conv2d(before, width, 1, stride), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, after, 1), nn.BatchNorm2d(after),
        )  # fmt: skip
        self.shortcut = (
            nn.Sequential(nn.Conv2d(before, after, 1, stride), nn.BatchNorm2d(after))
            if before != after
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.branch(x) + self.shortcut(x))


def resnet50() -> nn.Module:
    layers: list[nn.Module] = [
        nn.Conv2d(3, 64, 7, 2, padding=3), nn.BatchNorm2d(64), nn.ReLU(),
        nn.MaxPool2d(3, 2, padding=1),
    ]  # fmt: skip
    before = 64
    for width, blocks, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for block in range(blocks):
            layers.append(Bottleneck(before, width, stride if block == 0 else 1))
            before = 4 * width
    return nn.Sequential(*layers)


class WideBlock(nn.Module):
    """Zagoruyko & Komodakis 2016: normalisation and activation before each convolution."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.BatchNorm2d(before), nn.ReLU())
        self.branch = nn.Sequential(
            nn.Conv2d(before, after, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(after), nn.ReLU(),
            nn.Conv2d(after, after, 3, padding=1, bias=False),
        )  # fmt: skip
        differs = before != after
        self.shortcut = nn.Conv2d(before, after, 1, stride, bias=False) if differs else None

    def forward(self, x: Tensor) -> Tensor:
        active = self.first(x)
        return self.branch(active) + (x if self.shortcut is None else self.shortcut(active))


def wrn_16_2() -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(3, 16, 3, padding=1, bias=False)]
    before = 16
    for after, stride in ((32, 1), (64, 2), (128, 2)):
        layers += [WideBlock(before, after, stride), WideBlock(after, after, 1)]
        before = after
    return nn.Sequential(*layers, nn.BatchNorm2d(before), nn.ReLU())
