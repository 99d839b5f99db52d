"""What can be said before the first step: the project names things that exist and fit."""

from __future__ import annotations

from model_zoo.backbones import check_weights, get_backbone
from model_zoo.data.source import SOURCES
from model_zoo.errors import UserError
from model_zoo.plugin_registry import discover
from model_zoo.settings import Places, Project
from model_zoo.settings.layers import line_of, read_file
from model_zoo.settings.project import flattened


def check_project(project: Project, places: Places) -> None:
    """Find plugins, then look for source, backbone and weights.

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
    except UserError as error:
        raise UserError(f"{_where(project, wrong)}{error}") from None


def _where(project: Project, name: str) -> str:
    """File and line, if it is the project's file that decides this value."""
    in_file = flattened(read_file(project.file, "").values)
    if name not in in_file or in_file[name] != project.value(name):
        return ""
    return f"{project.file}, line {line_of(project.file, name)}: "
