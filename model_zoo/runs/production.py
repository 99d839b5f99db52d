"""The last step of a run: the candidate goes into production, or stays and it is said why."""

from __future__ import annotations

from collections.abc import Callable

from model_zoo.files import write_json
from model_zoo.predictor.trial import try_version
from model_zoo.registry import promotion
from model_zoo.registry.versions import find_alias, get_version
from model_zoo.runs.facts import GateFacts, facts_of
from model_zoo.runs.folder import Run

MOST_VERDICTS = 3  # production that moves more often while a run ends is somebody else's to settle


def bring_into_production(
    run: Run, gate: Callable[[Run], GateFacts], say: Callable[[str], None]
) -> tuple[GateFacts, bool, str]:
    """Promote what the gate passed, as the project's setting wants it.

    A verdict counts only for the two models that it is about. Where production is another one by
    now the candidate is judged again, unless a person said yes to the old verdict: that person is
    to be asked again.

    Returns:
        The verdict, whether its version is in production now, and why, in words.
    """
    verdict: GateFacts = facts_of(run, "gate")
    for _ in range(MOST_VERDICTS):
        waits = _waits_for(run, verdict)
        if waits:
            return verdict, False, waits
        version, why = verdict["version"], "; ".join(verdict["reasons"])
        if _is_there(run, version):
            return verdict, True, why
        try_version(run.store, run.serving, run.places, get_version(run.store, version))
        if run.approved_by:
            why = f"approved by {run.approved_by}; {why}"
        judged = promotion.Judged(**verdict["judged"])
        try:
            done = promotion.promote(run.store, version, why, run.approved_by, judged=judged)
        except promotion.Rejected as error:
            return verdict, False, f"version {version} stays candidate: {error}"
        except promotion.ProductionMoved as error:
            if run.approved_by:
                return verdict, False, f"version {version} stays candidate: {error}"
            say(str(error))
            verdict = _judged_again(run, gate, verdict)
            continue
        for sentence in done.said:
            say(sentence)
        if run.approved_by:
            promotion.record_approval(run.store, version, run.approved_by)
        return verdict, True, why
    return verdict, False, f"version {verdict['version']} stays candidate: production keeps moving"


def _judged_again(run: Run, gate: Callable[[Run], GateFacts], before: GateFacts) -> GateFacts:
    verdict = gate(run)
    verdict["step_seconds"] = before.get("step_seconds", 0.0)
    write_json(run.folder / "gate.json", verdict)
    return verdict


def _waits_for(run: Run, verdict: GateFacts) -> str:
    """Why the version stays where it is; empty if it may be promoted."""
    version, setting = verdict["version"], run.project.judging.promotion
    if not verdict["passed"]:
        if verdict["judged"]["candidate"] == verdict["judged"]["production"]:
            return f"nothing to promote: {'; '.join(verdict['reasons'])}"
        return f"version {version} stays candidate: {'; '.join(verdict['reasons'])}"
    if _is_there(run, version):
        return ""  # by whomever
    if setting == "manual":
        return f"version {version} stays candidate: `catwalk promote {version}` promotes it"
    if setting == "approval" and not run.approved_by:
        return (
            f"version {version} stays candidate until somebody approves it: "
            f"`catwalk approve {version} --by NAME` within "
            f"{run.project.judging.approval_hours:g} hours"
        )
    return ""


def _is_there(run: Run, version: str) -> bool:
    production = find_alias(run.store, "production")
    return production is not None and production.version == version
