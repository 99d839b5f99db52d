"""What the files of two versions cost: bytes, and milliseconds for one image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from model_zoo.comparison.recorded import Recorded
from model_zoo.registry.served_files import FORMATS

DEFAULT = "onnx"


@dataclass(frozen=True)
class Cost:
    """Of one version's served file; None where it is not recorded.

    ``machine`` is where it was trained, and as a rule timed.
    """

    file: str
    bytes: int | None
    latency_ms: float | None
    machine: str = ""


def costs_of(a: Recorded, b: Recorded) -> tuple[Cost, Cost, str]:
    """Both, and a sentence about how they were timed.

    Where one was judged by the gate against the other, the two were timed in one process.
    """
    costs = [_when_registered(one) for one in (a, b)]
    for one, other, turned in ((b, a, True), (a, b, False)):
        timed = _at_the_gate(one, other.version)
        if timed:
            found = [Cost(costs[0].file, timed["bytes"], timed["latency_ms"]),
                     Cost(costs[0].file, timed["production_bytes"],
                          timed["production_latency_ms"])]  # fmt: skip
            first, second = reversed(found) if turned else found
            return first, second, f"timed side by side at the gate of version {one.version}"
    first, second = costs
    if first.machine != second.machine:
        where = f"on different machines ({first.machine}; {second.machine})"
    else:
        where = "at different times"
    return first, second, f"each was timed when it was registered, {where}"


def _at_the_gate(side: Recorded, against: str) -> dict[str, Any]:
    verdict = side.report.tables.get("verdict") or {}
    if verdict.get("against") != against:
        return {}
    figures = [one["figures"] for one in verdict["rules"] if one["rule"] == "served-file"]
    return figures[0] if figures and "latency_ms" in figures[0] else {}


def _when_registered(side: Recorded) -> Cost:
    wanted = side.served or DEFAULT
    table = side.report.tables.get("exports") or {"columns": [], "data": []}
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    row = next((one for one in rows if one["format"] == wanted), {})
    machine = side.report.run_tags.get("machine", "unknown")
    return Cost(FORMATS[wanted], row.get("bytes"), row.get("latency_ms"), machine)
