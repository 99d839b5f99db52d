"""Years of weekly retraining, judged by this gate and by those of others.

    python -m benchmarks.gate [--years 400]

Each simulated year has its own test part of 10,000 images and 52 candidates. On 13.8 % of the
images a network of the recipe is right by chance, with a probability of its own between 0 and 1;
two equal networks then disagree on 4.6 %, and their difference on the test part has a standard
deviation of 0.21 points. The truth is known: what a candidate would score on all images there are.

Judged side by side, each with a production of its own:

- **catwalk**: `better-or-newer` and `drift` of `model_zoo.judging`, at their defaults;
- **margin**: at most half a point lower on the test part;
- **TFX**: not lower, as its Evaluator with `GenericChangeThreshold(absolute={"value": -1e-10})`;
- **MLflow**: half a point higher, as `validate_evaluation_results` with
  `MetricThreshold(min_absolute_change=0.005)`, which takes positive values only;
- **SageMaker**: at an accuracy or above, as `ConditionGreaterThanOrEqualTo` in a pipeline: here one
  point below what the first production has.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from benchmarks.timing import machine
from model_zoo.judging.looks import bound, error_of
from model_zoo.judging.paired import score
from model_zoo.settings import JudgingSettings

IMAGES = 10_000
UNSURE = 0.138  # share of images on which networks of one recipe are not always of one mind
WEEKS = 52
SETTINGS = JudgingSettings()
POINT = 0.01
#: How far the true accuracy of each week's candidate lies from that of the first production.
SCENARIOS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "equal": lambda random: np.zeros(WEEKS),
    "varying": lambda random: random.normal(0, 0.2 * POINT, WEEKS),
    "declining": lambda random: -0.05 * POINT * np.arange(1, WEEKS + 1),
    "improving": lambda random: 0.02 * POINT * np.arange(1, WEEKS + 1),
    "better": lambda random: np.full(WEEKS, 0.5 * POINT),
}
#: As "equal", each week's candidate of another recipe: 52 questions to one test part.
RECIPES = "equal, 52 recipes"


@dataclass
class Production:
    """What is in production in one gate's year: right answers on the unsure images, and truth."""

    right: np.ndarray
    truth: float = 0.0
    anchor: np.ndarray | None = None
    promoted: list[int] = field(default_factory=list)
    to_worse: int = 0
    lowest: float = 0.0
    # Of the series against this production: how many, and how often each image was right.
    tries: int = 0
    series: int = 1
    series_right: np.ndarray | None = None

    def take(self, week: int, right: np.ndarray, truth: float) -> None:
        self.to_worse += truth < self.truth - 1e-9
        self.right, self.truth = right, truth
        self.lowest = min(self.lowest, truth)
        self.promoted.append(week)
        self.next_series()

    def next_series(self) -> None:
        """Candidates so far are no evidence about those to come."""
        if self.tries:
            self.tries, self.series, self.series_right = 0, self.series + 1, None


def catwalk(production: Production, right: np.ndarray, newer: bool) -> bool:
    """The rules' decisions, on the counts that they go by; moves the anchor as a run does."""
    anchor = production.right if production.anchor is None else production.anchor
    good = _not_worse(production, right) if newer else _better(production, right)
    won, lost = _counts(right, anchor)
    within = _at_least(won, lost, -SETTINGS.drift_budget, SETTINGS.drift_confidence)
    if good and within:
        production.anchor = right if _at_least(won, lost, 0.0, SETTINGS.confidence) else anchor
        return True
    return False


def _not_worse(production: Production, right: np.ndarray) -> bool:
    return _at_least(*_counts(right, production.right), -SETTINGS.margin, SETTINGS.confidence)


def _better(production: Production, right: np.ndarray) -> bool:
    production.tries += 1
    before = 0 if production.series_right is None else production.series_right
    production.series_right = before + right.astype(np.int32)
    ahead = production.series_right / production.tries - production.right
    mean = ahead.sum() / IMAGES
    spread = np.sqrt(((ahead**2).sum() / IMAGES - mean**2) / IMAGES)
    won, lost = _counts(right, production.right)
    wanted = bound(error_of(production.series, SETTINGS.error))
    return bool(mean >= wanted * spread and won > lost)


def _at_least(won: int, lost: int, difference: float, confidence: float) -> bool:
    """Whether the one-sided lower bound of the rules is at or above ``difference``."""
    return float(score(won, lost, IMAGES, difference)) >= _quantile(confidence)


