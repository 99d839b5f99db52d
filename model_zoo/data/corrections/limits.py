"""How many corrections are taken, told from the names of the files alone.

An id is ``<time>-<sender>-<random>``, where the sender is a hash of the address by a key of the
day, which goes when somebody sends something two days later.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from model_zoo.data.corrections.records import DECIDED, KEYS, PICTURES, SENT, STAMP, decided_id
from model_zoo.data.corrections.shelf import Shelf
from model_zoo.errors import UserError

WINDOW = timedelta(hours=1)
KEY_DAYS = 2


class CorrectionRefused(UserError):
    """Not one of the model's classes, or nothing that can be decided."""


class TooManyCorrections(CorrectionRefused):
    """From one sender in an hour, or of all that wait."""


@dataclass(frozen=True)
class Limits:
    """How much is taken; 0 takes nothing.

    Attributes:
        an_hour: corrections of one sender.
        waiting: corrections that nobody has decided on.
        bytes: of all pictures.
    """

    an_hour: int
    waiting: int
    bytes: int


def check(shelf: Shelf, sender: str, now: datetime, limits: Limits, size: int) -> None:
    """Raise TooManyCorrections where a limit is reached: ``size`` bytes more from ``sender``."""
    sent = shelf.names(SENT)
    since = (now - WINDOW).strftime(STAMP)
    recent = sum(name >= since and name.split("-")[1] == sender for name in sent)
    if recent >= limits.an_hour:
        raise TooManyCorrections(
            f"{limits.an_hour:,} corrections in an hour are taken from one place: go on later"
        )
    decided = {decided_id(name) for name in shelf.names(DECIDED)}
    if sum(name.removesuffix(".json") not in decided for name in sent) >= limits.waiting:
        raise TooManyCorrections(
            f"{limits.waiting:,} corrections wait for review already, and no more are taken"
        )
    if size and sum(shelf.names(PICTURES).values()) + size > limits.bytes:
        raise TooManyCorrections(
            "there is no room for more pictures: send the correction without yours"
        )


def hashed(shelf: Shelf, origin: str, now: datetime) -> str:
    """An address by the key of the day: once that is gone, nobody with the records can tell it."""
    today = f"{now:%Y%m%d}"
    key = shelf.read(f"{KEYS}/{today}")
    if key is None:
        key = secrets.token_bytes(32)
        shelf.write(f"{KEYS}/{today}", key)
        oldest = f"{now - timedelta(days=KEY_DAYS):%Y%m%d}"
        for name in shelf.names(KEYS):
            if name < oldest:
                shelf.remove(f"{KEYS}/{name}")
    return hmac.new(key, origin.encode(), "sha256").hexdigest()[:12]
