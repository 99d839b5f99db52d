"""What a process leaves about its work: parts, rates, and nothing once it has ended."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
import requests

from model_zoo.data.download import download
from model_zoo.progress import Report, Reporter, beside, part, read_reports


class Clock:
    """A monotonic clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def reporter(tmp_path: Path, clock: Clock) -> Reporter:
    return Reporter(lambda sentence: None, tmp_path / "main.json", clock)


def test_a_watcher_reads_the_parts_from_the_whole_to_the_piece(
    reporter: Reporter, tmp_path: Path
) -> None:
    with part(reporter, "export", 3, "formats"), part(reporter, "converting to onnx"):
        (report,) = read_reports(tmp_path)
    assert report.process == "main"
    assert [one.what for one in report.parts] == ["export", "converting to onnx"]
    assert read_reports(tmp_path) == [Report("main", ())], "between parts it still lives"


def test_the_rate_is_that_of_late_and_begins_with_the_first_unit(
    reporter: Reporter, tmp_path: Path, clock: Clock
) -> None:
    with part(reporter, "training", 10_000) as work:
        clock.now += 60  # the framework compiles
        work.advance(100)
        clock.now += 1
        work.advance(100)
        assert read_reports(tmp_path)[0].parts[0].rate == pytest.approx(100)
        for _ in range(200):  # another process takes half of the machine
            clock.now += 1
            work.advance(20)
        seen = read_reports(tmp_path)[0].parts[0]
    assert seen.rate == pytest.approx(20, rel=0.05)
    assert seen.left == pytest.approx((10_000 - 4200) / 20, rel=0.05)


def test_what_an_earlier_try_did_is_not_counted_as_speed(
    reporter: Reporter, tmp_path: Path, clock: Clock
) -> None:
    with part(reporter, "training", 1000, done=800) as work:
        work.advance(10)
        clock.now += 10
        work.advance(10)
        (seen,) = read_reports(tmp_path)[0].parts
    assert seen.done == 820 and seen.rate == pytest.approx(1)


def test_a_file_is_replaced_a_few_times_a_second_at_most(
    reporter: Reporter, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[object] = []

    def note(path: Path, value: object, *, lasting: bool) -> None:
        assert not lasting, "none of these waits for the disk"
        written.append(value)

    monkeypatch.setattr("model_zoo.progress.write_json", note)
    with part(reporter, "training", 10_000) as work:
        for _ in range(1000):  # in ten seconds
            clock.now += 0.01
            work.advance()
    assert len(written) <= 10 / 0.5 + 3


def test_batches_are_counted_from_any_thread(reporter: Reporter) -> None:
    with part(reporter, "training", 4000) as work:
        threads = [
            threading.Thread(target=lambda: [work.advance() for _ in range(1000)]) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert work.part.done == 4000


def test_a_disk_that_is_full_does_not_stop_the_work(tmp_path: Path) -> None:
    (tmp_path / "no-folder").write_text("")
    with part(Reporter(print, tmp_path / "no-folder" / "main.json"), "training") as work:
        work.advance()


def test_any_function_may_stand_where_a_reporter_does() -> None:
    said: list[str] = []
    with part(said.append, "training", 10) as work:
        work.advance(3)
    assert said == [] and beside(said.append, "process 1") is None


def test_half_a_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "main.json").write_text('[{"what": "tra')
    (tmp_path / ".partial-x.json").write_text(json.dumps([{"what": "training"}]))
    assert read_reports(tmp_path) == []


def test_a_download_tells_its_bytes(reporter: Reporter, tmp_path: Path, monkeypatch) -> None:
    read: list[Report] = []

    class Answer:
        status_code = 200
        headers = {"Content-Length": "3000"}  # noqa: RUF012

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def raise_for_status(self):
            return None

        def iter_content(self, size):
            for _ in range(3):
                yield b"x" * 1000
                reporter.note(at_once=True)
                read.extend(read_reports(tmp_path))

    monkeypatch.setattr(requests, "get", lambda *_, **__: Answer())
    download("https://images.example/a.gz", tmp_path / "a.gz.part", reporter)
    assert read[0].parts[0].what == "fetching a.gz"
    seen = [one.parts[1] for one in read]
    assert [one.done for one in seen] == [1000, 2000, 3000]
    assert seen[0].total == 3000 and seen[0].unit == "bytes"
