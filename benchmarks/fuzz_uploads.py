"""Hostile uploads through the API, in one process: mutated images of every accepted format, and
the kinds of `benchmarks.hostile_requests`.

    python -m benchmarks.fuzz_uploads [--images 2000] [--rounds 2] [--seed 0]

Mutations: bytes overwritten, inserted, removed, the file cut, sizes in its header blown up; side
data changed apart from the pixels; transparency of every kind; structures of ZIPs; shapes of JSON.
Every answer must be 200, 400 or 413; prints how many of each, the time, and the memory of the
process after each kind, which must not grow from one round to the next (the first one warms the
caches).
"""

from __future__ import annotations

import argparse
import io
import time

import numpy as np
import psutil
from PIL import Image

from benchmarks.hostile_requests import MAKERS, as_form, request_of
from dash_app.server import create_server
from dash_app.settings import PageSettings
from model_zoo.images.decode import FORMATS

AT_ONCE = 50
EXPECTED = (200, 400, 413)


def seeds(kind: str, rng: np.random.Generator) -> list[bytes]:
    """Good files of one format in several pixel formats and sizes."""
    found = []
    for mode in {"PNG": ("L", "RGB", "RGBA", "P", "1"), "GIF": ("P", "L")}.get(kind, ("L", "RGB")):
        for side in (28, 90):
            pixels = rng.integers(0, 256, (side, side + 7, 3), np.uint8)
            found.append(encoded(Image.fromarray(pixels).convert(mode), kind))
    return found


def encoded(image: Image.Image, kind: str) -> bytes:
    """A file of one of the formats that are read."""
    target = io.BytesIO()
    image.save(target, kind)
    return target.getvalue()


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """One hostile relative of a good file."""
    changed = bytearray(content)
    how = rng.integers(0, 5)
    if how == 0:  # anywhere
        for place in rng.integers(0, len(changed), rng.integers(1, 20)):
            changed[place] = rng.integers(0, 256)
    elif how == 1:  # in the header, where sizes and offsets are
        for place in rng.integers(0, min(64, len(changed)), rng.integers(1, 6)):
            changed[place] = rng.choice([0, 1, 127, 128, 255])
    elif how == 2:
        del changed[rng.integers(1, len(changed)) :]
    elif how == 3:
        start = rng.integers(0, len(changed))
        del changed[start : start + rng.integers(1, 32)]
    else:
        start = rng.integers(0, len(changed))
        changed[start:start] = rng.bytes(int(rng.integers(1, 32)))
    return bytes(changed)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--images", type=int, default=2000, help="of each kind, each round")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    client = create_server(page=PageSettings.load(pictures_a_minute=0)).test_client()
    process = psutil.Process()
    faults = 0
    for turn in range(given.rounds):
        for kind in (*FORMATS, *MAKERS):
            rng = np.random.default_rng((given.seed, turn))
            good = seeds(kind, rng) if kind in FORMATS else []
            statuses: dict[int, int] = {}
            answered = refused = sent = 0
            started = time.monotonic()
            while sent < given.images:
                if kind in FORMATS:
                    count = min(AT_ONCE, given.images - sent)
                    files = [mutated(good[rng.integers(len(good))], rng) for _ in range(count)]
                    request = as_form([one or b"x" for one in files])
                else:
                    request, count = request_of(kind, rng)
                sent += count
                found = client.post("/api/v1/predict", **request)
                statuses[found.status_code] = statuses.get(found.status_code, 0) + 1
                if found.status_code not in EXPECTED:
                    faults += 1
                    print(f"  {found.status_code}: {found.get_data(as_text=True)[:200]}")
                for one in (found.json or {}).get("predictions", []):
                    answered += "label" in one
                    refused += "error" in one
            memory = process.memory_info().rss / 2**20
            print(
                f"round {turn + 1} {kind:11} {sent} sent: {answered} answered, {refused} "
                f"refused, statuses {statuses}, {time.monotonic() - started:.0f} s, "
                f"{memory:.0f} MiB",
                flush=True,
            )
    print("no fault" if not faults else f"{faults} FAULTS")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
