"""Two registered versions side by side, from what their runs recorded; no file is run for it."""

from model_zoo.comparison.comparison import Comparison, compare_versions
from model_zoo.comparison.figures import Figure
from model_zoo.comparison.parts import Part

__all__ = ["Comparison", "Figure", "Part", "compare_versions"]
