"""What is in production: promotion, rollback, and the history of both.

MLflow has no compare-and-set for an alias, so a move of ``production`` takes a file lock first. In
the database of a home it is one transaction; a server is asked for one alias after the other.
"""

from __future__ import annotations

from datetime import UTC, datetime

from model_zoo.errors import UserError
from model_zoo.locks import locked
from model_zoo.registry import database
from model_zoo.registry.client import answered_by, usable
from model_zoo.registry.store import Store
from model_zoo.registry.versions import (
    Version,
    check_origin,
    find_alias,
    get_version,
    model_tags,
)

HISTORY_PREFIX = "production."
LOCK = "promotion.lock"


def promote(store: Store, version: str, reason: str = "by hand") -> Version:
    """Point ``production`` at ``version``; ``previous`` keeps the one that it replaces.

    Running it again changes nothing. The move is written into the registered model's tags, so
    the history of what was in production stays readable in the MLflow UI.

    Raises:
        UserError: no such version, another project's, or a model of generated images would
            replace one of real ones.
    """
    with locked(store.home / LOCK):
        target = get_version(store, version)
        check_origin(store, target)
        current = find_alias(store, "production")
        if current is not None and current.version == target.version:
            return target
        if current is not None and target.generated and not current.generated:
            raise UserError(
                f"version {target.version} was trained on generated images and cannot replace "
                f"version {current.version}, which was trained on real ones"
            )
        _move(store, target, current, reason)
        return get_version(store, version)


def rollback(store: Store) -> Version:
    """Swap ``production`` and ``previous``.

    Raises:
        UserError: there is no previous version to go back to.
    """
    with locked(store.home / LOCK):
        current = find_alias(store, "production")
        previous = find_alias(store, "previous")
        if previous is None or current is None or previous.version == current.version:
            raise UserError("there is no previous version to go back to: promote one first")
        _move(store, previous, current, "rollback")
        return get_version(store, previous.version)


def _move(store: Store, target: Version, current: Version | None, reason: str) -> None:
    aliases: dict[str, str | None] = {"previous": current.version} if current else {}
    aliases["production"] = target.version
    if "candidate" in target.aliases:
        aliases["candidate"] = None
    moved = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S-%f")
    origin = f"from version {current.version}" if current else "the first"
    note = {f"{HISTORY_PREFIX}{moved}": f"version {target.version}, {origin}: {reason}"}
    if not store.server:
        with usable(store):
            database.write_move(store.home, store.model, aliases, note)
        return
    with answered_by(store) as client:
        for alias, version in aliases.items():
            if version is None:
                client.delete_registered_model_alias(store.model, alias)
            else:
                client.set_registered_model_alias(store.model, alias, version)
        for key, value in note.items():
            client.set_registered_model_tag(store.model, key, value)


def history(store: Store) -> list[tuple[str, str]]:
    """When ``production`` moved and why, oldest first, as (UTC time, sentence)."""
    moves = sorted(
        (key, value) for key, value in model_tags(store).items() if key.startswith(HISTORY_PREFIX)
    )
    return [(key.removeprefix(HISTORY_PREFIX), value) for key, value in moves]
