"""The verdict of a run: kept with what it was about, logged, and found again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from model_zoo.files import read_json, write_json
from model_zoo.judging.corrupted import Corrupted
from model_zoo.judging.verdict import Verdict
from model_zoo.registry.judged_answers import (
    ANCHOR_TAG,
    FILE,
    PART_TAG,
    SERIES_TAG,
    TIMES_TAG,
    Answers,
    decisions,
    tag_version,
    write_answers,
)
from model_zoo.registry.promotion import JUDGED_AGAINST, JUDGED_AT
from model_zoo.registry.versions import get_version
from model_zoo.runs.facts import facts_of
from model_zoo.runs.folder import Run
from model_zoo.runs.run_records import parent_run

if TYPE_CHECKING:
    from model_zoo.registry.promotion import Judged
    from model_zoo.runs.contest import Trial

KEPT = "verdict.json"
DOCUMENT, TABLE = "gate/verdict.md", "gate/verdict.json"


def basis_of(run: Run, version: str, judged: Judged) -> dict[str, Any]:
    """What a verdict is about: another basis, another verdict."""
    settings = json.dumps(run.project.judging.model_dump(mode="json"), sort_keys=True)
    return {
        "version": version,
        "judged": asdict(judged),
        "snapshot": facts_of(run, "ingest")["dataset"],
        "served": run.serving.served_format,
        "judging": hashlib.sha256(settings.encode()).hexdigest()[:16],
    }


def kept(run: Run, basis: dict[str, Any]) -> Verdict | None:
    """The verdict of an earlier try on the same basis; each takes the test part once."""
    path = run.folder / KEPT
    if not path.exists():
        return None
    found = read_json(path)
    return Verdict.from_dict(found["verdict"]) if found["basis"] == basis else None


def keep(run: Run, basis: dict[str, Any], trial: Trial, verdict: Verdict, judged: Judged) -> None:
    """Log the verdict as table, JSON and tags, and what the next candidate needs of it.

    Killed on the way and run again, it judges and logs the same anew; only then is it kept.
    """
    import mlflow

    word = "passed" if verdict.passed else "not passed"
    answers = write_answers(run.folder / FILE, _answers(run, trial))
    with parent_run(run):
        mlflow.log_text(verdict.markdown(), DOCUMENT)
        mlflow.log_dict(verdict.as_dict(), TABLE)
        mlflow.log_artifact(str(answers), "gate")
        mlflow.set_tags({"gate": word})
    times = 1 + decisions(get_version(run.store, verdict.version), trial.part)
    tag_version(
        run.store,
        verdict.version,
        {
            PART_TAG: trial.part,
            SERIES_TAG: trial.series,
            TIMES_TAG: str(times),
            ANCHOR_TAG: trial.anchor,
            JUDGED_AGAINST: judged.production,
            JUDGED_AT: datetime.now(UTC).isoformat(timespec="seconds"),
            "gate_reasons": "; ".join(verdict.reasons),
            "gate": word,  # last: with it the rest is there
        },
    )
    write_json(run.folder / KEPT, {"basis": basis, "verdict": verdict.as_dict()})


def _answers(run: Run, trial: Trial) -> Answers:
    contest = trial.contest
    right = (contest.candidate.predicted == contest.truth).astype(np.uint16)
    earlier = contest.look.earlier_right
    tried = contest.corrupted if "robustness" in contest.settings.rules else None
    tried = tried or Corrupted(np.empty(0, np.int64), {})
    answers = [one.astype(np.int32) for one in tried.predicted.values()]
    return Answers(
        part=trial.part,
        served=run.serving.served_format,
        predicted=contest.candidate.predicted.astype(np.int32),
        probabilities=contest.candidate.probabilities.astype(np.float16),
        series_right=right if earlier is None else right + earlier.astype(np.uint16),
        tries=contest.look.tries,
        corrupted_members=tried.members,
        corruptions=np.array(list(tried.predicted), "U"),
        corrupted_predicted=np.stack(answers) if answers else np.empty((0, 0), np.int32),
    )
