"""What is wrong is said when a container starts: one sentence, exit status 2, nothing started."""

import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

STARTED = "the program was started"


def enter(
    role: str, home: Path, *program: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("CATWALK_", "AIRFLOW"))}
    values = {"CATWALK_HOME": str(home), "AIRFLOW_HOME": str(home), "CATWALK_SECRETS": str(home)}
    return subprocess.run(
        [sys.executable, "-m", "launcher.container.entry", role, *(program or ("echo", STARTED))],
        env=kept | values | environment,
        capture_output=True,
        text=True,
    )


def refused(found: subprocess.CompletedProcess[str]) -> str:
    assert found.returncode == 2, found.stdout + found.stderr
    assert STARTED not in found.stdout
    [sentence] = found.stderr.splitlines()
    return sentence


def test_a_program_gets_its_secrets_and_is_started(tmp_path: Path) -> None:
    (tmp_path / "db_password").write_text("open sesame\n")
    found = enter(
        "worker", tmp_path, "sh", "-c", 'echo "$URL"', URL="postgresql://a:{secret:db_password}@b/c"
    )
    assert found.stdout == "postgresql://a:open sesame@b/c\n", found.stderr


def test_without_a_role_nothing_is_checked(tmp_path: Path) -> None:
    assert enter("echo", tmp_path, STARTED).stdout == f"{STARTED}\n"


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_a_missing_secret(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "db_password").write_text(content)
    sentence = refused(enter("worker", tmp_path, URL="x:{secret:db_password}"))
    assert "secret db_password, which URL needs, is missing" in sentence
    assert str(tmp_path / "db_password") in sentence


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = refused(enter("page", tmp_path, CATWALK_LISTEN=f"127.0.0.1:{port}"))
    assert f"port {port} on 127.0.0.1 cannot be used" in sentence


def test_a_worker_without_the_gpu_that_its_queue_promises(tmp_path: Path) -> None:
    none = tmp_path / "nvidia-smi"
    none.write_text("#!/bin/sh\necho 'GPU 0: NVIDIA (UUID: GPU-1)'\n")
    none.chmod(0o755)
    with_one = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    sentence = refused(enter("gpu-worker", tmp_path, CATWALK_HEAVY_GPUS="2", **with_one))
    assert "promises 2 GPU(s) and 1 can be seen" in sentence
    none.unlink()
    assert "promises 1 GPU(s) and 0 can be seen" in refused(enter("gpu-worker", tmp_path))


def test_a_gpu_worker_whose_tensorflow_is_for_cpus(tmp_path: Path) -> None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        version("tensorflow-cpu")
    except PackageNotFoundError:
        pytest.skip("this machine's TensorFlow is not the one for CPUs")
    seen = tmp_path / "nvidia-smi"
    seen.write_text("#!/bin/sh\necho 'GPU 0: NVIDIA (UUID: GPU-1)'\n")
    seen.chmod(0o755)
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    assert "ACCELERATOR=cuda" in refused(enter("gpu-worker", tmp_path, **path))


def test_storage_that_cannot_be_written(tmp_path: Path) -> None:
    sentence = refused(enter("worker", tmp_path, CATWALK_STORAGE="file:///proc/nowhere"))
    assert "storage file:///proc/nowhere cannot be written" in sentence


def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    sentence = refused(enter("worker", tmp_path, CATWALK_HOME="/proc/home"))
    assert "/proc/home cannot be written by user" in sentence


def test_a_setting_out_of_range(tmp_path: Path) -> None:
    sentence = refused(enter("worker", tmp_path, CATWALK_HEAVY_GPUS="-1"))
    assert "CATWALK_HEAVY_GPUS: input should be greater than or equal to 0" in sentence


def test_a_variable_that_nobody_reads(tmp_path: Path) -> None:
    sentence = refused(enter("worker", tmp_path, CATWALK_TUNER_WORKERS="3"))
    assert sentence.startswith("catwalk worker: CATWALK_TUNER_WORKERS is not a setting of Catwalk")


def test_an_empty_folder_of_secrets_means_the_usual_one(tmp_path: Path) -> None:
    sentence = refused(enter("worker", tmp_path, CATWALK_SECRETS="", URL="{secret:no-such-one}"))
    assert "/run/secrets/no-such-one is absent" in sentence


def test_a_database_of_an_older_airflow(tmp_path: Path) -> None:
    path = tmp_path / "airflow.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        database.execute("INSERT INTO alembic_version VALUES ('29ce7909c52b')")  # Airflow 3.0.0
    url = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{path}"}
    sentence = refused(enter("airflow-service", tmp_path, **url))
    assert "Airflow's database is of another version than Airflow 3.3.2" in sentence
    assert "back it up" in sentence


def test_a_database_of_an_older_mlflow(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        database.execute("INSERT INTO alembic_version VALUES ('0584bdc529eb')")  # MLflow 2.15
    given = {
        "MLFLOW_BACKEND_STORE_URI": f"sqlite:///{path}",
        "MLFLOW_ARTIFACTS_DESTINATION": f"file://{tmp_path}/artifacts",
        "CATWALK_LISTEN": "127.0.0.1:0",
    }
    sentence = refused(enter("mlflow-server", tmp_path, **given))
    assert "MLflow's database is of another version (schema 0584bdc529eb, not" in sentence
    path.unlink()
    assert enter("mlflow-server", tmp_path, **given).stdout == f"{STARTED}\n", (
        "an empty one is made"
    )


def test_a_database_that_does_not_answer(tmp_path: Path) -> None:
    given = {"MLFLOW_BACKEND_STORE_URI": f"sqlite:///{tmp_path}/no/such/folder/mlflow.db"}
    assert "MLflow's database does not answer" in refused(enter("mlflow-server", tmp_path, **given))
