"""Predict with a registered version; needs ONNX Runtime, not TensorFlow.

:func:`load_classifier` loads one version by alias, number or file. :class:`ProductionPredictor`
follows the alias ``production`` and batches concurrent requests.
"""

from model_zoo.predictor.production import NothingInProduction, ProductionPredictor
from model_zoo.predictor.queue import Overloaded
from model_zoo.predictor.served_classifier import Classifier, Prediction
from model_zoo.predictor.versions import load_classifier

__all__ = [
    "Classifier",
    "NothingInProduction",
    "Overloaded",
    "Prediction",
    "ProductionPredictor",
    "load_classifier",
]