def _quantile(confidence: float) -> float:
    from scipy.stats import norm

    if confidence not in _QUANTILES:
        _QUANTILES[confidence] = float(norm.ppf(confidence))
    return _QUANTILES[confidence]


_QUANTILES: dict[float, float] = {}


def _counts(right: np.ndarray, other: np.ndarray) -> tuple[int, int]:
    return int((right & ~other).sum()), int((~right & other).sum())


def _ahead(production: Production, right: np.ndarray) -> float:
    return (int(right.sum()) - int(production.right.sum())) / IMAGES


#: Of each gate: production, who is right, newer images, right answers of the first production.
GATES: dict[str, Callable[[Production, np.ndarray, bool, int], bool]] = {
    "catwalk": lambda production, right, newer, first: catwalk(production, right, newer),
    "margin": lambda production, right, newer, first: _ahead(production, right) >= -0.5 * POINT,
    "TFX": lambda production, right, newer, first: _ahead(production, right) >= 0,
    "MLflow": lambda production, right, newer, first: _ahead(production, right) >= 0.5 * POINT,
    "SageMaker": lambda production, right, newer, first: (
        (int(right.sum()) - first) / IMAGES >= -POINT
    ),
}


@dataclass(frozen=True)
class Year:
    """What became of one gate's production."""

    promotions: int
    to_worse: int
    end: float
    lowest: float
    first: int | None


def play(
    truths: np.ndarray, newer: bool, recipes: bool, random: np.random.Generator
) -> dict[str, Year]:
    """One year, by every gate.

    Args:
        truths: of each week's candidate, as the difference to the first production.
        newer: each candidate has learned from newer images than production.
        recipes: each candidate is of a recipe of its own, and not of another seed.
    """
    chance = random.random(random.binomial(IMAGES, UNSURE))
    first = random.random(len(chance)) < chance
    candidates = random.random((len(truths), len(chance))) < np.clip(
        chance + truths[:, None] / UNSURE, 0, 1
    )
    years = {}
    for name, passes in GATES.items():
        production = Production(first)
        for week, (right, truth) in enumerate(zip(candidates, truths, strict=True)):
            if recipes:
                production.next_series()
            if passes(production, right, newer, int(first.sum())):
                production.take(week, right, float(truth))
        moves = production.promoted
        years[name] = Year(
            len(moves),
            production.to_worse,
            production.truth,
            production.lowest,
            moves[0] if moves else None,
        )
    return years


def simulate(scenario: str, newer: bool, years: int, seed: int = 18) -> dict[str, list[Year]]:
    """Many years of a scenario, by gate."""
    random = np.random.default_rng(seed)
    recipes = scenario == RECIPES
    truths = SCENARIOS["equal" if recipes else scenario]
    played = [play(truths(random), newer, recipes, random) for _ in range(years)]
    return {name: [year[name] for year in played] for name in GATES}


def table(years: int) -> list[str]:
    """The rows of docs/judging.md."""
    lines = [
        "| candidates | gate | promotions | to truly worse | years with any | first within 8 weeks "
        "| true change at the end | lowest in any year |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for newer in (False, True):
        for scenario in SCENARIOS if newer else (*SCENARIOS, RECIPES):
            what = f"{scenario}, {'newer' if newer else 'same'} images"
            found = simulate(scenario, newer, years)
            lines += [_row(what, name, of_gate) for name, of_gate in found.items()]
    return lines


def _row(scenario: str, gate: str, found: list[Year]) -> str:
    promotions, to_worse, end = (
        float(np.mean([getattr(year, key) for year in found]))
        for key in ("promotions", "to_worse", "end")
    )
    ever = np.mean([year.first is not None for year in found])
    soon = np.mean([year.first is not None and year.first < 8 for year in found])
    lowest = min(year.lowest for year in found)
    return (
        f"| {scenario} | {gate} | {promotions:.1f} | {to_worse:.1f} | {ever:.1%} | {soon:.1%} | "
        f"{end / POINT:+.2f} | {lowest / POINT:+.2f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--years", type=int, default=400, help="of each scenario")
    arguments = parser.parse_args()
    started = time.perf_counter()
    print(machine("numpy", "scipy"))
    print("\n".join(table(arguments.years)))
    print(f"{arguments.years} years of each in {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
