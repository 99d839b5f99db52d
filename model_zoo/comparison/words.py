"""Figures of a comparison as people read them, on a terminal and on the page."""

from __future__ import annotations


def number(value: float, percent: bool = True) -> str:
    """A figure: a share in per cent, else to four digits."""
    return f"{value:.2%}" if percent else f"{value:.4f}"


def signed(value: float | None, percent: bool = True) -> str:
    """A difference: in points, where it is one of shares."""
    if value is None:
        return "unknown"
    return f"{100 * value:+.2f}" if percent else f"{value:+.4f}"


def between(low: float | None, high: float | None, percent: bool = True) -> str:
    """An interval of a difference."""
    if low is None or high is None:
        return "unknown"
    return f"{signed(low, percent)} to {signed(high, percent)}"
