"""What somebody set in MLflow's own page and nothing here can read, each as one sentence.

Everybody who sees MLflow may edit tags and move aliases there; whoever reads them goes by these.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

#: Tags that are read as more than text, with what they may hold.
EXPECTED = {
    "accuracy": "a share of 1 such as 0.8750",
    "generated": "true or false",
    "judged_times": "a whole number",
}


def share_in(tags: Mapping[str, str], name: str) -> float | None:
    """The share of 1 that a tag holds; None where it is missing, or holds no such thing."""
    try:
        found = float(tags[name])
    except (KeyError, ValueError):
        return None
    return found if 0 <= found <= 1 else None


def edited_tags(
    number: str, tags: Mapping[str, str], names: Iterable[str] = tuple(EXPECTED)
) -> list[str]:
    """A sentence for each tag of a version that cannot be read.

    Args:
        number: of the version.
        names: of the tags that are looked at.
    """
    return [
        f"the tag {name} of version {number} was set in MLflow to {tags[name]!r}: expected "
        f"{EXPECTED[name]}. Correct it there"
        for name in names
        if name in tags and not _is_readable(name, tags)
    ]


def _is_readable(name: str, tags: Mapping[str, str]) -> bool:
    if name == "accuracy":
        return share_in(tags, name) is not None
    if name == "generated":
        return tags[name] in ("true", "false")
    return tags[name].isascii() and tags[name].isdigit()


def misspelt(aliases: Mapping[str, str], wanted: str = "production") -> str | None:
    """The sentence for an alias in another case than ours; None where there is no such thing.

    Args:
        aliases: the number of the version that each points at.
    """
    if wanted in aliases:
        return None
    for alias, number in aliases.items():
        if alias.casefold() == wanted.casefold():
            other = f"version {number} carries the alias {alias!r}, which is not {wanted!r}"
            if wanted != "production":
                return f"{other}: name it as it is spelt"
            return (
                f"{other} and means nothing here. Delete it in MLflow; `catwalk promote {number}` "
                "puts that version into production"
            )
    return None
