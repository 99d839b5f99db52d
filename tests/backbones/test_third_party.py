"""A backbone that somebody else ships: installed into a fresh environment, found, checked."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def fresh_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of its own with the package in it; what Catwalk needs is lent by this one."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder / "venv")
    python = folder / "venv" / "bin" / "python"
    site = subprocess.check_output(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
    )
    lent = [sysconfig.get_path("purelib"), str(ROOT)]
    (Path(site.strip()) / "lent.pth").write_text("\n".join(lent) + "\n")
    package = folder / "package"
    package.mkdir()  # setuptools builds in the source's own folder
    for path in (ROOT / "tests" / "backbones" / "third_party").iterdir():
        if path.is_file():
            (package / path.name).write_bytes(path.read_bytes())
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index"]
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", package], check=True)
    return python


def test_it_is_found_by_its_entry_point_and_keeps_the_contract(
    fresh_python: Path, small_environment: Path, tmp_path: Path
) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [fresh_python, "-m", "launcher.cli", "backbones", "--check", "squeezenet"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line[:5] for line in done.stdout.splitlines()] == ["ok   "] * 7


def test_this_environment_knows_nothing_of_it(catwalk) -> None:
    status, _, error = catwalk("backbones", "squeezenet")
    assert status == 2 and "unknown backbone 'squeezenet'" in error
