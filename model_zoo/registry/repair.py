"""What a kill left half done, and what somebody set in MLflow by hand, put right.

Every promotion, rollback and gate begins with it. Nobody else writes meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from model_zoo.errors import UserError
from model_zoo.registry.exclusive import Registry, Write
from model_zoo.registry.moves import (
    HISTORY_PREFIX,
    INTENT,
    REJECTED,
    Move,
    new_move,
    parsed,
    past_moves,
)
from model_zoo.registry.set_by_hand import misspelt
from model_zoo.registry.store import Store
from model_zoo.registry.versions import Version, check_origin

BY_HAND = "set in MLflow by hand"


@dataclass
class Settled:
    """How the registry stands now.

    Attributes:
        finished: the move that a kill had interrupted, if it was finished now.
        said: a sentence for each thing that was put right.
    """

    production: Version | None = None
    finished: Move | None = None
    said: list[str] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)

    @property
    def last(self) -> Move | None:
        return self.moves[-1] if self.moves else None


def settle(store: Store, registry: Registry) -> Settled:
    """Finish or undo an interrupted move, then look whether the aliases are what the history says.

    ``production`` as somebody set it in MLflow is taken over if that version may be there, with a
    note in the history; else it goes back to what it was. ``previous`` never stays at the same
    version, or at one that cannot take its place.
    """
    found = Settled()
    _interrupted(registry, found)
    found.moves = past_moves(registry.tags())
    recorded = found.last.target if found.last else None
    number = registry.aliases().get("production")
    if number != recorded:
        _by_hand(store, registry, found, recorded, number)
    _previous(store, registry, found)
    _candidate(store, registry, found)
    number = registry.aliases().get("production")
    found.production = registry.version(number) if number else None
    said = misspelt(registry.aliases())
    if said is not None:
        found.said.append(said)
    return found


def write_all(registry: Registry, writes: Iterable[Write]) -> None:
    for one in writes:
        registry.write(one)


def unfit(store: Store, version: Version | None, over: Version | None) -> str | None:
    """Why a version may not be in production in the place of ``over``; None if it may."""
    if version is None:
        return "it does not exist any more"
    try:
        check_origin(store, version)
    except UserError as error:
        return str(error)
    if REJECTED in version.tags:
        return f"version {version.version} was {version.tags[REJECTED]}"
    if over is not None and version.generated and not over.generated:
        return (
            f"version {version.version} was trained on generated images and cannot replace "
            f"version {over.version}, which was trained on real ones"
        )
    return None


def before(store: Store, registry: Registry, moves: list[Move], *others: str | None) -> str | None:
    """The version that was in production last, without ``others``, and can be again."""
    for move in reversed(moves):
        for number in (move.target, move.source):
            if number is None or number in others:
                continue
            if unfit(store, registry.version(number), None) is None:
                return number
    return None


def _interrupted(registry: Registry, found: Settled) -> None:
    text = registry.tags().get(INTENT)
    if text is None:
        return
    intent, now = parsed(text), registry.aliases().get("production")
    if intent is not None and now == intent.target:
        write_all(registry, _still_right(registry, intent, intent.after_it()))
        found.finished = intent
        found.said.append(f"an interrupted {intent.kind} was finished: {intent.sentence}")
    elif intent is not None and now == intent.source:
        write_all(registry, _still_right(registry, intent, intent.undone()))
        found.said.append(
            f"an interrupted {intent.kind} to version {intent.target} had not moved production: "
            "it was taken back"
        )
    else:
        registry.write(Write("tag", INTENT, None))
        found.said.append("a note of a move that somebody overtook in MLflow was dropped")


def _still_right(registry: Registry, intent: Move, writes: list[Write]) -> list[Write]:
    """Without what is about versions that were deleted since, or about a newer candidate."""
    right = []
    for one in writes:
        if one.name == "candidate" and registry.aliases().get("candidate") != intent.target:
            continue
        if one.version and registry.version(one.version) is None:
            continue
        if one.kind == "alias" and one.value and registry.version(one.value) is None:
            one = replace(one, value=None)
        right.append(one)
    return right


def _by_hand(
    store: Store, registry: Registry, found: Settled, recorded: str | None, number: str | None
) -> None:
    """``production`` is not where the history says: take that over, or put it back."""
    was = registry.version(recorded) if recorded else None
    if number is not None:
        why_not = unfit(store, registry.version(number), was)
        if why_not is not None:
            back = was.version if was is not None else None
            registry.write(Write("alias", "production", back))
            found.said.append(
                f"production had been {BY_HAND} to version {number}, and is "
                f"{f'version {back}' if back else 'nothing'} again: {why_not}"
            )
            if back is not None or recorded is None:
                return
            number = None
    aliases = registry.aliases()
    previous = was.version if was is not None else aliases.get("previous")
    if previous is not None and unfit(store, registry.version(previous), None) is not None:
        previous = None
    why = BY_HAND if number else "taken away or deleted in MLflow by hand"
    move = new_move("by hand", recorded, number, why, "", aliases, previous, found.last)
    # No intent: all of it comes out the same when it is done again.
    registry.write(Write("alias", "previous", previous if previous != number else None))
    if move.candidate:
        registry.write(Write("alias", "candidate", None))
    registry.write(Write("tag", HISTORY_PREFIX + move.at, move.as_text()))
    found.moves.append(move)
    found.said.append(f"production was {why}: {move.sentence}")


def _previous(store: Store, registry: Registry, found: Settled) -> None:
    aliases = registry.aliases()
    previous, production = aliases.get("previous"), aliases.get("production")
    if previous is None:
        return
    if previous != production and unfit(store, registry.version(previous), None) is None:
        return
    better = before(store, registry, found.moves, production)
    registry.write(Write("alias", "previous", better))
    found.said.append(
        f"previous had been set to version {previous}, which cannot take production's place: it "
        f"is {f'version {better}' if better else 'nothing'} now"
    )


def _candidate(store: Store, registry: Registry, found: Settled) -> None:
    aliases = registry.aliases()
    candidate = aliases.get("candidate")
    if candidate is None:
        return
    known = registry.version(candidate)
    try:
        if known is not None and candidate != aliases.get("production"):
            check_origin(store, known)
            return
        why = "it is in production"
    except UserError as error:
        why = str(error)
    registry.write(Write("alias", "candidate", None))
    found.said.append(f"version {candidate} is no candidate any more: {why}")
