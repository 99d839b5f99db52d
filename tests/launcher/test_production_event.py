"""A move by hand is told to the Airflow of the home, and where it cannot be, that is said."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from launcher.local.machine import Machine
from launcher.local.production_event import tell_airflow
from model_zoo.settings import Project


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    monkeypatch.setenv("CATWALK_HOME", str(tmp_path))
    monkeypatch.setenv("CATWALK_AIRFLOW_PORT", str(port))
    return Machine.load()


def test_a_home_without_airflow_has_nobody_to_tell(project: Project, machine: Machine) -> None:
    assert tell_airflow(project, machine, "2", "by hand") == ""
    assert not machine.airflow_home.exists(), "nothing is made for it"


def test_an_airflow_that_is_down_is_said_with_what_to_do(
    project: Project, machine: Machine
) -> None:
    machine.airflow_home.mkdir()
    (machine.airflow_home / "passwords.json").write_text('{"admin": "secret"}')
    said = tell_airflow(project, machine, "2", "by hand")
    assert "was not told (it does not answer)" in said
    assert "Trigger fashion_mnist_after_promotion there by hand" in said
