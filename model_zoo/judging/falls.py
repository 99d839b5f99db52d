"""Parts of the test images, of which none may fall: one-sided, corrected for their number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from model_zoo.judging.contest import some
from model_zoo.judging.paired import disagreements, fell, holm
from model_zoo.judging.rule import Finding, found, not_judged


def none_fell(
    parts: Mapping[str, np.ndarray],
    candidate: np.ndarray,
    production: np.ndarray,
    *,
    what: str,
    least: int,
    confidence: float,
) -> Finding:
    """Failed when a part fell: exact one-sided McNemar tests, corrected by Holm's procedure.

    Args:
        parts: by name, bool (n,), the images of each.
        candidate, production: bool (n,), who is right.
        what: what a part is called: "class".
        least: images with which a part is judged.
    """
    rows: list[dict[str, Any]] = []
    for name, members in parts.items():
        ours, theirs = candidate[members], production[members]
        row: dict[str, Any] = {"name": name, "images": len(ours)}
        if len(ours):
            row |= {"candidate": float(ours.mean()), "production": float(theirs.mean())}
        if len(ours) >= least:
            row["p_value"] = fell(*disagreements(ours, theirs))
        rows.append(row)
    judged = [row for row in rows if "p_value" in row]
    few = [row["name"] for row in rows if "p_value" not in row]
    left_out = f"; not judged with fewer than {least} images: {some(few)}" if few else ""
    if not judged:
        return not_judged(f"no {what} has {least} test images", parts=rows)
    for row, corrected in zip(judged, holm([row["p_value"] for row in judged]), strict=True):
        row["p_corrected"] = corrected
    fallen = [row for row in judged if row["p_corrected"] < 1 - confidence]
    said = f"none of {len(judged)} falls with evidence" if not fallen else _words(fallen)
    return found(not fallen, f"{said}{left_out}", parts=rows)


def _words(fallen: list[dict[str, Any]]) -> str:
    return "falls with evidence: " + some(
        [
            f"{row['name']} from {row['production']:.1%} to {row['candidate']:.1%} "
            f"(p = {row['p_corrected']:.2g})"
            for row in sorted(fallen, key=lambda row: row["p_corrected"])
        ]
    )
