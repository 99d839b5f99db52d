"""Predict with an exported version: only NumPy and ONNX Runtime, no Catwalk and no Keras.

    catwalk export
    python examples/predict.py export/fashion-mnist-classifier-1 images.npy

images.npy holds raw pixels, uint8 (N, h, w) or in colour (N, h, w, 3), as the version was trained
on: classifier.json has their shape. Scaling, colour and size are inside the model. The temperature
softens the probabilities so that they can be trusted.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime

folder, images = Path(sys.argv[1]), np.load(sys.argv[2])
facts = json.loads((folder / "classifier.json").read_text())
session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])

probabilities, heatmap = session.run(["probabilities", "heatmap"], {"image": images})

softened = probabilities.astype(float) ** (1 / facts["temperature"])
softened /= softened.sum(axis=1, keepdims=True)
for row, where in zip(softened, heatmap, strict=True):
    y, x = np.unravel_index(where.argmax(), where.shape)
    label = facts["labels"][row.argmax()]
    print(f"{label} {row.max():.1%}, most of it from cell ({y}, {x}) of {where.shape}")
