"""Images that are nothing like Fashion-MNIST, through every step to a prediction.

The source ``colours`` lies in a plugins folder: three classes, 40 x 30 pixels, red, green, blue.
Nothing outside `model_zoo/data/` may expect anything else, and this is what shows it.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from colour_project import ColourProject
from PIL import Image

from launcher.cli.main import main
from model_zoo.data import store as data_store
from model_zoo.data.dataset import Images
from model_zoo.images import read_image
from model_zoo.predictor import ServedClassifier, load_classifier
from model_zoo.registry.versions import find_alias
from model_zoo.runs.steps import STEPS
from model_zoo.settings import Serving


def production(colours: ColourProject) -> ServedClassifier:
    return load_classifier(colours.store, Serving.load(), colours.places.cache_dir)


def images_of(colours: ColourProject) -> Images:
    """The test images of its run."""
    snapshot = colours.run.facts["ingest"]["dataset"]
    return data_store.load(colours.places.datasets_dir, snapshot, "test")


def test_every_step_ends_and_the_version_is_in_production(colours: ColourProject) -> None:
    assert list(colours.run.facts) == list(STEPS)
    assert [one["label"] for one in colours.run.facts["evaluate"]["per_class"]] == [
        "red", "green", "blue",
    ]  # fmt: skip
    assert colours.run.facts["evaluate"]["accuracy"] > 0.5, "three classes: chance is 0.33"
    assert colours.run.facts["register"]["onnx_difference"] < 1e-3
    served = find_alias(colours.store, "production")
    assert served is not None
    assert served.version == colours.run.facts["promote"]["version"]
    assert served.tags["dataset"] == "colours" and served.tags["generated"] == "false"


def test_what_is_loaded_knows_its_images_and_predicts_them(colours: ColourProject) -> None:
    classifier = production(colours)
    assert classifier.labels == ("red", "green", "blue")
    assert classifier.image_shape == classifier.array_shape == (40, 30, 3)
    assert classifier.preparation == ("upright", "flatten", "fit")
    test = images_of(colours)
    found = classifier.predict(test.images)
    truth = [classifier.labels[label] for label in test.labels]
    right = np.mean([one.label for one in found] == np.asarray(truth))
    assert right == pytest.approx(colours.run.facts["evaluate"]["accuracy"])
    assert found[0].image.shape == (40, 30, 3)


def test_a_photograph_of_another_shape_is_prepared_by_the_steps_of_the_version(
    colours: ColourProject,
) -> None:
    classifier = production(colours)
    photograph = np.zeros((300, 400, 3), np.uint8)
    photograph[80:220, 130:270, 2] = 255
    file = io.BytesIO()
    Image.fromarray(photograph).save(file, "PNG")
    image = read_image(file.getvalue(), classifier.image_shape, classifier.preparation, 10**7)
    assert image.shape == (40, 30, 3)
    assert image[..., 2].max() > 200 and image[..., 0].max() < 50


def test_catwalk_predict_answers_a_picture_of_the_project(
    colours: ColourProject, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    test = images_of(colours)
    picture = tmp_path / "disc.png"
    Image.fromarray(test.images[0]).save(picture)
    assert main(["predict", "--project", str(colours.project.file), str(picture)]) == 0
    said = capsys.readouterr().out
    (expected,) = production(colours).predict(test.images[:1])
    assert expected.label in said


def test_a_run_goes_on_in_a_home_that_was_moved(colours: ColourProject) -> None:
    """Facts name the images by their snapshot, never by a path."""
    for step, facts in colours.run.facts.items():
        assert str(colours.places.home) not in str(facts), step
