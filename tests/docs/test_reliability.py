"""The table of faults is that of the tests."""

from pathlib import Path

from docs import reliability

PAGE = Path(reliability.__file__).with_suffix(".md")


def test_the_committed_table_is_current() -> None:
    assert PAGE.read_text() == reliability.text(), "write it anew: python -m docs.reliability"
