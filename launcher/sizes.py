"""Bytes in words that people read."""

from __future__ import annotations


def in_bytes(count: float) -> str:
    """As disks are sold: 1 kB is 1,000 bytes."""
    for unit in ("bytes", "kB", "MB"):
        if abs(count) < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:,.1f} GB"
