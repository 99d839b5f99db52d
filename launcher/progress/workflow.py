"""Where a run stands, read from its folders: which step, on what, and when all will be done.

Read, not told: the steps run in processes of Airflow's, or of nobody's any more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from launcher.progress.words import left_of_part, left_of_step
from model_zoo.errors import UserError
from model_zoo.files import read_json
from model_zoo.progress import Report, read_reports
from model_zoo.runs.folder import list_runs, progress_folder, run_folder
from model_zoo.runs.runner import DECIDED
from model_zoo.runs.steps import STEPS
from model_zoo.settings import Places, Project

#: Seconds of each step of `make demo` on two virtual cores, as the README has them: how the steps
#: compare. How fast this machine is, is measured.
USUAL = {
    "ingest": 1.0, "preprocess": 5.0, "health": 120.0, "tune": 60.0, "train": 34.0,
    "evaluate": 37.0, "register": 24.0, "gate": 15.0, "promote": 3.0,
}  # fmt: skip
#: Seconds from the end of a step to the start of the next one, until that is measured.
BETWEEN = 4.0
#: What is left of a step that should have ended, as part of the time that it took.
OVERDUE = 0.2
#: Usual seconds whose pace must be known before it counts as much as that of the usual machine.
DOUBT = 20.0


@dataclass(frozen=True)
class Standing:
    """Where a run stands at one moment.

    Attributes:
        step: the one at work or about to be; empty when all are done.
        number: of the step, from 1.
        waited: seconds since the step before it ended, or the run was begun.
        waits: for what, if nothing is reported.
        elapsed: seconds since the run was begun.
        left: seconds to the end of the run, about.
    """

    step: str
    number: int
    reports: tuple[Report, ...]
    now: float
    waited: float
    waits: str
    elapsed: float
    left: float

    @property
    def fraction(self) -> float:
        """What part of the run's time is over, about; 0..1."""
        return self.elapsed / max(self.elapsed + self.left, 1e-9)


class Watched:
    """A run under way, from now on; what was done before it is not counted.

    Attributes:
        waits: for what, while no step reports anything.
    """

    def __init__(
        self,
        project: Project,
        places: Places,
        run_name: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = run_folder(places, project.name, run_name)
        self.waits = "starting"
        self._places, self._clock = places, clock
        self._usual = usual_seconds(project, places)
        self._todo = [step for step in STEPS if not self._facts(step).exists()]
        self._took: dict[str, float] = {}
        self._began = self._first_step = self._last_end = clock()

    def _facts(self, step: str) -> Path:
        return self.folder / f"{step}.json"

    def prepared(self) -> None:
        """The first step comes now; what was before it says nothing about the others."""
        self._first_step = self._last_end = self._clock()

    def standing(self) -> Standing:
        """Where the run stands now."""
        now = self._clock()
        for step in [step for step in self._todo if self._facts(step).exists()]:
            self._took[step] = float(read_json(self._facts(step))["step_seconds"])
            self._todo.remove(step)
            self._last_end = now
        step = self._todo[0] if self._todo else ""
        number = STEPS.index(step) + 1 if step else len(STEPS)
        reports = tuple(read_reports(progress_folder(self._places, self.folder, step)))
        waited = now - self._last_end
        left = seconds_left(
            self._usual, self._took, self._todo, self._last_end - self._first_step, waited,
            left_of_step(reports, now), left_of_part(reports),
        )  # fmt: skip
        return Standing(step, number, reports, now, waited, self.waits, now - self._began, left)


def seconds_left(
    usual: Mapping[str, float],
    took: Mapping[str, float],
    todo: Sequence[str],
    until_here: float,
    waited: float,
    measured: float | None,
    at_least: float = 0.0,
) -> float:
    """Seconds to the end of a run, about: what the step at work measures itself, and what the steps
    after it usually take, at the pace of those before.

    Args:
        usual: seconds of each step elsewhere, or last time.
        took: of each step that has ended.
        todo: the others in their order; the first is at work.
        until_here: seconds from the start of the first step to the end of the last.
        waited: seconds since then.
        measured: what is left of the step at work, by what it has done of it; None: not known yet.
        at_least: what is left of one part of it.
    """
    if not todo:
        return 0.0
    seconds, expected = sum(took.values()), sum(usual[step] for step in took)
    between = max(0.0, until_here - seconds) / len(took) if took else BETWEEN
    if measured is not None:
        seconds, expected = seconds + waited + measured, expected + usual[todo[0]]
    pace = (seconds + DOUBT) / (expected + DOUBT)
    if measured is None:
        # Of a step that takes longer than expected nobody knows more than how long it took.
        expected = pace * usual[todo[0]] + between
        measured = max(expected - waited, OVERDUE * waited, at_least)
    return measured + sum(pace * usual[step] + between for step in todo[1:])


def usual_seconds(project: Project, places: Places) -> Mapping[str, float]:
    """Of each step in the last run here with the same settings; else those of the README's demo."""
    values = {name: str(value) for name, value in project.deciding().items()}
    ended: list[tuple[float, dict[str, float]]] = []
    for name in list_runs(places, project.name):
        folder = run_folder(places, project.name, name)
        try:
            if read_json(folder / DECIDED) == values:
                seconds = {s: float(read_json(folder / f"{s}.json")["step_seconds"]) for s in STEPS}
                ended.append(((folder / f"{STEPS[-1]}.json").stat().st_mtime, seconds))
        except (OSError, ValueError, KeyError, UserError):
            continue  # it has not ended
    return max(ended, key=lambda one: one[0])[1] if ended else USUAL
