"""Corrections: every one is kept, limits hold for each sender, decisions stay on record."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_zoo.data.corrections import (
    CorrectionRefused,
    Corrections,
    Limits,
    TooManyCorrections,
    corrections_of,
    store,
)
from model_zoo.data.corrections.store import said_of
from model_zoo.settings import Places

LABELS = ("Coat", "Shirt")
MANY = Limits(an_hour=100, waiting=100, bytes=10**6)


def picture(value: int, *shape: int) -> np.ndarray:
    return np.full(shape or (28, 28), value, np.uint8)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places.load(home=tmp_path / "home")


@pytest.fixture
def corrections(places: Places) -> Corrections:
    return corrections_of("shop", places)


def send(
    corrections: Corrections,
    image: np.ndarray,
    label: str = "Coat",
    origin: str = "192.0.2.1",
    limits: Limits = MANY,
    content: bytes | None = None,
) -> Any:
    said = said_of(
        image, label, "Shirt", 0.75, "3", image_shape=(28, 28, 1), preparation=("invert",),
        picture=content,
    )  # fmt: skip
    return corrections.send(image, said, LABELS, origin, limits, content)


@pytest.mark.parametrize("shape", [(28, 28), (40, 30, 3)])
def test_what_is_sent_is_read_back_also_by_another_process(
    corrections: Corrections, places: Places, shape: tuple[int, ...]
) -> None:
    sent = send(corrections, picture(7, *shape), content=b"as it was sent")
    other = corrections_of("shop", places)
    (found,) = other.all()
    assert found == sent and found.state == "waiting" and found.received.endswith("+00:00")
    np.testing.assert_array_equal(other.seen(found), picture(7, *shape))
    assert other.picture(found) == b"as it was sent"
    assert found.digest == hashlib.sha256(b"as it was sent").hexdigest()


def test_without_consent_only_what_the_model_saw_is_kept(
    corrections: Corrections, tmp_path: Path
) -> None:
    sent = send(corrections, picture(7))
    assert not sent.has_picture and corrections.picture(sent) is None
    assert corrections.seen(sent) is not None
    assert not list(tmp_path.rglob("pictures/*"))


def test_a_second_correction_of_a_picture_stands_beside_the_first(corrections: Corrections) -> None:
    for label, origin in (("Coat", "192.0.2.1"), ("Shirt", "192.0.2.2"), ("Coat", "192.0.2.1")):
        send(corrections, picture(7), label, origin)
    found = corrections.all()
    assert [one.label for one in found] == ["Coat", "Shirt", "Coat"]
    assert len({one.id for one in found}) == 3 and len({one.digest for one in found}) == 1


def test_a_sender_is_stopped_and_another_is_not(corrections: Corrections) -> None:
    few = Limits(an_hour=3, waiting=100, bytes=10**6)
    for value in range(3):
        send(corrections, picture(value), limits=few)
    with pytest.raises(TooManyCorrections, match="3 corrections in an hour are taken from one"):
        send(corrections, picture(9), limits=few)
    send(corrections, picture(9), origin="192.0.2.2", limits=few)
    assert len(corrections.all()) == 4


def test_after_an_hour_the_same_sender_may_go_on(
    corrections: Corrections, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = Limits(an_hour=1, waiting=100, bytes=10**6)
    noon = datetime(2026, 11, 2, 12, tzinfo=UTC)

    class Clock(datetime):
        at = noon

        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return cls.at

    monkeypatch.setattr(store, "datetime", Clock)
    send(corrections, picture(1), limits=few)
    Clock.at = noon + timedelta(minutes=59)
    with pytest.raises(TooManyCorrections):
        send(corrections, picture(2), limits=few)
    Clock.at = noon + timedelta(minutes=61)
    send(corrections, picture(2), limits=few)


def test_all_together_are_bounded_and_a_decision_makes_room(corrections: Corrections) -> None:
    two = Limits(an_hour=100, waiting=2, bytes=10**6)
    first = send(corrections, picture(1), origin="192.0.2.1", limits=two)
    send(corrections, picture(2), origin="192.0.2.2", limits=two)
    with pytest.raises(TooManyCorrections, match="2 corrections wait for review already"):
        send(corrections, picture(3), origin="192.0.2.3", limits=two)
    corrections.decide([first.id], "rejected")
    send(corrections, picture(3), origin="192.0.2.3", limits=two)


def test_pictures_have_a_room_of_their_own(corrections: Corrections) -> None:
    small = Limits(an_hour=100, waiting=100, bytes=10)
    send(corrections, picture(1), limits=small, content=b"12345678")
    with pytest.raises(TooManyCorrections, match="send the correction without yours"):
        send(corrections, picture(2), limits=small, content=b"87654321")
    send(corrections, picture(2), limits=small)


def test_no_address_is_written_down(corrections: Corrections, tmp_path: Path) -> None:
    send(corrections, picture(1), origin="192.0.2.77")
    for path in tmp_path.rglob("*"):
        assert "192.0.2.77" not in path.name
        assert not path.is_file() or b"192.0.2.77" not in path.read_bytes()


def test_nothing_touches_the_disk_before_the_first(
    corrections: Corrections, tmp_path: Path
) -> None:
    assert corrections.all() == []
    assert not (tmp_path / "home").exists()


def test_only_a_class_of_the_model_is_taken(corrections: Corrections) -> None:
    with pytest.raises(CorrectionRefused, match="'Hat' is none of Coat, Shirt"):
        send(corrections, picture(3), "Hat")


def test_several_are_decided_at_once_and_the_last_word_counts(
    corrections: Corrections, places: Places
) -> None:
    ids = [send(corrections, picture(value)).short for value in range(3)]
    corrections.decide(ids, "accepted", "Ada")
    corrections.decide(ids[:1], "relabelled", "Bo", "Shirt")
    corrections.decide(ids[1:2], "rejected", "Bo")
    found = corrections_of("shop", places).all()
    assert [one.state for one in found] == ["relabelled", "rejected", "accepted"]
    assert [one.agreed for one in found] == ["Shirt", "Coat", "Coat"]
    decisions = [one.decision for one in found if one.decision]
    assert [one.who for one in decisions] == ["Bo", "Bo", "Ada"]
    assert all(one.when.endswith("+00:00") for one in decisions)
    assert len(list(places.home.rglob("decided/*"))) == 5, "earlier decisions stay on record"


def test_a_decision_that_cannot_be_is_a_sentence_and_nothing_is_noted(
    corrections: Corrections,
) -> None:
    one = send(corrections, picture(1))
    for ids, state, label, words in (
        ([one.id, "feedbeef"], "accepted", "", "'feedbeef' is not there"),
        ([one.id], "relabelled", "", "a label goes with relabelled"),
        ([one.id], "accepted", "Coat", "a label goes with relabelled"),
        ([one.id], "burned", "", "decide one of accepted, relabelled, rejected"),
    ):
        with pytest.raises(CorrectionRefused, match=words):
            corrections.decide(ids, state, "", label)  # type: ignore[arg-type]
    assert corrections.all()[0].state == "waiting"


@pytest.mark.parametrize("scheme", ["file", "memory"])
def test_page_and_worker_share_them_by_a_location(tmp_path: Path, scheme: str) -> None:
    """``memory`` stands for the stores of objects: not a folder of this machine."""
    url = f"{scheme}://{tmp_path}/shared"
    page = corrections_of("shop", Places.load(home=tmp_path / "page", corrections=url))
    worker = corrections_of("shop", Places.load(home=tmp_path / "worker", corrections=url))
    sent = send(page, picture(1), content=b"whole")
    assert worker.all() == [sent] and worker.picture(sent) == b"whole"
    worker.decide([sent.id], "accepted", "Ada")
    assert page.all()[0].state == "accepted"
    assert worker.forget(sent.digest) == 2 and page.picture(sent) is None


def test_the_storage_of_workers_holds_them_where_nothing_else_is_said(tmp_path: Path) -> None:
    stored = Places.load(home=tmp_path / "home", storage=f"file://{tmp_path}/storage/")
    assert corrections_of("shop", stored).shelf.url == f"file://{tmp_path}/storage/corrections/shop"


def test_a_place_that_cannot_be_used_is_a_sentence(tmp_path: Path) -> None:
    broken = Places.load(home=tmp_path, corrections="nothing-knows://this")
    with pytest.raises(CorrectionRefused.__base__, match="correct CATWALK_CORRECTIONS"):
        corrections_of("shop", broken).all()
