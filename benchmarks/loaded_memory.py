"""What a loaded version takes of memory, beside the size of its file, and what it gives back.

    python -m benchmarks.loaded_memory FILE.onnx ...

Each file is loaded as the page loads it and predicts for a batch of one and of 32; resident memory
is read after each, and once more when the session is let go. Loading first another file than the
one that is measured leaves the libraries out of the figure.
"""

from __future__ import annotations

import argparse
import gc
import os
from pathlib import Path

import numpy as np

from benchmarks.timing import machine
from model_zoo.predictor.session import give_memory_back, open_session

BATCH = 32


def resident_mib() -> float:
    """Of this process, now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def measure(path: Path) -> list[float]:
    """MiB above the start: loaded, after one image, after a batch, let go."""
    gc.collect()
    give_memory_back()
    start = resident_mib()
    session, _ = open_session(path)
    found = [resident_mib() - start]
    shape = session.get_inputs()[0].shape[1:]
    name = session.get_inputs()[0].name
    for count in (1, BATCH):
        session.run(None, {name: np.zeros((count, *shape), np.uint8)})
        found.append(resident_mib() - start)
    del session
    gc.collect()
    give_memory_back()
    return [*found, resident_mib() - start]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", type=Path, nargs="+")
    given = parser.parse_args()
    print(machine("onnxruntime"))
    measure(given.files[0])  # the libraries
    for path in given.files:
        loaded, one, batch, after = measure(path)
        print(
            f"{path}: file {path.stat().st_size / 2**20:.1f} MiB, loaded {loaded:.1f}, after one "
            f"image {one:.1f}, after {BATCH} {batch:.1f}, let go {after:.1f}"
        )


if __name__ == "__main__":
    main()
