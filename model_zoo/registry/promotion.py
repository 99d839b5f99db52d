"""What is in production: promotion, approval, rollback, and the history of them.

Who moves ``production`` is alone with the registry (``exclusive.py``), puts right first what is not
(``repair.py``), compares with what the verdict was about, and then writes in the order of
``moves.py``. That the files of a version are whole and load is looked at before
(``model_zoo.predictor.trial``): it takes longer than anybody may hold the lock.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from model_zoo.errors import UserError
from model_zoo.registry import database
from model_zoo.registry.exclusive import Registry, Write, alone_with
from model_zoo.registry.moves import (
    HISTORY_PREFIX,
    INTENT,
    REJECTED,
    Move,
    new_move,
    parsed,
    whoever_runs_this,
)
from model_zoo.registry.repair import Settled, before, settle, unfit, write_all
from model_zoo.registry.store import Store
from model_zoo.registry.versions import (
    Version,
    check_origin,
    content_of,
    get_version,
    model_tags,
)

#: Tags of a version: what the gate compared it with and when, and who approved it.
JUDGED_AGAINST, JUDGED_AT, APPROVED = "judged_against", "judged_at", "approved"
NOTHING = "nothing"  # in production when it was judged


class ProductionMoved(UserError):
    """The verdict is about another pair of models than this one: judge again."""


class Rejected(UserError):
    """It was taken out of production by a rollback; no verdict brings it back."""


@dataclass(frozen=True)
class Judged:
    """What a verdict is about, by content: the candidate, and what was in production."""

    candidate: str
    production: str


@dataclass(frozen=True)
class Outcome:
    """What is in production now.

    Attributes:
        moved: this call did it.
        replaced: what was in production before.
        said: sentences about what was put right on the way, or why nothing moved.
    """

    version: Version
    moved: bool
    replaced: str | None
    said: tuple[str, ...] = ()


def pair(candidate: Version, production: Version | None) -> Judged:
    """What a verdict about these two is about."""
    against = content_of(production) if production is not None else NOTHING
    return Judged(content_of(candidate), against)


def look_at_production(store: Store) -> tuple[Version | None, list[str]]:
    """What is in production, after whatever is not right was put right; and what that was."""
    if not store.server and not database.is_made(store.home / database.FILE):
        return None, []
    with alone_with(store) as registry:
        found = settle(store, registry)
        return _with_aliases(registry, found.production), found.said


def promote(
    store: Store,
    version: str,
    why: str = "by hand",
    by: str = "",
    *,
    judged: Judged | None = None,
    force: bool = False,
) -> Outcome:
    """Point ``production`` at ``version``; ``previous`` keeps the one that it replaces.

    Run again it changes nothing. Each move is kept in the registered model's tags, so the history
    of what was in production can be read in MLflow too.

    Args:
        by: who wants it; empty: whoever runs this.
        judged: what the verdict that allows it was about; None: somebody decides by hand.
        force: bring back what a rollback rejected.

    Raises:
        ProductionMoved: candidate or production is not the one that was judged.
        Rejected: see ``force``.
        UserError: no such version, another project's, or a model of generated images would
            replace one of real ones.
    """
    check_origin(store, get_version(store, version))
    with alone_with(store) as registry:
        now = settle(store, registry)
        target, current = registry.version(version), now.production
        if target is None:
            raise UserError(f"version {version} of {store.model} was deleted in MLflow meanwhile")
        if current is not None and content_of(current) == content_of(target):
            said = [*now.said, *_the_same(current, target)]
            return Outcome(_present(registry, current), False, None, tuple(said))
        _check_verdict(judged, target, current)
        if force:
            target = replace(target, tags={k: v for k, v in target.tags.items() if k != REJECTED})
        elif REJECTED in target.tags:
            raise Rejected(
                f"version {version} was {target.tags[REJECTED]}: it stays out of production unless "
                f"somebody says why not: `catwalk promote {version} --force --reason ...`"
            )
        why_not = unfit(store, target, current)
        if why_not is not None:
            raise UserError(why_not)
        source = current.version if current else None
        move = _new_move(registry, "promotion", source, version, why, by, source, now)
        write_all(registry, [*move.before_it(), *move.after_it()])
        return Outcome(_present(registry, target), True, source, tuple(now.said))


def rollback(store: Store, version: str | None = None, why: str = "", by: str = "") -> Outcome:
    """Take ``production`` back to ``version``, by default to ``previous``.

    What it leaves is tagged as rejected, with the reason. A rollback that was interrupted is
    finished by the same command, not done twice.

    Raises:
        UserError: there is nothing to go back to, or the version cannot be in production.
    """
    if version is not None:
        check_origin(store, get_version(store, version))
    with alone_with(store) as registry:
        now = settle(store, registry)
        current, done = now.production, now.finished
        if done is not None and done.kind == "rollback" and version in (None, done.target):
            assert current is not None
            return Outcome(_present(registry, current), True, done.source, tuple(now.said))
        wanted = version or registry.aliases().get("previous")
        if wanted is None:
            raise UserError(
                "there is no previous version to go back to: name one of `catwalk versions`"
            )
        target = registry.version(wanted)
        if current is not None and target is not None and current.version == target.version:
            return Outcome(_present(registry, current), False, None, tuple(now.said))
        why_not = unfit(store, target, current)
        if why_not is not None or target is None:
            raise UserError(f"no rollback to version {wanted}: {why_not}")
        source = current.version if current else None
        older = before(store, registry, now.moves, wanted, source)
        told = f"rollback{f': {why}' if why else ''}"
        move = _new_move(registry, "rollback", source, wanted, told, by, older, now)
        note = f"rejected by a rollback on {move.at[:10]}, by {move.by}{f': {why}' if why else ''}"
        move = replace(move, rejected=note[:1000])
        write_all(registry, [*move.before_it(), *move.after_it()])
        return Outcome(_present(registry, target), True, source, tuple(now.said))


def approve(store: Store, version: str, by: str, hours: float, why: str = "") -> Outcome:
    """Promote a version that passed the gate, with a record of who approved it.

    Args:
        hours: for how long a verdict may be approved.

    Raises:
        UserError: it has not passed, the verdict is about another production, or too old.
    """
    found = get_version(store, version)
    check_origin(store, found)
    if not by.strip():
        raise UserError("an approval needs the name of who approves: --by NAME")
    if found.tags.get("gate") != "passed":
        raise UserError(
            f"version {version} has not passed the gate, so there is nothing to approve. "
            f"`catwalk promote {version}` puts it into production all the same"
        )
    judged_at = found.tags.get(JUDGED_AT, "")
    try:
        age = datetime.now(UTC) - datetime.fromisoformat(judged_at)
    except (ValueError, TypeError):
        age = timedelta.max
    if age > timedelta(hours=hours):
        raise UserError(
            f"version {version} was judged at {judged_at or 'an unknown time'}, more than "
            f"{hours:g} hours ago (judging.approval_hours): production stays as it is. A new run "
            "judges again"
        )
    judged = Judged(content_of(found), found.tags.get(JUDGED_AGAINST, NOTHING))
    told = f"approved by {by}{f': {why}' if why else ''}; {found.tags.get('gate_reasons', '')}"
    outcome = promote(store, version, told, by, judged=judged)
    record_approval(store, version, by, why)
    return outcome


def record_approval(store: Store, version: str, by: str, why: str = "") -> None:
    """Who approved a version, as a tag of it."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    note = json.dumps({"by": by, "at": at, "why": why})
    with alone_with(store) as registry:
        registry.write(Write("version tag", APPROVED, note, version))


