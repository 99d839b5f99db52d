"""`catwalk predict`: what a version makes of image files."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from model_zoo.errors import UserError

if TYPE_CHECKING:
    from model_zoo.predictor import ServedClassifier
    from model_zoo.settings import Places, Project, Serving


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE")
    parser.add_argument(
        "--version",
        help="an alias, a number, or the path of an exported folder or ONNX file "
        "(default: production)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON array (default: text)")
    parser.add_argument(
        "--heatmap",
        type=Path,
        metavar="PNG",
        help="draw where the model looked, one row an image (default: no)",
    )
    parser.add_argument(
        "--class",
        dest="of_class",
        metavar="NAME",
        help="class that the heatmap explains (default: the most likely one)",
    )


def run(given: argparse.Namespace) -> int:
    """Predict for every image, then print: a mistake in one leaves nothing half done."""
    from model_zoo.explanation.overlay import write_overlays
    from model_zoo.images import read_image
    from model_zoo.plugin_registry import discover
    from model_zoo.settings import Places, Serving, load_project

    if given.of_class and not given.heatmap:
        raise UserError("--class names what the heatmap explains: give --heatmap PNG too")
    places, serving = Places.load(), Serving.load()
    project = load_project(given.project, places=places)
    discover(places.plugins_dir)  # a version names its steps of preparation; a plugin may have them
    classifier = _load(project, places, serving, given.version)
    if classifier.notice:
        print(f"catwalk: {classifier.notice}", file=sys.stderr)
    found = []
    for path in given.images:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror}") from None
        try:
            image = read_image(
                content, classifier.image_shape, classifier.preparation, serving.max_pixels
            )
        except UserError as error:
            raise UserError(f"{path}: {error}") from None
        found.append((path, classifier.predict(image[None])[0]))
    if given.heatmap:
        maps = [(one.image, one.heatmap_of(given.of_class)) for _, one in found]
        write_overlays(given.heatmap, maps)
    if given.json:
        rows = [
            {"image": str(path), "version": classifier.version} | one.as_dict()
            for path, one in found
        ]
        print(json.dumps(rows, indent=2))
        return 0
    for path, one in found:
        print(f"{path}: {one.label} ({one.confidence:.1%}), version {classifier.version}")
    return 0


def _load(
    project: Project, places: Places, serving: Serving, version: str | None
) -> ServedClassifier:
    from model_zoo.predictor import ProductionPredictor, load_classifier
    from model_zoo.registry.store import store_of

    store = store_of(project, places)
    if version is not None:
        return load_classifier(store, serving, places.cache_dir, version)
    # Goes on with the last good one without a registry.
    predictor = ProductionPredictor(store, serving, places.cache_dir)
    predictor.refresh()
    if predictor.problem:
        print(f"catwalk: {predictor.problem}", file=sys.stderr)
    return predictor.current
