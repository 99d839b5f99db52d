"""The command line: quick to answer, one sentence for a mistake, settings that can be pasted."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from launcher.cli.main import COMMANDS, main
from model_zoo.settings import Places, load_project

QUICK_SECONDS = 1.0  # of processor time; a third of that is Python's own start on a slow machine


def catwalk(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "launcher.cli", *arguments], capture_output=True, text=True
    )


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["run", "--help"]])
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    found = catwalk(*arguments)
    took = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    assert found.returncode == 0 and "catwalk" in found.stdout
    assert took < QUICK_SECONDS
    modules = subprocess.run(
        [
            *(sys.executable, "-X", "importtime", "-m", "launcher.cli"),
            *arguments,
        ],
        capture_output=True,
        text=True,
    ).stderr
    imported = {line.rpartition("|")[2].strip() for line in modules.splitlines()}
    assert not imported & {"mlflow", "keras", "tensorflow", "airflow", "pandas", "onnxruntime"}


@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - {"new"}))
def test_every_command_takes_a_project(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])
    assert left.value.code == 0
    assert "--project NAME|FILE" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["versions", "--project", "shop"], "no project 'shop' in"),
        (["run", "--epochs", "0"], "command line: setting training.epochs: input should be"),
        (["run", "--set", "training.epoch=3"], "did you mean training.epochs?"),
        (["run", "--set", "epochs"], "--set 'epochs': expected NAME=VALUE"),
        (["run", "--name", ".."], "'..' cannot be the name of a run"),
        (["demo", "--profile", "fast"], "unknown profile 'fast'"),
    ],
)
def test_a_mistake_is_one_sentence_and_status_2(
    small_environment: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    sentence: str,
) -> None:
    monkeypatch.setenv("CATWALK_HOME", str(tmp_path / "home"))
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("catwalk: ") and sentence in line
    assert not (tmp_path / "home" / "runs").exists(), "nothing was written"


def test_a_variable_that_nobody_reads_is_refused_by_every_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CATWALK_EPOCH", "1")
    assert main(["versions"]) == 2
    assert "CATWALK_EPOCH is not a setting of Catwalk" in capsys.readouterr().err


def test_settings_can_be_pasted_back_and_give_the_same_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("SCHEDULE", "RECIPE", "TRAINING__EPOCHS", "EXPORT__FORMATS"):
        monkeypatch.delenv(f"CATWALK_{name}", raising=False)
    monkeypatch.setenv("CATWALK_MODEL__DROPOUT", "0.35")
    assert main(["settings", "--profile", "standard", "--set", "export.formats=onnx-int8"]) == 0
    printed = capsys.readouterr().out
    monkeypatch.delenv("CATWALK_MODEL__DROPOUT")
    file = tmp_path / "fashion-mnist.toml"
    file.write_text(printed)
    given = {"profile": "standard", "export.formats": "onnx-int8", "model.dropout": 0.35}
    expected = load_project(given=given)
    assert load_project(str(file)).values() == expected.values()
    assert load_project(str(file)).schedule == expected.schedule


def test_settings_say_where_each_value_comes_from(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("RECIPE", "JUDGING__FLOOR"):
        monkeypatch.delenv(f"CATWALK_{name}", raising=False)
    monkeypatch.setenv("CATWALK_TRAINING__BATCH_SIZE", "48")
    monkeypatch.setenv("CATWALK_API_TOKEN", "open sesame")
    main(["settings", "--set", "search.trials=3", "--set", "training.augmentation.erase=0.1"])
    lines = {
        line.partition("=")[0].strip(): line.rpartition("#")[2].strip()
        for line in capsys.readouterr().out.splitlines()
    }
    assert lines["batch_size"] == "CATWALK_TRAINING__BATCH_SIZE"
    assert lines["erase"] == lines["trials"] == "command line"
    assert lines["floor"].endswith("fashion-mnist.toml, line 11")
    assert lines["base_rate"] == "recipe head" and lines["recipe"] == "profile quick"
    assert lines["head_epochs"] == "default"
    assert lines["# CATWALK_API_TOKEN"] == "environment"


def test_settings_hide_secrets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CATWALK_API_TOKEN", "open sesame")
    main(["settings"])
    assert "open sesame" not in capsys.readouterr().out


def test_nothing_registered_names_the_home_that_was_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CATWALK_HOME", str(tmp_path))
    assert main(["versions"]) == 0
    assert f"Nothing of fashion-mnist is registered yet in {tmp_path}" in capsys.readouterr().out
    assert Places.load().home == tmp_path


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("CATWALK_HOME", "/proc/catwalk", "could not write /proc/catwalk/in-use.lock"),
        ("CATWALK_NOTIFY", "slakc://secret", "address 1 of CATWALK_NOTIFY is none that apprise"),
    ],
)
def test_up_begins_nothing_with_a_home_or_an_address_that_is_of_no_use(
    variable: str,
    value: str,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(variable, value)
    assert main(["up"]) == 2
    said = capsys.readouterr().err
    assert sentence in said and len(said.splitlines()) == 1 and "secret" not in said
