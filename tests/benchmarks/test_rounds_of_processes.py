"""Ways are measured in turn, each in a process of its own."""

import os
import sys

import pytest

from benchmarks.side_by_side import Way, in_rounds, ratio

SLEEPS = """
import time
from benchmarks.side_by_side import serve_blocks
print("a framework's own words")
serve_blocks(lambda: time.sleep({}), images=10, seconds=0.02)
"""


def way(code: str) -> Way:
    return Way([sys.executable, "-c", code], os.environ)


def test_each_way_is_asked_once_a_round_and_tells_its_rates() -> None:
    found = in_rounds({"slow": way(SLEEPS.format(0.02)), "fast": way(SLEEPS.format(0.002))}, 3)
    assert [len(rates.a_second) for rates in found.values()] == [3, 3]
    assert all(rate <= 500 for rate in found["slow"].a_second)
    assert max(found["fast"].a_second) > max(found["slow"].a_second)
    assert min(found["slow"].a_core_second) > max(found["slow"].a_second), "it mostly sleeps"


def test_a_ratio_is_that_of_a_round_with_its_spread() -> None:
    assert ratio([20.0, 30.0, 50.0], [10.0, 10.0, 10.0]) == "3.00 times (2.00 to 5.00)"


def test_a_process_that_ends_is_named_with_its_last_words() -> None:
    with pytest.raises(SystemExit, match=r"(?s)broken ended with status 3.*no such network"):
        in_rounds(
            {"broken": way("import sys; print('no such network', file=sys.stderr); exit(3)")}, 1
        )
