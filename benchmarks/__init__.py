"""One script a claim; each prints the ratio it is named for."""

import model_zoo  # noqa: F401  # what is measured computes as the workflow does: model_zoo/processor.py
