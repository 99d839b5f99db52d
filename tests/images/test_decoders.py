"""Hostile pictures cost their own process, their own time and nobody else's."""

from __future__ import annotations

import io
import os
import signal
import threading
import time
from collections.abc import Iterator

import numpy as np
import psutil
import pytest
from PIL import Image

from model_zoo.images import NotAnImage, decode
from model_zoo.images import decoders as module
from model_zoo.images.decode import TooManyPixels
from model_zoo.images.decoders import Budget, Decoders, DecodersBusy

MAX_PIXELS = 25_000_000


def png(pixels: np.ndarray) -> bytes:
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG", compress_level=1)
    return target.getvalue()


SMALL = png(np.arange(28 * 28, dtype=np.uint8).reshape(28, 28))


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    found = Decoders(MAX_PIXELS, memory_mb=256, seconds=10)
    yield found
    found.close()


@pytest.fixture(scope="module")
def large() -> bytes:
    return png(np.zeros((5000, 5000, 3), np.uint8))


def test_what_comes_back_is_what_decoding_here_gives(decoders: Decoders) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    target = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (700, 900, 4), np.uint8)
    Image.fromarray(pixels).save(target, "PNG", exif=exif)
    here, there = decode(target.getvalue(), MAX_PIXELS), decoders.decode(target.getvalue())
    assert np.array_equal(here.pixels, there.pixels)
    assert (here.size, here.orientation, here.transparent, here.notes) == (
        there.size, there.orientation, there.transparent, there.notes,
    )  # fmt: skip


def test_a_refusal_has_the_same_sentence(decoders: Decoders) -> None:
    for content in (b"hello", png(np.zeros((6000, 5000), np.uint8))):
        with pytest.raises(NotAnImage) as here:
            decode(content, MAX_PIXELS)
        with pytest.raises(NotAnImage) as there:
            decoders.decode(content)
        assert (type(here.value), str(here.value)) == (type(there.value), str(there.value))


def test_a_small_file_that_takes_800_mb_is_refused_and_takes_none_here(
    decoders: Decoders,
) -> None:
    wide = png(np.zeros((5000, 5000), np.uint16))
    with pytest.raises(TooManyPixels, match=r"takes more than 256 MiB\. Send a smaller one"):
        decoders.decode(wide)
    assert decoders.decode(SMALL).size == (28, 28)
    found = [psutil.Process(one._process.pid) for one in decoders._idle]
    assert found and all(one.memory_info().rss < 400 * 2**20 for one in found)


def test_a_picture_that_takes_too_long_is_given_up_and_its_process_ended(large: bytes) -> None:
    hasty = Decoders(MAX_PIXELS, memory_mb=512, seconds=0.05)
    hasty.start()
    (process,) = hasty._idle
    hasty.decode(SMALL)  # it is ready
    with pytest.raises(TooManyPixels, match=r"takes more than 0\.05 s"):
        hasty.decode(large)
    assert not process.is_alive()
    hasty.close()


def test_small_pictures_are_answered_while_large_ones_wait(
    decoders: Decoders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is decoded, three wait, four are refused at once; somebody else is not in their line."""
    hostile, over = png(np.zeros((29, 29), np.uint8)), threading.Event()
    ask = module._Process.ask

    def for_ever(self: module._Process, message: bytes) -> None:
        if message.endswith(hostile):
            over.wait(60)
        ask(self, message)

    monkeypatch.setattr(module._Process, "ask", for_ever)
    decoders._remember("hostile")  # as the first that took long did
    ended: list[str] = []

    def send() -> None:
        try:
            decoders.decode(hostile, Budget(sender="hostile"))
            ended.append("answered")
        except DecodersBusy:
            ended.append("refused")

    threads = [threading.Thread(target=send) for _ in range(8)]
    for one in threads:
        one.start()
    for _ in range(2000):
        if len(ended) == 4:
            break
        time.sleep(0.01)
    for _ in range(5):
        assert decoders.decode(SMALL, Budget(sender="another")).size == (28, 28)
    assert ended == ["refused"] * 4
    over.set()
    for one in threads:
        one.join()
    assert ended.count("answered") == 4


def test_what_takes_longer_than_a_moment_goes_on_and_its_sender_is_remembered(
    large: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUICK_SECONDS", 0.01)
    found = Decoders(MAX_PIXELS, memory_mb=512, seconds=60)
    assert found.decode(large, Budget(sender="somebody")).size == (5000, 5000)
    assert found._is_slow("somebody") and not found._is_slow("another")
    assert not found._idle, "a process of low priority is not kept"
    found.close()


def test_a_process_that_is_killed_costs_at_most_its_own_picture(decoders: Decoders) -> None:
    decoders.start()
    for process in decoders._idle:
        os.kill(process._process.pid, signal.SIGKILL)
        process._process.wait()
    assert decoders.decode(SMALL).size == (28, 28)


def test_the_pictures_of_one_request_share_a_budget(decoders: Decoders) -> None:
    budget = Budget(pixels=1000)
    decoders.decode(SMALL, budget)
    decoders.decode(SMALL, budget)
    with pytest.raises(TooManyPixels, match="have 1,000 pixels together"):
        decoders.decode(SMALL, budget)
    spent = Budget(seconds=1e-6)
    with pytest.raises(NotAnImage, match="not an image"):
        decoders.decode(b"hello", spent)
    with pytest.raises(TooManyPixels, match="to decode, which is what is given to one request"):
        decoders.decode(SMALL, spent)


def test_no_process_outlives_its_owner() -> None:
    found = Decoders(MAX_PIXELS, memory_mb=256, seconds=10)
    found.decode(SMALL)
    (process,) = found._idle
    del found
    assert not process.is_alive()
