"""docs/results.md says what the kept figures say, and nothing in it was typed."""

from pathlib import Path

import pytest

from docs.results import own_images, trainings
from model_zoo.files import read_json

DOCS = Path(__file__).parents[2] / "docs"
KEPT = sorted((DOCS / "results" / "own-images").glob("*.json"))
TRAININGS = [read_json(path) for path in sorted((DOCS / "results" / "trainings").glob("*.json"))]


@pytest.mark.parametrize("path", KEPT, ids=[one.stem for one in KEPT])
def test_the_section_on_a_folder_of_pictures_is_written_from_its_figures(path: Path) -> None:
    facts = read_json(path)
    section = "\n".join(own_images(facts))
    assert section in (DOCS / "results.md").read_text()
    assert (DOCS / "images" / f"confusion-{facts['name']}.png").stat().st_size < 100_000
    accuracy = sum(one["recall"] * one["support"] for one in facts["per_class"]) / facts["test"]
    assert accuracy == pytest.approx(facts["accuracy"])


@pytest.mark.parametrize("file", sorted({one["file"] for one in TRAININGS}))
def test_the_section_on_a_file_of_trainings_is_written_from_their_figures(file: str) -> None:
    kept = [one for one in TRAININGS if one["file"] == file]
    assert "\n".join(trainings(kept)) in (DOCS / "results.md").read_text()
    for one in kept:
        assert one["validation"] == max(epoch["val_accuracy"] for epoch in one["history"])
        assert (DOCS.parent / "benchmarks" / "trainings" / file).exists()


COMMON = {"file": "a.toml", "machine": "m", "commit": "c" * 40, "changed": "", "history": [{}]}
COMMON |= {"training_images": 1000, "minutes_of_all_cores": 2.04, "seconds": 90.0}
COMMON |= {"values": {"training.seed": 20}}


def rows_of(*kept: dict[str, object]) -> list[str]:
    """The table's lines of these trainings."""
    rows = trainings([COMMON | one for one in kept])
    return [row for row in rows if row.startswith("| ") and "1,000" in row]


def test_trainings_are_told_best_first_beside_the_one_that_they_are_compared_with() -> None:
    first, second = rows_of(
        {"training": "as it is (seed 20)", "validation": 0.9},
        {"training": "b", "validation": 0.92, "test": 0.91, "test_images": 10_000},
    )
    expected = "| b | 1,000 | 1 | 92.00% | +2.00% | 91.00% (90.42% to 91.55%) | 2.0 |  |"
    assert first == expected
    assert second.startswith("| as it is (seed 20) | 1,000 | 1 | 90.00% | +0.00% |  |")


def test_a_training_is_compared_with_the_one_of_its_own_seed() -> None:
    other = {"values": {"training.seed": 21}}
    rows = rows_of(
        {"training": "as it is (seed 20)", "validation": 0.93},
        {"training": "b (seed 20)", "validation": 0.92},
        other | {"training": "as it is (seed 21)", "validation": 0.90},
        other | {"training": "b (seed 21)", "validation": 0.91},
        {"values": {"training.seed": 22}, "training": "b (seed 22)", "validation": 0.91},
    )
    differences = {row.split(" | ")[0].strip("| "): row.split(" | ")[4] for row in rows}
    assert differences["b (seed 20)"] == "-1.00%"
    assert differences["b (seed 21)"] == "+1.00%"
    assert differences["b (seed 22)"] == "", "there is none to compare it with"


def test_what_a_gpu_trained_has_the_minutes_of_the_clock() -> None:
    (row,) = rows_of({"training": "a", "validation": 0.9, "accelerator": True})
    assert "| 1.5 (GPU) |" in row
