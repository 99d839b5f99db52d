"""What a version's files answer, in a process of its own that has only what serving has.

python -m model_zoo.predictor.fresh_process REQUEST.json

Started by :mod:`model_zoo.predictor.trial`. The libraries of training are not there, whether they
are installed or not, so a version that needs them fails here and not in the page.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

#: What an image that only serves does not have (docker/Dockerfile).
NOT_THERE = ("keras", "tensorflow", "jax", "torch", "tf2onnx", "onnx", "keras_tuner", "sklearn")
READY = "ready"  # then: the seconds that loading and the first answers took
EXAMPLES = 8


def main(request: str) -> int:
    """Answer one request: exit status 0, or 2 with a sentence for files that are no good."""
    for name in NOT_THERE:
        sys.modules[name] = None  # type: ignore[assignment]
    import numpy as np

    from model_zoo.errors import UserError
    from model_zoo.files import read_json
    from model_zoo.plugin_registry import discover
    from model_zoo.predictor.versions import open_folder
    from model_zoo.settings import Places, Serving

    asked: dict[str, Any] = read_json(Path(request))
    try:
        discover(Places.load().plugins_dir)
        serving, started = Serving.load(), time.monotonic()
        loaded = open_folder(
            Path(asked["folder"]),
            asked["version"],
            asked["tags"],
            serving,
            project=asked["project"],
        )
        pictures = _examples(loaded, serving.max_pixels)
        found = loaded.probabilities(pictures)
        if not np.isfinite(found).all() or not np.allclose(found.sum(axis=1), 1, atol=1e-3):
            raise UserError(f"version {loaded.version} gives no probabilities for its own examples")
        loaded.predict(pictures[:1])  # with heatmaps, as the page asks
        print(READY, round(time.monotonic() - started, 3), flush=True)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _examples(loaded: Any, max_pixels: int) -> Any:
    """Some of the version's own example pictures, prepared as it asks; uint8 (N, *array_shape)."""
    import base64

    import numpy as np

    from model_zoo.images import read_image

    pictures = [
        read_image(base64.b64decode(one["png"]), loaded.image_shape, loaded.preparation, max_pixels)
        for one in loaded.facts["examples"][:EXAMPLES]
    ]
    return np.stack(pictures or [np.zeros(loaded.array_shape, np.uint8)])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
