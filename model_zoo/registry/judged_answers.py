"""What a decision leaves: the answers of the served file, and how the test part was used.

The answers lie on the version's run, so that the next candidate is compared with them without
running the file again, and with it even when its files are gone. The tags of the versions say which
of them were judged on which test part.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from model_zoo.errors import UserError
from model_zoo.files import complete_or_absent
from model_zoo.registry.client import answered_by
from model_zoo.registry.run_files import fetch_run_file
from model_zoo.registry.set_by_hand import edited_tags
from model_zoo.registry.store import Store
from model_zoo.registry.versions import Version

FILE = "gate/answers.npz"
PART_TAG = "judged_on"  # digest of the test part
TIMES_TAG = "judged_times"  # decisions about this version
SERIES_TAG = "judged_series"  # candidates that differ in their seed alone, see judging.looks
ANCHOR_TAG = "anchor"  # the version that drift is measured from while this one is in production


@dataclass(frozen=True)
class Answers:
    """Of one version's served file on one test part.

    Attributes:
        part: digest of the test part.
        served: the format of the file.
        predicted: int32 (N,).
        probabilities: float16 (N, classes), calibrated.
        series_right: uint16 (N,), how many candidates of its series were right, itself included.
        tries: how many they are.
        corrupted_members: integers (n,), the test images that were corrupted; nobody tried: (0,).
        corruptions: (c,), their names, as ``noise 1``.
        corrupted_predicted: int32 (c, n).
    """

    part: str
    served: str
    predicted: np.ndarray
    probabilities: np.ndarray
    series_right: np.ndarray
    tries: int
    corrupted_members: np.ndarray
    corruptions: np.ndarray
    corrupted_predicted: np.ndarray


def write_answers(path: Path, answers: Answers) -> Path:
    """One compressed NumPy file."""
    with complete_or_absent(path) as partial:
        np.savez_compressed(partial, **vars(answers))
    return path


def read_answers(store: Store, version: Version, part: str) -> Answers | None:
    """What a version's decision left about a test part; None where there is no such thing."""
    if not version.run_id or version.tags.get(PART_TAG) != part:
        return None
    with tempfile.TemporaryDirectory(prefix="catwalk-") as folder:
        found = fetch_run_file(store, version.run_id, FILE, Path(folder))
        if found is None:
            return None
        answers = load_answers(found)
    return answers if answers.part == part else None


def load_answers(path: Path) -> Answers:
    """What :func:`write_answers` wrote."""
    with np.load(path) as stored:
        found = {one.name: stored[one.name] for one in fields(Answers)}
    return Answers(
        **found
        | {
            "part": str(found["part"]),
            "served": str(found["served"]),
            "tries": int(found["tries"]),
        }
    )


def decisions(version: Version, part: str) -> int:
    """How often a test part has decided about a version.

    Raises:
        UserError: somebody edited the tag that says so into no number.
    """
    if version.tags.get(PART_TAG) != part:
        return 0
    edited = edited_tags(version.version, version.tags, (TIMES_TAG,))
    if edited:
        raise UserError(edited[0])
    return int(version.tags.get(TIMES_TAG, "0"))


def tag_version(store: Store, version: str, tags: Mapping[str, str]) -> None:
    """Tags of a registered version."""
    with answered_by(store) as client:
        for key, value in tags.items():
            client.set_model_version_tag(store.model, version, key, value)
