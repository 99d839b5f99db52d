"""What people say an image is: sent from the page, reviewed, and joined to the training images."""

from model_zoo.data.corrections.limits import CorrectionRefused, Limits, TooManyCorrections
from model_zoo.data.corrections.records import Correction, Decision, State
from model_zoo.data.corrections.store import Corrections, corrections_of

__all__ = [
    "Correction",
    "CorrectionRefused",
    "Corrections",
    "Decision",
    "Limits",
    "State",
    "TooManyCorrections",
    "corrections_of",
]
