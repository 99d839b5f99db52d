"""Predict with a registered version; needs ONNX Runtime, not TensorFlow.

:func:`load_classifier` loads one version by alias, number or file. :class:`ProductionPredictor`
follows the alias ``production`` and batches concurrent requests. Whoever starts the process calls
:func:`model_zoo.plugin_registry.discover` first: a version names the preparation steps it needs.
"""

from model_zoo.predictor.answer import Answer, Doubts, doubts
from model_zoo.predictor.memory import ModelMemory
from model_zoo.predictor.production import NothingInProduction, ProductionPredictor
from model_zoo.predictor.queue import Overloaded
from model_zoo.predictor.served_classifier import Prediction, ServedClassifier
from model_zoo.predictor.versions import load_classifier

__all__ = [
    "Answer",
    "Doubts",
    "ModelMemory",
    "NothingInProduction",
    "Overloaded",
    "Prediction",
    "ProductionPredictor",
    "ServedClassifier",
    "doubts",
    "load_classifier",
]
