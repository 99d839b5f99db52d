"""Write docs/reliability.md: the faults that tests try, from the marks on the tests themselves.

python -m docs.reliability
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1] / "tests"
HEAD = """# Faults that were tried

Written by `python -m docs.reliability` from the marks `fault` on the tests that try them: each row
is a test of `make test`, which fails when the row is no longer true. What to do about a fault:
[operate](operate.md). Not tried is a plug that is pulled (the order of writes is, on which the
outcome rests). Workers of a cluster are killed by `make test-cluster`. `make containers` restarts
PostgreSQL in the middle of training: Airflow's page is away as long as the database is, its
scheduler and DAG processor end and are started again, the task goes on at its first try, nothing
is lost.

| fault | what one sees | what is lost | test |
|---|---|---|---|
"""


@dataclass(frozen=True, order=True)
class Fault:
    """One row."""

    what: str
    saw: str
    lost: str
    test: str


def faults() -> list[Fault]:
    """Every test's mark, in the order of the rooms."""
    found = []
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.parse(path.read_text()).body:
            if not isinstance(node, ast.FunctionDef):
                continue
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.fault":
                    (what,) = (ast.literal_eval(one) for one in mark.args)
                    named = {one.arg: ast.literal_eval(one.value) for one in mark.keywords}
                    where = f"{path.relative_to(TESTS.parent)}::{node.name}"
                    found.append(Fault(what, named["saw"], named["lost"], where))
    return found


def text() -> str:
    """The page."""
    rows = [f"| {one.what} | {one.saw} | {one.lost} | `{one.test}` |" for one in faults()]
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    Path(__file__).with_suffix(".md").write_text(text())
