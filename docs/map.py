"""Write docs/map.md: which room imports which, read from the imports themselves.

python -m docs.map  # `make lint` holds the rules, this draws what is there
"""

from __future__ import annotations

from pathlib import Path

import grimp

ROOTS = ("dags", "examples", "launcher", "dash_app", "plugins", "model_zoo")
#: Used by every room; drawn, they would hide the rest.
BASE = {
    "errors", "files", "lean_keras", "locks", "owner", "plugin_registry", "processor", "progress",
    "settings",
}  # fmt: skip
HEAD = """# Map

Written by `python -m docs.map` from the imports. An arrow says: imports. Left out are arrows that a
longer way implies, and those to
{base}, which all rooms use.

"""


def room_of(module: str) -> str:
    """The room of a module: a folder or file of `model_zoo`, or a folder beside it."""
    root, _, rest = module.partition(".")
    if root == "model_zoo":
        return rest.partition(".")[0] or "model_zoo"
    return "airflow_ui" if rest.startswith("airflow_ui") else root


def arrows() -> dict[str, set[str]]:
    """Each room and those that it imports from, but for :data:`BASE`."""
    graph = grimp.build_graph(*ROOTS, cache_dir=None)
    found: dict[str, set[str]] = {room_of(module): set() for module in graph.modules}
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            found[room_of(module)].add(room_of(imported))
    return {room: to - BASE - {room} for room, to in sorted(found.items()) if room not in BASE}


def reached(room: str, to: dict[str, set[str]]) -> set[str]:
    """The rooms that one imports from, directly or not."""
    found: set[str] = set()
    while more := set().union(to[room], *(to[one] for one in found)) - found:
        found |= more
    return found


def text() -> str:
    """The page."""
    to = arrows()
    lines = ["```mermaid", "flowchart TD", '    model_zoo["model_zoo: the public face"]']
    for room, others in to.items():
        implied = set().union(*(reached(other, to) for other in others))
        lines += [f"    {room} --> {other}" for other in sorted(others - implied)]
    return HEAD.format(base=", ".join(sorted(BASE))) + "\n".join([*lines, "```", ""])


if __name__ == "__main__":
    Path(__file__).with_suffix(".md").write_text(text())