def history(store: Store) -> list[tuple[str, str]]:
    """When ``production`` moved and why, oldest first, as (UTC time, sentence)."""
    kept = sorted(
        (key.removeprefix(HISTORY_PREFIX), text)
        for key, text in model_tags(store).items()
        if key.startswith(HISTORY_PREFIX)
    )
    moves = ((when, parsed(text), text) for when, text in kept)
    return [(when, move.sentence if move else text) for when, move, text in moves]


def interrupted(store: Store) -> str | None:
    """The sentence of a move that a kill left half done, if there is one; nothing is written."""
    intent = parsed(model_tags(store).get(INTENT))
    return intent.sentence if intent else None


def _check_verdict(judged: Judged | None, target: Version, current: Version | None) -> None:
    if judged is None:
        return
    now = pair(target, current)
    if now.candidate != judged.candidate:
        raise ProductionMoved(
            f"version {target.version} is not the model that was judged: judge it again"
        )
    if now.production != judged.production:
        raise ProductionMoved(
            f"version {target.version} was judged against another model than "
            f"{f'version {current.version}' if current else 'nothing'}, which is in production "
            "now: judge it again"
        )


def _the_same(current: Version, target: Version) -> list[str]:
    if current.version == target.version:
        return []
    return [
        f"version {target.version} is the same model as version {current.version}, which is in "
        "production: nothing was promoted"
    ]


def _new_move(
    registry: Registry,
    kind: str,
    source: str | None,
    target: str,
    why: str,
    by: str,
    previous: str | None,
    now: Settled,
) -> Move:
    by = by or whoever_runs_this()
    return new_move(kind, source, target, why, by, registry.aliases(), previous, now.last)


def _present(registry: Registry, version: Version) -> Version:
    found = _with_aliases(registry, registry.version(version.version))
    assert found is not None
    return found


def _with_aliases(registry: Registry, version: Version | None) -> Version | None:
    if version is None:
        return None
    own = [alias for alias, number in registry.aliases().items() if number == version.version]
    return replace(version, aliases=tuple(sorted(own)))
