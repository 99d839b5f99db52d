"""The model card: what a version is, in Markdown, as its description in the registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from model_zoo.data.dataset import Dataset
from model_zoo.registry.format_report import FormatReport
from model_zoo.registry.lineage import STARTED_TAG
from model_zoo.settings import Project
from model_zoo.settings.export import EVERY_CLASS, TOP_CLASSES
from model_zoo.settings.judging import METRICS

#: Classes in the card's table, and letters of a name: MLflow keeps 5,000 letters in all.
MOST_CLASSES = 10
LONGEST_NAME = 40


def model_card(
    project: Project,
    version: str,
    dataset: Dataset,
    measured: dict[str, Any],
    reports: list[FormatReport],
    lineage_tags: Mapping[str, str],
) -> str:
    """Accuracy with its uncertainty, what it was trained on and from, and its files, as Markdown.

    Args:
        lineage_tags: of the version; those of :class:`~model_zoo.registry.lineage.Lineage`.
    """
    model = project.model
    lines = [
        f"# {project.registered_model} version {version}",
        "",
        f"Test accuracy **{measured['accuracy']:.2%}** on {measured['images']:,} images, 95 % "
        f"interval {measured['accuracy_low']:.2%} to {measured['accuracy_high']:.2%}; calibration "
        f"error {measured['calibration_error']:.2%} after temperature scaling. "
        f"{_of_classes(project, measured)}",
        "",
        measured["certainty"],
        "",
        f"Backbone {model.backbone} at {model.image_size} px, weights {model.weights}, profile "
        f"{project.profile}. Images: {dataset.name}, {dataset.origin}.",
        "",
    ]
    if dataset.generated:
        lines += ["**Trained on generated images, not on real ones.**", ""]
    lines += [*_lineage(version, dataset, lineage_tags), ""]
    lines += [*_weakest(measured["per_class"]), "", "## Files", ""]
    lines += formats_table(reports)
    lines += [
        "",
        "Difference and agreement are against the Keras model on test images; time is the median "
        "for one image on the machine that registered the version. Every file takes raw images "
        f"{_input_of(dataset)} and gives `probabilities`, `heatmap` (Grad-CAM of the top class) "
        f"and {_heatmaps_of(dataset)}.",
    ]
    return "\n".join(lines) + "\n"


def _of_classes(project: Project, measured: dict[str, Any]) -> str:
    """The figures that are means over the classes, and which one the gate goes by."""
    found = [
        f"{words} {measured[name]:.2%} ({measured[f'{name}_low']:.2%} to "
        f"{measured[f'{name}_high']:.2%})"
        for name, words in METRICS.items()
        if name != "accuracy"
    ]
    said = f"{' and '.join(found)}, means over the {len(measured['per_class']):,} classes"
    return f"{said[0].upper()}{said[1:]}; judged by {METRICS[project.judging.metric]}."


def _weakest(per_class: list[dict[str, Any]]) -> list[str]:
    """The classes that are recognised worst: of many not all."""
    worst = sorted(per_class, key=lambda one: one["f1"])[:MOST_CLASSES]
    left_out = len(per_class) - len(worst)
    more = f" The other {left_out:,} classes are in `evaluation/test.json`." if left_out else ""
    rows = [
        f"| {_cell(one['label'])} | {one['f1']:.1%} | {one['recall']:.1%} "
        f"({one['recall_low']:.0%} to {one['recall_high']:.0%}) | {one['support']:,} |"
        for one in worst
    ]
    table = ["| class, weakest first | F1 | recognised | test images |", "|---|---:|---:|---:|"]
    return [*table, *rows, *(["", more.strip()] if more else [])]


def _cell(label: str) -> str:
    cut = label if len(label) <= LONGEST_NAME else f"{label[: LONGEST_NAME - 1]}…"
    return cut.replace("|", "\\|")


def _heatmaps_of(dataset: Dataset) -> str:
    if len(dataset.labels) <= EVERY_CLASS:
        return "`heatmaps` (of every class; `explained` says which is whose)"
    return f"`heatmaps` (of the {TOP_CLASSES} most likely classes, which `explained` names)"


def _lineage(version: str, dataset: Dataset, tags: Mapping[str, str]) -> list[str]:
    """What it was made from, and how to make it again."""
    parent = tags.get("parent", "none")
    before = f"version {parent}" if parent != "none" else "nothing"
    begun = (
        f" Its training went on from version {tags[STARTED_TAG]}." if STARTED_TAG in tags else ""
    )
    return [
        f"Made from the snapshot `{dataset.snapshot}` at commit `{tags.get('commit', 'unknown')}` "
        f"with the pinned packages `{tags.get('constraints_sha256', 'unknown')[:12]}`, while "
        f"{before} was in production. `catwalk reproduce {version}` makes it again from that and "
        f"says what differs.{begun}",
    ]


def _input_of(dataset: Dataset) -> str:
    return f"`uint8 ({', '.join(['N', *map(str, dataset.array_shape)])})`"


def formats_table(reports: list[FormatReport]) -> list[str]:
    """One row a format; a format that is missing says why."""
    rows = [
        "| format | file | MiB | ms | largest difference | same top class | test accuracy |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for one in reports:
        measured = [
            _number(one.bytes and one.bytes / 2**20, ".1f"),
            _number(one.latency_ms, ".2f"),
            _number(one.largest_difference, ".1e"),
            _number(one.agreement, ".2%"),
            _number(one.accuracy, ".2%"),
        ]
        file = one.file if one.attached else f"not attached: {one.reason}"
        rows.append(f"| {one.format} | {file} | {' | '.join(measured)} |")
    return rows


def _number(value: float | None, how: str) -> str:
    return "" if value is None else format(value, how)
