"""May this candidate take the place of what is in production? Every rule is asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from model_zoo.judging.contest import Contest
from model_zoo.judging.rule import RULES, Finding

#: Rules whose sentences say enough of a candidate that passed.
MAIN = ("floor", "real-over-generated", "better-or-newer", "better", "not-worse")


@dataclass(frozen=True)
class Verdict:
    """What each rule found; passed when none failed.

    ``version`` was judged against ``against``, None when nothing was in production; ``notes`` are
    sentences about how it was judged.
    """

    version: str
    against: str | None
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return all(one.outcome != "failed" for one in self.findings)

    @property
    def reasons(self) -> list[str]:
        """What decided: the sentences of all that failed, or of the main rules that passed."""
        failed = [one.sentence for one in self.findings if one.outcome == "failed"]
        passed = [one for one in self.findings if one.outcome == "passed"]
        return failed or [one.sentence for one in passed if one.rule in MAIN]

    @property
    def figures(self) -> dict[str, Any]:
        """By rule."""
        return {one.rule: one.figures for one in self.findings}

    def as_dict(self) -> dict[str, Any]:
        """For JSON: the file of a verdict."""
        return {
            "version": self.version,
            "against": self.against,
            "passed": self.passed,
            "notes": list(self.notes),
            "rules": [one.as_dict() for one in self.findings],
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Verdict:
        findings = tuple(Finding(**one) for one in values["rules"])
        return cls(values["version"], values["against"], findings, tuple(values["notes"]))

    def markdown(self) -> str:
        """A table, one row a rule."""
        rival = f"version {self.against}" if self.against else "nothing"
        lines = [
            f"### Version {self.version} against {rival} in production",
            "",
            f"**{'Passed' if self.passed else 'Did not pass'}** the gate.",
            "",
            "| rule | | what was found |",
            "|---|---|---|",
            *(f"| {one.rule} | {_word(one)} | {_cell(one.sentence)} |" for one in self.findings),
        ]
        if self.notes:
            lines += ["", *(f"- {note}" for note in self.notes)]
        return "\n".join(lines) + "\n"


def judge(contest: Contest, against: str | None = None) -> Verdict:
    """Ask every rule that the project names, in its order.

    Args:
        against: the version in production, where it could not be asked.

    Raises:
        UserError: no rule has one of the names.
    """
    rules = [(name, RULES.get(name)) for name in contest.settings.rules]
    findings = tuple(replace(rule(contest), rule=name) for name, rule in rules)
    sides = (contest.candidate, contest.production, contest.anchor)
    notes = list(dict.fromkeys(one.note for one in sides if one is not None and one.note))
    if contest.unanswered:
        notes.append(contest.unanswered)
    if not contest.no_rival and contest.unlike:
        notes.append(contest.unlike)
    notes.append(wear(contest))
    if contest.production is not None:
        against = contest.production.version
    return Verdict(contest.candidate.version, against, findings, tuple(notes))


def wear(contest: Contest) -> str:
    """How often the test part has been used to decide, in words."""
    look, most = contest.look, contest.settings.looks
    said = (
        f"decision {look.number} on this test part, series {look.series} of candidates, try "
        f"{look.tries} of it"
    )
    if look.number < most:
        return f"{said}; a fresh one is due after {most}"
    return f"{said}: a fresh test part is due (the setting judging.looks is {most})"


def _word(finding: Finding) -> str:
    return f"**{finding.outcome}**" if finding.outcome == "failed" else finding.outcome


def _cell(sentence: str) -> str:
    return sentence.replace("|", "\\|").replace("\n", " ")
