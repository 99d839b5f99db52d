"""One move of ``production``: what it writes, in which order, and how it is told.

docs/promotion.md has the order as a table, with what a kill leaves at each point. Between any two
writes ``production`` points at a version that was meant to be there, ``previous`` at another one
or at nothing, and the intent says what is still to be done.
"""

from __future__ import annotations

import getpass
import json
import socket
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from model_zoo.registry.exclusive import Write

HISTORY_PREFIX = "production."
INTENT = "promotion.intent"
#: Tags of a version: why it may not come back, and what was in production before it.
REJECTED, REPLACED = "rejected", "replaced"
MOMENT = "%Y-%m-%dT%H-%M-%S-%f"  # sorts by time
LONGEST_REASON = 2000  # a tag of a model has 5,000 characters in MLflow's database


@dataclass(frozen=True)
class Move:
    """``production`` goes from ``source`` to ``target``; None is no version.

    Attributes:
        kind: ``promotion``, ``rollback``, or ``by hand`` for what somebody did in MLflow.
        at: UTC, as :data:`MOMENT`.
        previous: what ``previous`` shall be after it, and ``previous_before`` was.
        candidate: ``target`` carries the alias ``candidate``, which it gives up.
        rejected: a note that is put on ``source``; of ``target`` it is taken away.
    """

    id: str
    kind: str
    at: str
    source: str | None
    target: str | None
    why: str
    by: str
    previous: str | None
    previous_before: str | None
    candidate: bool = False
    rejected: str | None = None

    @property
    def sentence(self) -> str:
        origin = f"from version {self.source}" if self.source else "the first"
        what = f"version {self.target}" if self.target else "nothing"
        return f"{what}, {origin}: {self.why}{f' (by {self.by})' if self.by else ''}"

    def as_text(self) -> str:
        return json.dumps(asdict(self))

    def before_it(self) -> list[Write]:
        """Up to and with the one that decides."""
        first = [Write("tag", INTENT, self.as_text())]
        if self.previous_before is not None and self.previous_before == self.target:
            first.append(Write("alias", "previous", None))
        return [*first, Write("alias", "production", self.target)]

    def after_it(self) -> list[Write]:
        """The rest, right as often as it is done; the intent goes last."""
        rest = [Write("alias", "previous", self.previous)]
        if self.candidate:
            rest.append(Write("alias", "candidate", None))
        if self.rejected and self.source:
            rest.append(Write("version tag", REJECTED, self.rejected, self.source))
        if self.target:
            rest.append(Write("version tag", REJECTED, None, self.target))
            if self.kind != "rollback":
                rest.append(Write("version tag", REPLACED, self.source or "nothing", self.target))
        rest.append(Write("tag", HISTORY_PREFIX + self.at, self.as_text()))
        return [*rest, Write("tag", INTENT, None)]

    def undone(self) -> list[Write]:
        """What takes back a move that did not come to the write that decides."""
        back = []
        if self.previous_before is not None and self.previous_before == self.target:
            back.append(Write("alias", "previous", self.previous_before))
        return [*back, Write("tag", INTENT, None)]


def new_move(
    kind: str,
    source: str | None,
    target: str | None,
    why: str,
    by: str,
    aliases: Mapping[str, str],
    previous: str | None,
    last: Move | None,
) -> Move:
    """A move that begins now.

    Args:
        aliases: as they are.
        previous: what ``previous`` shall be.
        last: the move before, which must have an earlier time whatever this machine's clock says.
    """
    now = datetime.now(UTC)
    if last is not None:
        now = max(now, _time(last.at) + timedelta(microseconds=1))
    why = " ".join(why.split())
    return Move(
        id=uuid.uuid4().hex,
        kind=kind,
        at=now.strftime(MOMENT),
        source=source,
        target=target,
        why=why if len(why) <= LONGEST_REASON else f"{why[: LONGEST_REASON - 3]}...",
        by=by[:200],
        previous=previous,
        previous_before=aliases.get("previous"),
        candidate=target is not None and aliases.get("candidate") == target,
    )


def _time(moment: str) -> datetime:
    return datetime.strptime(moment, MOMENT).replace(tzinfo=UTC)


def parsed(text: str | None) -> Move | None:
    """A move from a tag; None where it is missing or somebody wrote something else there."""
    try:
        found = Move(**json.loads(text or ""))
        _time(found.at)
    except (TypeError, ValueError):
        return None
    return found


def past_moves(tags: Mapping[str, str]) -> list[Move]:
    """Those that the model's tags keep, oldest first."""
    kept = sorted((key, text) for key, text in tags.items() if key.startswith(HISTORY_PREFIX))
    found = (parsed(text) for _, text in kept)
    return [one for one in found if one is not None]


def whoever_runs_this() -> str:
    """The user at this machine, for the history."""
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (OSError, KeyError):  # a container's user without a name
        return socket.gethostname()
