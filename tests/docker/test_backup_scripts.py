"""docker/backup and docker/restore, with a program in Docker's place that writes down its calls."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PARTS = [
    "airflow.dump", "catwalk-home.tar", "corrections.tar", "mlflow.dump", "page-home.tar",
    "store.tar",
]  # fmt: skip


def run(script: str, folder: Path, tmp_path: Path, fails_at: str = "never") -> tuple[int, list]:
    calls = tmp_path / "calls"
    docker = tmp_path / "docker"
    docker.write_text(
        f'#!/bin/sh\necho "$@" >> {calls}\ncase "$*" in *{fails_at}*) exit 1;; esac\n'
        'case "$*" in *pg_restore*|*-xf*) cat > /dev/null;; *exec*) echo content;; esac\n'
    )
    docker.chmod(0o755)
    done = subprocess.run(
        [str(ROOT / "docker" / script), str(folder)],
        env=os.environ | {"DOCKER": str(docker)},
        capture_output=True,
        text=True,
    )
    return done.returncode, calls.read_text().splitlines() if calls.exists() else []


def test_databases_are_dumped_before_the_bucket_that_they_name_files_of(tmp_path: Path) -> None:
    status, calls = run("backup", tmp_path / "b", tmp_path)
    assert status == 0 and sorted(one.name for one in (tmp_path / "b").iterdir()) == PARTS
    kinds = ["pg_dump" if "pg_dump" in call else "tar" for call in calls]
    assert kinds == ["pg_dump", "pg_dump", "tar", "tar", "tar", "tar"]
    assert run("backup", tmp_path / "b", tmp_path)[0] == 2, "a backup replaces nothing"


def test_every_volume_of_what_cannot_be_made_again_is_in_it(tmp_path: Path) -> None:
    _, calls = run("backup", tmp_path / "b", tmp_path)
    compose = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())["services"]
    folders = {
        mount.split(":")[1]
        for name in ("store", "page")
        for mount in compose[name]["volumes"]
        if not mount.startswith(".")
    }
    saved = {call.split(" -C ")[1].split()[0] for call in calls if " -C " in call}
    assert folders <= saved


@pytest.mark.parametrize("part", ["pg_dump", "store"])
def test_a_backup_that_fails_half_way_has_no_folder(part: str, tmp_path: Path) -> None:
    status, _ = run("backup", tmp_path / "b", tmp_path, fails_at=part)
    assert status != 0 and not (tmp_path / "b").exists()


def test_only_a_whole_backup_is_restored(tmp_path: Path) -> None:
    run("backup", tmp_path / "b", tmp_path)
    (tmp_path / "calls").unlink()
    status, calls = run("restore", tmp_path / "b", tmp_path)
    assert status == 0 and len(calls) == 7 and "up -d --wait postgres store" in calls[0]
    (tmp_path / "calls").unlink()
    (tmp_path / "b" / "store.tar").unlink()
    assert run("restore", tmp_path / "b", tmp_path) == (2, [])
