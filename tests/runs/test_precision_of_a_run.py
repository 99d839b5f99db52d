"""What a run computes in is decided once, so that every step reads the same features."""

from model_zoo.files import write_json
from model_zoo.runs.folder import open_run
from model_zoo.runs.precision import decided_once
from model_zoo.settings import Places, load_project


def test_what_was_decided_stands_and_a_setting_needs_no_decision(places: Places) -> None:
    run = open_run(load_project(given={"training.precision": "auto"}), places, "precise")
    write_json(run.folder / "precision.json", {"precision": "mixed_bfloat16"})
    assert decided_once(run, None).training.precision == "mixed_bfloat16"
    said = open_run(load_project(given={"training.precision": "float32"}), places, "precise")
    assert decided_once(said, None).training.precision == "float32"
