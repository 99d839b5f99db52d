"""The benchmarks run, and print the ratio that they are named for."""

import re

from benchmarks import heatmap, serve
from benchmarks.timing import machine
from model_zoo.config import Settings


def test_heatmap_prints_the_extra_cost_of_both_ways(settings: Settings, capsys) -> None:
    heatmap.measure("tiny", 28, repeats=2)
    printed = capsys.readouterr().out
    for batch in (1, 32):
        assert f"tiny at 28 px, batch {batch}" in printed
    ratios = re.findall(r"one pass ([+-][\d.]+)%, two passes ([+-][\d.]+)%", printed)
    assert len(ratios) == 2


def test_serve_prints_a_row_a_way_and_the_ratio(settings: Settings, capsys) -> None:
    serve.measure("tiny", 28, repeats=2, starts=1, providers=[])
    printed = capsys.readouterr().out
    for way in serve.WAYS:
        (row,) = (line for line in printed.splitlines() if line[:18].strip() == way)
        numbers = re.findall(r"[\d.]+", row.removeprefix(way))
        assert len(numbers) == 6 and all(float(number) > 0 for number in numbers)
    assert re.search(r"[\d.]+ times as fast as keras predict, [\d.]+ times as fast as", printed)


def test_the_header_names_machine_and_versions() -> None:
    assert re.search(
        r"\d+ cores, load .* Python 3\.\d+\.\d+, onnxruntime \d", machine("onnxruntime")
    )
