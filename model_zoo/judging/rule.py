"""What a rule is, and how one is registered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from model_zoo.judging.contest import Contest
from model_zoo.plugin_registry import Registry

Outcome = Literal["passed", "failed", "not judged"]


@dataclass(frozen=True)
class Finding:
    """What one rule says: an outcome, a sentence, and the figures behind it (JSON-able)."""

    outcome: Outcome
    sentence: str
    figures: dict[str, Any] = field(default_factory=dict)
    rule: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def found(good: bool, sentence: str, **figures: Any) -> Finding:
    """Passed or failed."""
    return Finding("passed" if good else "failed", sentence, figures)


def not_judged(sentence: str, **figures: Any) -> Finding:
    """There is nothing to judge by, or too little; says what."""
    return Finding("not judged", sentence, figures)


Rule = Callable[[Contest], Finding]
RULES: Registry[Rule] = Registry("judging rule", "catwalk.judging_rules")


def register_rule(name: str) -> Callable[[Rule], Rule]:
    """Register the decorated function as a rule that projects may name in ``judging.rules``.

    Raises:
        DuplicateName: the name is taken; names both files.
    """

    def register(rule: Rule) -> Rule:
        RULES.add(name, rule, rule)
        return rule

    return register
