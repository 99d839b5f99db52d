"""Trials in the process of the tests, which has imported the framework already.

For tests of what a search proposes, records and says; what a process of its own is for has tests
that start one.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from multiprocessing import Pipe
from typing import Any

from model_zoo.progress import Reporter
from model_zoo.tuning.trial_process import TrialProcess, train_trial


class TrialHere(TrialProcess):
    """A trial is trained when it is given out; then its connection is ready."""

    def __enter__(self) -> TrialHere:
        self._connection, self._theirs = Pipe()
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._theirs.close()

    def warm_up(self) -> None:
        """There is no process to be started."""

    def start(self, trial: str, values: Mapping[str, Any]) -> None:
        project, _, dataset, folder, name, _, reports = self._arguments
        self._given = (trial, dict(values), time.time())
        say = Reporter(print, reports)
        self._theirs.send(train_trial(project, dataset, folder, trial, dict(values), name, say))
