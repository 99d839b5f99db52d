"""What is in production, on the images that the candidate is judged on."""

from __future__ import annotations

import numpy as np

from model_zoo.data.dataset import Images
from model_zoo.data.pixels import chunks_of
from model_zoo.registry.versions import Version
from model_zoo.runs.folder import Run


def right_answers(
    run: Run, production: Version | None, test: Images, generated: bool
) -> np.ndarray | None:
    """Which of the test images production is right about, bool (N,); None when there is none.

    Args:
        generated: the candidate learned from generated images. Where only one of the two did, the
            images are not production's own: none of its answers counts as right.
    """
    from model_zoo.predictor import load_classifier

    if production is None:
        return None
    if generated != production.generated:
        return np.zeros(len(test.labels), bool)
    served = load_classifier(run.store, run.serving, run.places.cache_dir, production.version)
    found = [served.probabilities(part).argmax(axis=1) for part in chunks_of(test.images)]
    return np.asarray(np.concatenate(found) == test.labels)
