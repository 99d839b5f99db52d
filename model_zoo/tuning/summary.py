"""The search at a glance: every trial as a line through its hyperparameters, and what mattered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from model_zoo.tuning.space import LOG_SCALED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FEWEST_TRIALS = 4  # below that, importance is an accident
NOT_SEARCHED = ("trial", "epochs", "seconds")


def objective(trials: list[dict[str, Any]]) -> str:
    """The name of what the trials are ranked by: ``val_<metric>``."""
    return next(name for name in trials[0] if name.startswith("val_"))


def hyperparameters(trials: list[dict[str, Any]]) -> list[str]:
    """Names of all hyperparameters."""
    return [name for name in trials[0] if name not in (*NOT_SEARCHED, objective(trials))]


def searched(trials: list[dict[str, Any]]) -> list[str]:
    """Names of the hyperparameters that differ among the trials."""
    names = hyperparameters(trials)
    return [name for name in names if len({trial[name] for trial in trials}) > 1]


def importance(trials: list[dict[str, Any]], seed: int) -> dict[str, float]:
    """What part of the differences in the objective each hyperparameter explains; they sum to 1.

    By a random forest over the trials: how much it loses when the values of one
    hyperparameter are shuffled (Breiman 2001). A reading of the trials that were run, not of the
    space; empty with fewer than four trials, or if nothing explains anything.
    """
    names = searched(trials)
    if len(trials) < FEWEST_TRIALS or not names:
        return {}
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.inspection import permutation_importance

    points = np.column_stack([_scaled(name, trials) for name in names])
    reached = np.array([trial[objective(trials)] for trial in trials])
    forest = RandomForestRegressor(n_estimators=100, random_state=seed).fit(points, reached)
    found = permutation_importance(forest, points, reached, n_repeats=20, random_state=seed)
    lost = np.maximum(found.importances_mean, 0)
    if not lost.sum() > 0:
        return {}
    parts = {name: float(value) for name, value in zip(names, lost / lost.sum(), strict=True)}
    return dict(sorted(parts.items(), key=lambda one: -one[1]))


def summary_figure(trials: list[dict[str, Any]], parts: dict[str, float]) -> Figure:
    """Parallel coordinates on the left, importance on the right; the best trial is the thick line.

    Args:
        trials: as ``tuning.search`` returns them, best first.
        parts: their :func:`importance`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 1))
    _parallel_coordinates(figure, left, trials)
    _importance_bars(right, parts)
    return figure


def _parallel_coordinates(figure: Figure, axis: Any, trials: list[dict[str, Any]]) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    names = [*hyperparameters(trials), objective(trials)]
    heights = np.column_stack([_to_unit(_scaled(name, trials)) for name in names])
    reached = [trial[objective(trials)] for trial in trials]
    colour = ScalarMappable(Normalize(min(reached), max(reached)), "viridis")
    for place, (line, value) in reversed(list(enumerate(zip(heights, reached, strict=True)))):
        width, clear = (3.0, 1.0) if place == 0 else (1.0, 0.6)
        axis.plot(line, color=colour.to_rgba(value), linewidth=width, alpha=clear, marker=".")
    for place, name in enumerate(names):
        axis.axvline(place, color="lightgrey", zorder=0)
        values = [trial[name] for trial in trials]
        for height, value in ((0, min(values)), (1, max(values))):
            if height == 0 or min(values) != max(values):
                at = height if min(values) != max(values) else 0.5
                offset = (0, 9 if at == 1 else -9)
                axis.annotate(
                    f"{value:.3g}", (place, at), offset, textcoords="offset points",
                    ha="center", va="center", fontsize=8,
                )  # fmt: skip
    axis.set_xticks(range(len(names)), [name.replace("_", " ") for name in names])
    axis.tick_params(axis="x", pad=10, length=0)
    axis.set_yticks([])
    axis.set_ylim(-0.12, 1.12)
    axis.set_frame_on(False)
    axis.set_title(f"{len(trials)} trials; logarithmic: {', '.join(_log_axes(names)) or 'none'}")
    figure.colorbar(
        colour,
        ax=axis,
        label=objective(trials).replace("val_", "validation ").replace("_", " "),
        pad=0.01,
    )


def _importance_bars(axis: Any, parts: dict[str, float]) -> None:
    axis.set_title("importance")
    if not parts:
        axis.set_axis_off()
        axis.text(0.5, 0.5, "too few trials to tell", ha="center", va="center", color="grey")
        return
    names = list(parts)[::-1]
    bars = axis.barh([name.replace("_", " ") for name in names], [parts[name] for name in names])
    axis.bar_label(bars, fmt="{:.0%}", padding=2, fontsize=8)
    axis.set_xlim(0, 1)
    axis.set_frame_on(False)
    axis.set_xticks([])


def _log_axes(names: list[str]) -> list[str]:
    return [name.replace("_", " ") for name in names if name in LOG_SCALED]


def _scaled(name: str, trials: list[dict[str, Any]]) -> np.ndarray:
    values = np.array([float(trial[name]) for trial in trials])
    return np.log10(values) if name in LOG_SCALED else values


def _to_unit(values: np.ndarray) -> np.ndarray:
    least, most = values.min(), values.max()
    return (values - least) / (most - least) if most > least else np.full(len(values), 0.5)
