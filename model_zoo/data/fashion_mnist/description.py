"""What Fashion-MNIST is: its classes, its images, how pictures become like them."""

from __future__ import annotations

from model_zoo.data.dataset import Dataset

SIDE = 28
DATASET = Dataset(
    name="fashion-mnist",
    labels=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    image_shape=(SIDE, SIDE, 1),
    preparation=("upright", "flatten", "invert", "crop-to-garment", "blacken", "fit"),
    statistics=("covered", "extent", "garment-brightness", "roughness", "at-the-corners"),
    licence="MIT",
)
