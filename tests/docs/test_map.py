"""The drawn map is that of the code."""

from pathlib import Path

from docs import map as room_map

MAP = Path(room_map.__file__).with_suffix(".md")


def test_the_committed_map_is_current() -> None:
    assert MAP.read_text() == room_map.text(), "write it anew: python -m docs.map"


def test_arrows_that_a_longer_way_implies_are_left_out() -> None:
    to = {"page": {"predictor", "images"}, "predictor": {"images"}, "images": set()}
    assert room_map.reached("page", to) == {"predictor", "images"}
    assert room_map.reached("predictor", to) == {"images"}
