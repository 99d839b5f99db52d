"""What the test images are cut into slices by."""

from datetime import UTC, datetime

import numpy as np
import pytest

from model_zoo.data.dataset import Images
from model_zoo.data.fashion_mnist.description import DATASET
from model_zoo.data.manifest import Manifest
from model_zoo.errors import UserError
from model_zoo.judging.rules.slices import cut
from model_zoo.runs.checks import check_project
from model_zoo.runs.slice_columns import columns
from model_zoo.settings import Places, Project

MARCH, APRIL = (int(datetime(2026, *day, tzinfo=UTC).timestamp()) for day in ((3, 31), (4, 1)))
# A training image stands between the two of the test part.
SNAPSHOT = Manifest(
    dataset=DATASET,
    digests=["00" * 32, "11" * 32, "22" * 32],
    labels=["Bag"] * 3,
    parts=["test", "training", "test"],
    groups=["shelf-a", "shelf-b", "shelf-b"],
    first_seen=np.array([MARCH, MARCH, APRIL]),
    origins=["phone/bags/1.png", "scanner/bags/2.png", "scanner/bags/3.png"],
    sizes=np.array([100, 200, 300]),
)
TEST = Images(np.zeros((2, 28, 28), np.uint8), np.array([8, 8], np.int32))


@pytest.mark.parametrize(
    ("column", "slices"),
    [
        ("origin", ["phone/bags", "scanner/bags"]),
        ("first_seen", ["2026-03", "2026-04"]),
        ("group", ["shelf-a", "shelf-b"]),
        ("size", ["lowest quarter", "highest quarter"]),
    ],
)
def test_a_column_of_the_snapshot_cuts_the_test_images(
    project: Project, column: str, slices: list[str]
) -> None:
    judging = project.with_values({"judging.slices": (column,)}).judging
    found = columns(judging, DATASET, TEST, lambda: SNAPSHOT)
    parts = {name: members.tolist() for name, members in cut(found[column]).items()}
    assert parts == {slices[0]: [True, False], slices[1]: [False, True]}


def test_the_snapshot_is_read_where_a_slice_needs_it_only(project: Project) -> None:
    judging = project.with_values({"judging.slices": ("brightness",)}).judging

    def unread() -> Manifest:
        raise AssertionError

    assert columns(judging, DATASET, TEST, unread)["brightness"].shape == (2,)


def test_an_unknown_column_has_the_nearest_name(project: Project, places: Places) -> None:
    with pytest.raises(UserError, match=r"unknown column 'first_sean'.*first_seen"):
        check_project(project.with_values({"judging.slices": ("first_sean",)}), places)
