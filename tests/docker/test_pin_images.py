"""docker/pin-images, with a program in Docker's place: no registry can be asked by a test."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from pathlib import Path

import pytest

DOCKER = Path(__file__).parents[2] / "docker"
DIGEST = hashlib.sha256(b"an image").hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("pin-images", ".env.example"):
        (tmp_path / name).write_bytes((DOCKER / name).read_bytes())
    (tmp_path / "pin-images").chmod(0o755)
    return tmp_path


def pin(folder: Path, fails_at: str = "never") -> int:
    docker = folder / "docker"
    docker.write_text(
        f'#!/bin/sh\ncase "$*" in *{fails_at}*) exit 1;; *inspect*) echo a@sha256:{DIGEST};; esac\n'
    )
    docker.chmod(0o755)
    return subprocess.run(
        [str(folder / "pin-images")], env=os.environ | {"DOCKER": str(docker)}, capture_output=True
    ).returncode


def test_every_image_that_others_made_gets_its_digest(folder: Path) -> None:
    kept = "CATWALK_PROJECT=shirts\nREDIS_IMAGE=registry.example.com/redis:7@sha256:of-last-year\n"
    (folder / ".env").write_text(kept)
    for _ in range(2):  # a second time changes nothing
        assert pin(folder) == 0
        lines = dict(line.split("=", 1) for line in (folder / ".env").read_text().splitlines())
        assert lines["CATWALK_PROJECT"] == "shirts"
        assert lines["REDIS_IMAGE"] == f"registry.example.com/redis:7@sha256:{DIGEST}"
        asked = re.findall(r"\$\{([A-Z]+_IMAGE|BASE):-", (DOCKER / "compose.yaml").read_text())
        assert asked and all(lines[name].endswith(f"@sha256:{DIGEST}") for name in asked)


def test_one_that_cannot_be_pulled_leaves_everything_as_it_was(folder: Path) -> None:
    (folder / ".env").write_text("CATWALK_PROJECT=shirts\n")
    assert pin(folder, fails_at="grafana") != 0
    assert (folder / ".env").read_text() == "CATWALK_PROJECT=shirts\n"
