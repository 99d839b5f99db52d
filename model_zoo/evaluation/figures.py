"""The figures that a person looks at in MLflow: Matplotlib, without a display."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model_zoo.data.dataset import Images
from model_zoo.files import complete_or_absent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Rows that a page of samples has at the most; with more classes it shows the first.
MOST_ROWS = 40
#: Bars of the figure by class; with more classes it shows the worst.
MOST_BARS = 30
#: Mistakes in the picture of them.
MISTAKES = 24


def save(figure: Figure, path: Path) -> Path:
    with complete_or_absent(path) as partial:
        figure.savefig(partial, dpi=110, bbox_inches="tight")
    return path


def samples_page(images: Images, names: tuple[str, ...], path: Path, columns: int = 12) -> Path:
    """The first images of every class, one row a class, with the class's count."""
    from matplotlib.figure import Figure

    names = names[:MOST_ROWS]
    figure = Figure(figsize=(columns * 0.75 + 2.5, len(names) * 0.75))
    axis = figure.subplots()
    axis.axis("off")
    page, counts = _tiles(images, len(names), columns)
    # One picture: Matplotlib takes seconds for a hundred axes.
    axis.imshow(page, cmap="gray", vmin=0, vmax=255)
    height = page.shape[0] / len(names)
    for row, (name, count) in enumerate(zip(names, counts, strict=True)):
        axis.text(
            -0.02 * page.shape[1], (row + 0.5) * height, f"{name}\n{count:,}", ha="right",
            va="center", fontsize=9,
        )  # fmt: skip
    return save(figure, path)


def _tiles(images: Images, rows: int, columns: int, gap: int = 2) -> tuple[np.ndarray, list[int]]:
    """The first images of each class side by side on white, uint8; and how many each class has."""
    high, wide, *channels = images.images.shape[1:]
    page = np.full((rows * (high + gap), columns * (wide + gap), *channels), 255, np.uint8)
    counts = []
    for row in range(rows):
        members = np.flatnonzero(images.labels == row)
        counts.append(len(members))
        for column, member in enumerate(members[:columns]):
            top, left = row * (high + gap), column * (wide + gap)
            page[top : top + high, left : left + wide] = images.images[member]
    return page, counts


def confusion_figure(measured: dict[str, Any], path: Path) -> Path:
    """Rows are true classes, in % of each; errors stand out, as the diagonal is not shaded.

    Args:
        measured: what ``metrics.score`` gives; of many classes the most confused ones are drawn.
    """
    from matplotlib.figure import Figure

    rows = [measured["per_class"][number] for number in measured["confused_classes"]]
    names = [shortened(str(one["label"])) for one in rows]
    counts = np.asarray(measured["confusion"], float)
    share = counts / np.maximum([[one["support"]] for one in rows], 1)
    errors = share * (1 - np.eye(len(names)))
    side = max(7.0, 0.42 * len(names))
    figure = Figure(figsize=(side + 1, side))
    axis = figure.subplots()
    axis.imshow(errors, cmap="Oranges", vmin=0, vmax=max(0.05, float(errors.max())))
    axis.set_xlabel("predicted")
    axis.set_ylabel("true")
    left_out = len(measured["per_class"]) - len(names)
    of = f", the {len(names)} most confused of {left_out + len(names):,} classes" * bool(left_out)
    axis.set_title(f"Confusion on the test set, % of the true class{of}")
    axis.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axis.set_yticks(range(len(names)), names)
    _write_shares(axis, 100 * share)
    return save(figure, path)


def shortened(name: str, most: int = 24) -> str:
    """A class's name, as long as a figure has room for."""
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _write_shares(axis: Axes, percent: np.ndarray) -> None:
    """Numbers (classes, classes) where they are not zero, those on the diagonal in bold.

    White on what is shaded dark: the darkest is the largest off the diagonal.
    """
    dark = 0.6 * float((percent * (1 - np.eye(len(percent)))).max())
    for i, j in np.argwhere(percent):
        right = i == j
        axis.text(
            j, i, f"{percent[i, j]:.1f}", ha="center", va="center", fontsize=8,
            fontweight="bold" if right else "normal",
            color="white" if not right and percent[i, j] > dark else "black",
        )  # fmt: skip


