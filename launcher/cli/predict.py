"""`catwalk predict`: what a version makes of image files."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model_zoo.errors import UserError

if TYPE_CHECKING:
    from model_zoo.predictor import Answer, ServedClassifier
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
    found = [_answer(path, classifier, serving) for path in given.images]
    if given.heatmap:
        seen = [one.prediction for one in found]
        write_overlays(given.heatmap, [(one.image, one.heatmap_of(given.of_class)) for one in seen])
    if given.json:
        rows = [{"image": one.name, "version": one.version} | _without_name(one) for one in found]
        print(json.dumps(rows, indent=2))
        return 0
    for one in found:
        print("\n    ".join(_lines(one)))
    return 0


def _answer(path: Path, classifier: ServedClassifier, serving: Serving) -> Answer:
    from model_zoo.images import decode_for, prepare
    from model_zoo.predictor import Answer, doubts

    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    try:
        shape, steps = classifier.image_shape, classifier.preparation
        decoded = decode_for(content, shape, steps, serving.max_pixels)
        prepared = prepare(decoded, shape, steps, pictures=False)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    prediction = classifier.predict(prepared.image[None])[0]
    doubtful = doubts(prediction, prepared, classifier, serving.unsure_below)
    return Answer(str(path), classifier.version, prediction, prepared, doubtful)


def _without_name(one: Answer) -> dict[str, Any]:
    return {key: value for key, value in one.as_dict().items() if key != "name"}


def _lines(one: Answer) -> list[str]:
    """The answer; what speaks against trusting it; what was done to the picture."""
    said = one.prediction
    return [
        f"{printable(one.name)}: {said.label} ({said.confidence:.1%}), version {one.version}",
        *(f"doubt: {doubt}" for doubt in one.doubts.as_list()),
        *(f"note: {note}" for note in one.prepared.notes),
        *(f"{step.name}: {step.note}" for step in one.prepared.steps if step.changed),
    ]


def printable(name: str) -> str:
    """A file's name as it can be printed on any terminal: what cannot is escaped."""
    encoding = sys.stdout.encoding or "utf-8"
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name)
    return shown.encode(encoding, "backslashreplace").decode(encoding)


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
    current = predictor.current
    if predictor.problem:
        print(f"catwalk: {predictor.problem}", file=sys.stderr)
    return current
