"""The benchmarks run, and print the ratio that they are named for: `make bench`."""

import importlib
import re
import sys
from pathlib import Path

import pytest

import benchmarks
from benchmarks import finetune, heatmap, search_processes, serve
from benchmarks.timing import machine

NAMES = sorted(
    path.stem
    for path in Path(benchmarks.__file__).parent.glob("*.py")
    if "__main__" in path.read_text()
)
pytestmark = [pytest.mark.benchmark, pytest.mark.usefixtures("small_environment")]


@pytest.mark.parametrize("name", NAMES)
def test_each_says_what_it_measures(name: str, monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(f"benchmarks.{name}").main()
    assert ended.value.code == 0
    assert "usage:" in capsys.readouterr().out


def test_heatmap_prints_the_extra_cost_of_both_ways(capsys) -> None:
    heatmap.measure("tiny", 28, repeats=2)
    printed = capsys.readouterr().out
    for batch in (1, 32):
        assert f"tiny at 28 px, batch {batch}" in printed
    ratios = re.findall(r"one pass ([+-][\d.]+)%, two passes ([+-][\d.]+)%", printed)
    assert len(ratios) == 2


def test_serve_prints_a_row_a_way_and_the_ratio(capsys) -> None:
    serve.measure("tiny", 28, repeats=2, starts=1, providers=[])
    printed = capsys.readouterr().out
    for way in serve.WAYS:
        (row,) = (line for line in printed.splitlines() if line[:18].strip() == way)
        numbers = re.findall(r"[\d.]+", row.removeprefix(way))
        assert len(numbers) == 6 and all(float(number) > 0 for number in numbers)
    assert re.search(r"[\d.]+ times as fast as keras predict, [\d.]+ times as fast as", printed)


def test_finetune_prints_how_many_times_as_fast_ours_is(capsys) -> None:
    finetune.measure("tiny", 28, images=256, epochs=1)
    assert re.search(r"ours is [\d.]+ times as fast", capsys.readouterr().out)


def test_search_processes_prints_the_ratio_and_finds_the_same_best_trial(
    monkeypatch, capsys
) -> None:
    sizes = ["--trials", "2", "--epochs", "1", "--images", "100"]
    monkeypatch.setattr(sys, "argv", ["search_processes", *sizes])
    search_processes.main()
    printed = capsys.readouterr().out
    assert re.search(r"2 processes took [\d.]+ times as long as one; the same best trial", printed)


def test_the_header_names_machine_and_versions() -> None:
    assert re.search(
        r"\d+ cores, load .* Python 3\.\d+\.\d+, onnxruntime \d", machine("onnxruntime")
    )
