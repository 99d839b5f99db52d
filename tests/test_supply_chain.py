"""What is installed is pinned by hashes, and an audit that asked nobody does not pass."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_every_package_is_pinned_with_its_hashes_and_no_host_is_named() -> None:
    text = (ROOT / "constraints.txt").read_text()
    entries = re.split(r"\n(?=\S)", text.strip())
    bare = [one.splitlines()[0] for one in entries if "--hash=sha256:" not in one]
    assert not bare, f"run `make lock`: {bare}"
    assert all(re.match(r"[a-z0-9.-]+(\[[a-z0-9,]+\])?==\S+", one) for one in entries)
    assert "://" not in text and "index-url" not in text


def audited(tmp_path: Path, finds: str, **env: str) -> subprocess.CompletedProcess[str]:
    """`.ci/audit` with a tool that knows advisories about what ``finds`` matches."""
    tool = tmp_path / "tool"
    tool.write_text(
        "#!/bin/sh\nfor last; do :; done\n"
        f'if grep -qE "{finds}" "$last"; then echo "found CVE-2014-1402"; exit 1; fi\n'
        "echo No known vulnerabilities found\n"
    )
    tool.chmod(0o755)
    pinned = tmp_path / "pinned.txt"
    pinned.write_text("shirt==1.0\n")
    return subprocess.run(
        [str(ROOT / ".ci" / "audit"), str(pinned)],
        env=os.environ | {"AUDIT_TOOL": str(tool)} | env,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("finds", "env", "status"),
    [
        ("jinja2==2.4.1", {}, 0),
        ("jinja2==2.4.1|shirt", {}, 1),
        ("nothing", {}, 3),
        ("nothing", {"OFFLINE": "pass"}, 0),
    ],
    ids=["nothing known", "an advisory", "nobody can be asked", "and that is allowed"],
)
def test_an_audit_passes_only_if_somebody_was_asked(
    finds: str, env: dict[str, str], status: int, tmp_path: Path
) -> None:
    done = audited(tmp_path, finds, **env)
    assert done.returncode == status, done.stdout + done.stderr
    assert ("cannot be reached" in done.stderr) == (finds == "nothing")
