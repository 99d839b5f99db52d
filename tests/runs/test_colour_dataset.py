"""Images that are nothing like Fashion-MNIST, through every step to a prediction.

The source ``colours`` lies in a plugins folder: three classes, 40 x 30 pixels, red, green, blue.
Nothing outside `model_zoo/data/` may expect anything else, and this is what shows it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from launcher.cli.main import main
from model_zoo.data import store as data_store
from model_zoo.images import read_image
from model_zoo.predictor import ServedClassifier, load_classifier
from model_zoo.registry.store import store_of
from model_zoo.registry.versions import find_alias
from model_zoo.runs.runner import run_all
from model_zoo.runs.steps import STEPS
from model_zoo.settings import Places, Project, Serving, load_project

PROJECT = """recipe = "short"
schedule = "never"

[data]
source = "colours"

[search]
trials = 1
limit = 100

[training]
epochs = 3

[judging]
floor = 0.5

[export]
formats = ["onnx-int8"]
"""
BY_THE_FILE = ("DATA__SOURCE", "SEARCH__TRIALS", "SEARCH__LIMIT", "TRAINING__EPOCHS",
               "JUDGING__FLOOR")  # fmt: skip


@dataclass(frozen=True)
class Finished:
    """A project whose first run has ended."""

    project: Project
    places: Places
    facts: dict[str, dict[str, Any]]

    @property
    def production(self) -> ServedClassifier:
        store = store_of(self.project, self.places)
        return load_classifier(store, Serving.load(), self.places.cache_dir)


@pytest.fixture(scope="module")
def colours(
    small_environment: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Finished]:
    import mlflow

    folder = tmp_path_factory.mktemp("colours")
    (folder / "shapes.toml").write_text(PROJECT)
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    with pytest.MonkeyPatch.context() as patch:
        for name in BY_THE_FILE:
            patch.delenv(f"CATWALK_{name}")
        patch.setenv("CATWALK_HOME", str(folder / "home"))
        places = Places.load()
        project = load_project(str(folder / "shapes.toml"), places=places)
        facts: dict[str, dict[str, Any]] = {}
        run_all(project, places, "first", facts.__setitem__)
        yield Finished(project, places, facts)
    mlflow.set_tracking_uri(before[0])
    mlflow.set_registry_uri(before[1])


def test_every_step_ends_and_the_version_is_in_production(colours: Finished) -> None:
    assert list(colours.facts) == list(STEPS)
    assert [one["label"] for one in colours.facts["evaluate"]["per_class"]] == [
        "red", "green", "blue",
    ]  # fmt: skip
    assert colours.facts["evaluate"]["accuracy"] > 0.5, "three classes: chance is 0.33"
    assert colours.facts["register"]["onnx_difference"] < 1e-3
    production = find_alias(store_of(colours.project, colours.places), "production")
    assert production is not None
    assert production.version == colours.facts["promote"]["version"]
    assert production.tags["dataset"] == "colours" and production.tags["generated"] == "false"


def test_what_is_loaded_knows_its_images_and_predicts_them(colours: Finished) -> None:
    classifier = colours.production
    assert classifier.labels == ("red", "green", "blue")
    assert classifier.image_shape == classifier.array_shape == (40, 30, 3)
    assert classifier.preparation == ("upright", "flatten", "fit")
    test = data_store.load(colours.places.datasets_dir, colours.facts["ingest"]["dataset"], "test")
    found = classifier.predict(test.images)
    truth = [classifier.labels[label] for label in test.labels]
    right = np.mean([one.label for one in found] == np.asarray(truth))
    assert right == pytest.approx(colours.facts["evaluate"]["accuracy"])
    assert found[0].image.shape == (40, 30, 3)


def test_a_photograph_of_another_shape_is_prepared_by_the_steps_of_the_version(
    colours: Finished,
) -> None:
    classifier = colours.production
    photograph = np.zeros((300, 400, 3), np.uint8)
    photograph[80:220, 130:270, 2] = 255
    file = io.BytesIO()
    Image.fromarray(photograph).save(file, "PNG")
    image = read_image(file.getvalue(), classifier.image_shape, classifier.preparation, 10**7)
    assert image.shape == (40, 30, 3)
    assert image[..., 2].max() > 200 and image[..., 0].max() < 50


def test_catwalk_predict_answers_a_picture_of_the_project(
    colours: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    test = data_store.load(colours.places.datasets_dir, colours.facts["ingest"]["dataset"], "test")
    picture = tmp_path / "disc.png"
    Image.fromarray(test.images[0]).save(picture)
    assert main(["predict", "--project", str(colours.project.file), str(picture)]) == 0
    said = capsys.readouterr().out
    (expected,) = colours.production.predict(test.images[:1])
    assert expected.label in said


def test_a_run_goes_on_in_a_home_that_was_moved(colours: Finished) -> None:
    """Facts name the images by their snapshot, never by a path."""
    for step, facts in colours.facts.items():
        assert str(colours.places.home) not in str(facts), step
