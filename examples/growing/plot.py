"""The story as a picture: production on each month's new test pictures, before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from examples.growing.months import Told
from model_zoo.evaluation.intervals import wilson_interval
from model_zoo.files import complete_or_absent

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Theme:
    name: str
    ground: str
    ink: str
    faint: str
    before: str
    after: str


THEMES = (
    Theme("light", "#ffffff", "#1f2328", "#d0d7de", "#9a6700", "#0969da"),
    Theme("dark", "#0d1117", "#e6edf3", "#30363d", "#e3b341", "#58a6ff"),
)


def draw(told: Sequence[Told], folder: Path, notes: dict[int, str]) -> list[Path]:
    """``growing-light.png`` and ``growing-dark.png``.

    Args:
        notes: words over a month.
    """
    return [_drawn(told, folder / f"growing-{theme.name}.png", notes, theme) for theme in THEMES]


def _drawn(told: Sequence[Told], path: Path, notes: dict[int, str], theme: Theme) -> Path:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.6), facecolor=theme.ground)
    axis = figure.subplots()
    axis.set_facecolor(theme.ground)
    lowest, highest = 1.0, 0.0
    for one in told:
        if not one.tested:
            continue
        points = {"after": one.right_after, "before": one.right_before}
        known = {name: right for name, right in points.items() if right is not None}
        for name, right in known.items():
            shift = -0.09 if name == "before" else 0.09
            low, high = wilson_interval(right, one.tested)
            lowest, highest = min(lowest, low), max(highest, high)
            axis.errorbar(
                one.month + shift, right / one.tested,
                [[right / one.tested - low], [high - right / one.tested]],
                color=getattr(theme, name), fmt="o", markersize=9, elinewidth=1.2, capsize=3,
                markerfacecolor=theme.ground if name == "before" else theme.after,
                markeredgewidth=2,
            )  # fmt: skip
    _dress(axis, told, lowest, highest, notes, theme)
    with complete_or_absent(path) as partial:
        figure.savefig(partial, dpi=130, bbox_inches="tight", facecolor=theme.ground)
    return path


def _dress(
    axis: Axes, told: Sequence[Told], lowest: float, highest: float, notes: dict[int, str],
    theme: Theme,
) -> None:  # fmt: skip
    """Axes, their words, and a legend."""
    from matplotlib.lines import Line2D
    from matplotlib.ticker import PercentFormatter

    top = min(1.04, highest + 0.09)
    axis.set_ylim(lowest - 0.05, top)
    axis.set_xlim(0.5, len(told) + 0.5)
    axis.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axis.set_xticks(
        [one.month for one in told],
        [f"month {one.month}\n{_arrived(one)}\n{_outcome(one)}" for one in told],
    )
    for month, words in notes.items():
        axis.text(month, top - 0.01, words, ha="center", va="top", color=theme.ink, fontsize=9)
    for one in told:
        if not one.tested:
            axis.axvspan(one.month - 0.4, one.month + 0.4, color=theme.faint, alpha=0.35, lw=0)
    axis.tick_params(colors=theme.ink, length=0, labelsize=9)
    for one, words in zip(told, axis.get_xticklabels(), strict=True):
        words.set_color(theme.after if one.promoted else theme.ink)
    axis.grid(axis="y", color=theme.faint, linewidth=0.8)
    axis.set_axisbelow(True)
    for side in axis.spines.values():
        side.set_color(theme.faint)
    axis.set_title(
        "Right on the month's new test pictures, 95 % interval", color=theme.ink, fontsize=11,
        loc="left",
    )  # fmt: skip
    about = {"marker": "o", "linestyle": "", "markersize": 9, "markeredgewidth": 2}
    axis.legend(
        handles=[
            Line2D(
                [], [], color=theme.before, markerfacecolor=theme.ground,
                label="production before the run", **about,
            ),
            Line2D([], [], color=theme.after, label="production after the run", **about),
        ],
        loc="lower left", frameon=False, labelcolor=theme.ink, fontsize=9,
    )  # fmt: skip


def _outcome(one: Told) -> str:
    if one.promoted:
        return f"version {one.after} promoted"
    return f"version {one.candidate} refused" if one.candidate else "nothing to do"


def _arrived(one: Told) -> str:
    if not one.arrived:
        return "nothing new"
    what = f"{one.arrived:,} new"
    return what if one.reason else f"{what}: too few"
