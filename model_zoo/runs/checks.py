"""What can be said before the first step: the project names things that exist and fit."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from model_zoo.backbones import check_weights, get_backbone
from model_zoo.data.dataset import Dataset
from model_zoo.data.source import SOURCES
from model_zoo.errors import UserError
from model_zoo.evaluation.corruptions import CORRUPTIONS
from model_zoo.judging.rule import RULES
from model_zoo.plugin_registry import discover
from model_zoo.runs.slice_columns import known_columns
from model_zoo.settings import JudgingSettings, Places, Project
from model_zoo.settings.judging import CLASS_GROUP
from model_zoo.settings.layers import line_of, read_file
from model_zoo.settings.project import flattened


def check_project(project: Project, places: Places) -> None:
    """Find plugins, then look for source, backbone, weights and judging rules.

    Raises:
        UserError: one is not there, or they do not fit; names the file and the line, where the
            project's file says it.
    """
    discover(places.plugins_dir)
    model = project.model
    try:
        wrong = "data.source"
        SOURCES.get(project.data.source)
        wrong = "model.backbone"
        backbone = get_backbone(model.backbone)
        wrong = "model.image_size"
        if model.image_size < backbone.smallest_size:
            raise UserError(
                f"{model.backbone} needs images of at least {backbone.smallest_size} pixels. "
                f"Received: image_size {model.image_size}"
            )
        wrong = "model.weights"
        check_weights(backbone, model.weights)
        wrong = "judging.rules"
        for rule in project.judging.rules:
            RULES.get(rule)
        wrong = "judging.slices"
        _check_slices(project.judging)
        wrong = "judging.corruptions"
        for corruption in project.judging.corruptions:
            if corruption not in CORRUPTIONS:
                raise UserError(
                    f"unknown corruption {corruption!r}{_nearest(corruption, CORRUPTIONS)}"
                )
    except UserError as error:
        raise UserError(f"{_where(project, wrong)}{error}") from None


def _where(project: Project, name: str) -> str:
    """File and line, if it is the project's file that decides this value."""
    in_file = flattened(read_file(project.file, "").values)
    if name not in in_file or in_file[name] != project.value(name):
        return ""
    return f"{project.file}, line {line_of(project.file, name)}: "


def _check_slices(judging: JudgingSettings) -> None:
    if "slices" in judging.rules and not judging.slices:
        raise UserError("the rule slices needs judging.slices to name a column. Received: none")
    known = known_columns()
    for column in judging.slices:
        if column not in known:
            raise UserError(f"unknown column {column!r}{_nearest(column, known)}")
    if CLASS_GROUP in judging.slices and not judging.class_groups:
        raise UserError(f"the column {CLASS_GROUP} needs judging.class_groups. Received: none")


def check_class_groups(judging: JudgingSettings, dataset: Dataset) -> None:
    """The classes that the project groups are those of its dataset.

    Raises:
        UserError: one is not; names the nearest.
    """
    for group, labels in judging.classes_of_groups.items():
        for label in labels:
            if label not in dataset.labels:
                raise UserError(
                    f"setting judging.class_groups: {group!r} has the unknown class "
                    f"{label!r}{_nearest(label, dataset.labels)}"
                )


def _nearest(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    return f": did you mean {', '.join(near)}?" if near else f": there are {', '.join(known)}"
