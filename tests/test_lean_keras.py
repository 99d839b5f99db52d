"""A process that computes starts without what Keras only looks for."""

import subprocess
import sys

CODE = """
import sys
from model_zoo.lean_keras import import_keras
import_keras()
taken = [name for name in ("sklearn", "pandas", "matplotlib", "jax") if name in sys.modules]
assert not taken, taken
import pandas, sklearn.metrics
import_keras()  # nothing to do
import keras
print(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).count_params())
"""


def test_keras_is_there_and_what_it_looks_for_can_be_imported_later() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["3"]
