"""Messages to whoever looks after the projects, to any address that apprise knows.

``CATWALK_NOTIFY``: mail, Slack, Teams, a webhook and a hundred more, as apprise spells them
(https://github.com/caronc/apprise/wiki), separated by commas or spaces.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from launcher.settings import Notices
from model_zoo.errors import UserError

if TYPE_CHECKING:
    from apprise import Apprise

log = logging.getLogger(__name__)

LONGEST = 3000  # characters: several services refuse more


def notify(title: str, body: str, notices: Notices | None = None) -> bool:
    """Send a message to every address; whether somebody was reached.

    A message that does not arrive stops nothing: the log says so. No addresses: nothing is sent.
    """
    notices = notices or Notices.load()
    if not notices.notify.strip():
        return False
    try:
        sender = _sender(notices.notify)
        arrived = bool(sender.notify(title=title, body=body[:LONGEST]))
    except Exception as error:
        log.warning("not told by CATWALK_NOTIFY: %s", error)
        return False
    if not arrived:
        log.warning("%r did not arrive at every address of CATWALK_NOTIFY", title)
    return arrived


def check_addresses(addresses: str) -> None:
    """Every address is one that apprise knows.

    Raises:
        UserError: one is not; which one is told by its place, as addresses hold passwords.
    """
    if addresses.strip():
        _sender(addresses)


def _sender(addresses: str) -> Apprise:
    try:
        from apprise import Apprise
    except ModuleNotFoundError:
        raise UserError(
            "CATWALK_NOTIFY needs the package apprise, which is not installed: `make install`, or "
            "`pip install 'catwalk[airflow]'`"
        ) from None

    found = Apprise()
    for number, address in enumerate(addresses.replace(",", " ").split(), 1):
        if not found.add(address):
            raise UserError(
                f"address {number} of CATWALK_NOTIFY is none that apprise knows: write it as "
                "mailto://, slack://, json:// ... (https://github.com/caronc/apprise/wiki)"
            )
    return found
