"""Start Keras sooner: without the libraries that it only looks for.

`import keras` takes scikit-learn, pandas and Matplotlib along where they are installed, and
TensorFlow takes JAX, each for a door that Catwalk does not go through (wrappers of estimators, data
frames as inputs, galleries, a converter). Every step and every trial waits for that anew, as each
begins in a process of its own; `python -X importtime -c "import keras"` shows how long.
"""

from __future__ import annotations

import os
import sys

LOOKED_FOR = ("sklearn", "pandas", "matplotlib")


def import_keras() -> None:
    """Import Keras, and none of :data:`LOOKED_FOR`; they can be imported as ever afterwards.

    To be called where no other thread imports anything, as at the beginning of a process. Does
    nothing where Keras has been imported already.
    """
    if "keras" in sys.modules:
        return
    names = LOOKED_FOR if os.environ.get("KERAS_BACKEND") == "jax" else (*LOOKED_FOR, "jax")
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # what makes an import fail
    try:
        import keras  # noqa: F401
    finally:
        for name in hidden:
            del sys.modules[name]
