"""A registry that dies before each write in turn: the next call ends in aliases that are right."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from model_zoo.errors import UserError
from model_zoo.registry import exclusive, tickets
from model_zoo.registry.client import connect
from model_zoo.registry.moves import INTENT
from model_zoo.registry.promotion import history, interrupted, promote, rollback
from model_zoo.registry.store import Store
from model_zoo.registry.versions import find_alias, get_version, model_tags

MOST_WRITES = 12
GOOD_TAGS = {"project": "shirts", "generated": "false", "classifier_sha256": "0" * 64}


def killed_before(write: int, work: Callable[[], object]) -> bool:
    """Do ``work`` in a process that dies at its ``write``-th write; whether it came to that."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            done = 0
            for carrier in (exclusive._Home, exclusive._Server):
                whole = carrier.write

                def counted(self, one, whole=whole):
                    nonlocal done
                    if done == write:
                        os._exit(9)
                    done += 1
                    whole(self, one)

                carrier.write = counted
            work()
            status = 0
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, 9), "the work itself failed"
    return status == 9


def where(store: Store) -> dict[str, str]:
    found = {alias: find_alias(store, alias) for alias in ("production", "previous", "candidate")}
    return {alias: one.version for alias, one in found.items() if one is not None}


def to_version(store: Store, version: str) -> object:
    return promote(store, version, "the better one", force=True)


def others(store: Store) -> tuple[str, str]:
    """What is in production, and the one of versions 1 and 2 that is not."""
    now = where(store)["production"]
    return now, "2" if now == "1" else "1"


@pytest.mark.fault(
    "a promotion is killed before any of its writes",
    saw="the next one does it, once, in the history too",
    lost="nothing",
)
def test_a_promotion_that_is_killed_before_any_write_is_done_by_the_next_one(
    registry: Store, kind: str
) -> None:
    to_version(registry, "1")
    client, halves = connect(registry), set()
    for write in range(MOST_WRITES):
        now, wanted = others(registry)
        client.set_registered_model_alias(registry.model, "candidate", wanted)
        if not killed_before(write, lambda: to_version(registry, wanted)):  # noqa: B023
            break
        left = where(registry)
        assert left.get("previous") != left["production"]
        halves.add((left["production"] == wanted, interrupted(registry) is not None))
        to_version(registry, wanted)
        assert where(registry) == {"production": wanted, "previous": now}
        told = [what.split(":")[0] for _, what in history(registry)]
        assert len(told) == write + 2 and told[-1] == f"version {wanted}, from version {now}"
        assert INTENT not in model_tags(registry)
    assert 6 < write < MOST_WRITES - 1, "each write was tried"
    if kind == "home":
        assert halves == {(False, False)}, "one transaction: nothing is ever half done"
    else:
        assert halves == {(False, False), (False, True), (True, True)}


def test_a_rollback_that_is_killed_is_finished_not_undone_by_the_same_command(
    registry: Store,
) -> None:
    to_version(registry, "1")
    for write in range(MOST_WRITES):
        to_version(registry, "2")
        if not killed_before(write, lambda: rollback(registry)):
            break
        assert where(registry).get("previous") != where(registry)["production"]
        rollback(registry)
        assert where(registry) == {"production": "1"}
        assert "rejected by a rollback" in get_version(registry, "2").tags["rejected"]
        assert history(registry)[-1][1].startswith("version 1, from version 2: rollback")
        with pytest.raises(UserError, match="no previous version to go back to"):
            rollback(registry)
    assert 5 < write < MOST_WRITES - 1, "each write was tried"


def test_a_kill_in_every_try_is_repaired_by_the_last_one(
    registry: Store,
) -> None:
    to_version(registry, "1")
    for write in range(1, MOST_WRITES):
        killed_before(write, lambda: to_version(registry, "2"))
    to_version(registry, "2")
    assert where(registry) == {"production": "2", "previous": "1"}
    assert len(history(registry)) == 2 and INTENT not in model_tags(registry)


def test_what_was_deleted_or_registered_since_a_kill_does_not_stop_its_repair(
    three: Store,
) -> None:
    by_client, client = Store(three.home, three.uri, "shirts", three.model), connect(three)
    promote(three, "1")
    client.set_registered_model_alias(three.model, "candidate", "2")
    assert killed_before(2, lambda: to_version(by_client, "2"))  # production has moved
    assert where(three)["production"] == "2" and interrupted(three)
    client.delete_model_version(three.model, "1")
    client.create_model_version(three.model, "s3://nowhere/model", tags=GOOD_TAGS)
    client.set_registered_model_alias(three.model, "candidate", "4")
    assert not promote(three, "2").moved
    assert where(three) == {"production": "2", "candidate": "4"}
    assert interrupted(three) is None and len(history(three)) == 2


def test_a_dead_owner_on_another_machine_is_waited_for_no_longer_than_the_lease(
    three: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_client = Store(three.home, three.uri, three.experiment, three.model)
    client = connect(three)
    lock = tickets.lock_of(three.model)
    tickets._make(client, lock)
    marks = {tickets.OWNER: "process 1 on mars", tickets.MACHINE: "mars"}
    client.create_model_version(lock, tickets.SOURCE, tags=marks)
    monkeypatch.setattr(tickets, "WAIT_SECONDS", 0.3)
    for store in (three, by_client):
        with pytest.raises(UserError, match=r"is under way \(process 1 on mars\)"):
            promote(store, "1")
    assert where(three) == {}
    monkeypatch.setattr(tickets, "LEASE_SECONDS", 0.2)
    for store, version in ((by_client, "1"), (three, "2")):
        assert promote(store, version).moved
    assert not client.search_model_versions(f"name='{lock}'"), "no ticket is left"
