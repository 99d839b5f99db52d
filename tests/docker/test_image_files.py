"""The Dockerfile, by a linter and by what it promises; nothing is built here (make containers)."""

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "docker" / "Dockerfile"


@pytest.fixture(scope="module")
def stages() -> dict[str, str]:
    parts = re.split(r"^FROM \S+ AS (\S+)$", DOCKERFILE.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_linter_finds_nothing() -> None:
    for file in (ROOT / "docker").glob("*Dockerfile*"):
        hadolint = Path(sysconfig.get_path("scripts")) / "hadolint"
        found = subprocess.run([str(hadolint), str(file)], capture_output=True, text=True)
        assert found.returncode == 0, f"{file.name}: {found.stdout}"


@pytest.mark.parametrize("image", ["worker", "airflow", "page"])
def test_an_image_runs_as_nobody_special_and_says_how_it_is(
    stages: dict[str, str], image: str
) -> None:
    assert re.search(r"^USER [1-9]\d+$", stages[image], re.MULTILINE)
    assert "HEALTHCHECK" in stages[image]


def test_every_install_keeps_to_the_tested_versions(stages: dict[str, str]) -> None:
    for name, text in stages.items():
        for install in re.findall(r"pip install [^&;]*", text):
            by_hash = ("--constraint constraints.txt", "--require-hashes --requirement uv.txt")
            assert any(one in install for one in by_hash), name


def test_the_base_image_is_an_argument() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE.read_text(), re.MULTILINE)
    assert {base for base in bases if base.isupper() or "$" in base} == {"${BASE}"}


def test_the_page_has_no_tensorflow(stages: dict[str, str]) -> None:
    extras = re.findall(r"--extra (\S+)", stages["page"])
    assert extras == ["page"]


def test_building_needs_programs_which_are_named_before_it_begins() -> None:
    found = subprocess.run(
        [sys.executable, "-m", "launcher.container.try_images"],
        env={"PATH": "/nowhere"}, cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert found.returncode == 2 and found.stdout == ""
    assert re.match(r"podman.* not found, which `make containers` needs: ", found.stderr)
    assert found.stderr.count("\n") == 1


def test_an_image_gets_no_data_secret_or_environment() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines, "what is not named stays out"
    assert "!projects" in lines
    assert not any(line.startswith("!docker") or ".env" in line for line in lines)
    for line in lines:
        if line.startswith("!"):
            assert (ROOT / line[1:]).exists(), line