def curves_figure(history: list[dict[str, float]], path: Path) -> Path:
    """Loss and accuracy by epoch, training and validation."""
    from matplotlib.figure import Figure

    epochs = range(1, len(history) + 1)
    figure = Figure(figsize=(9, 3.6))
    left, right = figure.subplots(1, 2)
    for axis, metric in ((left, "loss"), (right, "accuracy")):
        axis.plot(epochs, [one[metric] for one in history], marker="o", label="training")
        axis.plot(epochs, [one[f"val_{metric}"] for one in history], marker="o", label="validation")
        axis.set_xlabel("epoch")
        axis.set_title(metric)
        axis.set_xticks(list(epochs)[:: max(1, len(history) // 10)])
        axis.grid(alpha=0.3)
        axis.legend()
    return save(figure, path)


def per_class_figure(per_class: list[dict[str, float | str]], path: Path) -> Path:
    """Precision, recall and F1 of each class, worst F1 on top."""
    from matplotlib.figure import Figure

    rows = sorted(per_class, key=lambda one: -float(one["f1"]))[-MOST_BARS:]
    figure = Figure(figsize=(7, max(3.0, 0.35 * len(rows) + 1)))
    axis = figure.subplots()
    for offset, metric in ((-0.25, "precision"), (0.0, "recall"), (0.25, "f1")):
        values = [float(one[metric]) for one in rows]
        axis.barh(np.arange(len(rows)) + offset, values, height=0.23, label=metric)
    axis.set_yticks(range(len(rows)), [shortened(str(one["label"])) for one in rows])
    axis.set_xlim(0, 1)
    axis.grid(axis="x", alpha=0.3)
    axis.legend(loc="lower left")
    left_out = len(per_class) - len(rows)
    of = f": the {len(rows)} worst of {len(per_class):,} classes" if left_out else ""
    axis.set_title(f"By class on the test set{of}")
    return save(figure, path)


def reliability_figure(
    probabilities: np.ndarray, calibrated: np.ndarray, labels: np.ndarray, path: Path
) -> Path:
    """Confidence against accuracy, before and after temperature scaling."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6, 4.4))
    axis = figure.subplots()
    axis.plot([0, 1], [0, 1], color="grey", linestyle=":")
    for values, name in ((probabilities, "raw"), (calibrated, "calibrated")):
        confidence = values.max(axis=1)
        correct = values.argmax(axis=1) == labels
        bins = np.minimum((confidence * 10).astype(int), 9)
        used = np.unique(bins)
        axis.plot(
            [confidence[bins == bin_].mean() for bin_ in used],
            [correct[bins == bin_].mean() for bin_ in used],
            marker="o",
            label=name,
        )
    axis.set_xlabel("confidence")
    axis.set_ylabel("accuracy")
    axis.grid(alpha=0.3)
    axis.legend()
    return save(figure, path)


def mistakes_figure(
    test: Images, calibrated: np.ndarray, names: tuple[str, ...], path: Path, columns: int = 6
) -> Path:
    """The most confident wrong answers, the worst first: what it is, and what it was taken for."""
    from matplotlib.figure import Figure

    confidence, predicted = calibrated.max(axis=1), calibrated.argmax(axis=1)
    wrong = np.flatnonzero(predicted != test.labels)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:MISTAKES]
    rows = max(1, -(-len(worst) // columns))
    figure = Figure(figsize=(columns * 1.7, rows * 2.1 + 0.4))
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.axis("off")
    for axis, place in zip(axes, worst, strict=False):
        axis.imshow(test.images[place], cmap="gray", vmin=0, vmax=255)
        said = f"{names[predicted[place]]} {confidence[place]:.0%}"
        axis.set_title(f"{names[test.labels[place]]}\nsaid {said}", fontsize=8)
    figure.suptitle(f"Most confident of {len(wrong):,} mistakes in {len(test):,}", y=1.0)
    return save(figure, path)
