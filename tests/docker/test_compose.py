"""The compose file holds together, gives nothing away, and opens nothing to the network."""

import importlib.util
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from launcher.container import airflow_users
from model_zoo.settings.environment import known_variables

DOCKER = Path(__file__).parents[2] / "docker"
COMPOSE = DOCKER / "compose.yaml"
NAMED_SECRET = re.compile(r"\{secret:([a-z_]+)\}|/run/secrets/([a-z_]+)")
SECRET_NAME = re.compile(r"password|secret|token|key", re.IGNORECASE)


@pytest.fixture(scope="module")
def compose() -> dict:
    return yaml.safe_load(COMPOSE.read_text())


@pytest.fixture(scope="module")
def services(compose: dict) -> dict[str, dict]:
    return compose["services"]


def strings(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for part in value.values() for text in strings(part)]
    if isinstance(value, list):
        return [text for part in value for text in strings(part)]
    return [str(value)]


def test_it_follows_the_schema_of_compose_files() -> None:
    found = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec",
         str(COMPOSE)],
        capture_output=True,
        text=True,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout + found.stderr


def test_every_secret_that_a_service_reads_is_one_that_it_gets(compose: dict) -> None:
    declared = set(compose["secrets"])
    for name, service in compose["services"].items():
        read = {a or b for text in strings(service) for a, b in NAMED_SECRET.findall(text)}
        given = set(service.get("secrets", ()))
        assert read <= given <= declared, name


def test_the_secrets_are_those_that_make_secrets_makes(compose: dict, tmp_path: Path) -> None:
    script = tmp_path / "docker" / "make-secrets"
    script.parent.mkdir()
    script.write_bytes((DOCKER / "make-secrets").read_bytes())
    folder = script.parent / "secrets"

    def made() -> dict[str, str]:
        subprocess.run(["sh", str(script)], check=True, capture_output=True)
        return {path.name: path.read_text() for path in folder.iterdir()}

    first = made()
    hashed_there = {"page_password"}  # for a person: the proxy gets page_users
    assert set(first) - hashed_there == set(compose["secrets"])
    assert all(len(text) >= 32 for text in first.values())
    assert len(set(first.values())) == len(first), "no two are alike"
    assert made() == first, "what is there stays as it is"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_no_password_is_written_down(services: dict) -> None:
    for name, service in services.items():
        for variable, value in service.get("environment", {}).items():
            if SECRET_NAME.search(variable) and not variable.endswith("_FILE"):
                assert str(value).startswith(("{secret:", "/var/lib/")), f"{name}: {variable}"
            credentials = re.search(r"://[^/:]*:([^@/]+)@", str(value))
            if credentials:
                assert credentials[1].startswith("{secret:"), f"{name}: {variable}"


def test_secrets_and_settings_of_a_server_are_not_in_the_repository() -> None:
    ignored = (DOCKER.parent / ".gitignore").read_text().splitlines()
    assert {"docker/secrets/", "docker/.env"} <= set(ignored)


def test_every_service_can_be_asked_how_it_is(services: dict) -> None:
    for name, service in services.items():
        check = service.get("healthcheck", {})
        if service.get("restart") == "no":
            assert check == {"disable": True}, f"{name} ends by itself"
        else:
            assert check["test"][0] in ("CMD", "CMD-SHELL"), name


def test_services_wait_for_services_that_there_are(services: dict) -> None:
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            ends = services[other].get("restart") == "no"
            expected = "service_completed_successfully" if ends else "service_healthy"
            assert how["condition"] == expected, f"{name} waits for {other}"


def test_only_this_machine_reaches_what_is_published(services: dict) -> None:
    published = [port for service in services.values() for port in service.get("ports", ())]
    assert len(published) == 4
    for port in published:
        assert port.startswith(("127.0.0.1:", "${PROXY_ADDRESS:-127.0.0.1}:")), port


def test_data_lies_in_named_volumes(compose: dict) -> None:
    mounted = [
        re.sub(r"^\$\{[A-Z_]+:-([a-z]+)\}", r"\1", volume).split(":")[0]
        for service in compose["services"].values()
        for volume in service.get("volumes", ())
    ]
    folders = {name for name in mounted if name.startswith(".")}
    assert all((DOCKER / folder).exists() for folder in folders)
    assert set(mounted) - folders == set(compose["volumes"])


def test_the_gpu_worker_has_a_queue_and_a_gpu_of_its_own(services: dict) -> None:
    cpu, gpu = services["worker-cpu"], services["worker-gpu"]
    assert cpu["command"][cpu["command"].index("--queues") + 1] == "default"
    assert gpu["command"][gpu["command"].index("--queues") + 1] == "gpu"
    [device] = gpu["deploy"]["resources"]["reservations"]["devices"]
    assert device["driver"] == "nvidia" and device["capabilities"] == ["gpu"]
    assert gpu["command"][0] == "gpu-worker", "which is checked at its start"


def test_every_setting_that_it_passes_on_exists(services: dict) -> None:
    known = known_variables()
    for name, service in services.items():
        passed = {key for key in service.get("environment", {}) if key.startswith("CATWALK_")}
        assert passed <= known, name


def test_the_example_of_an_env_file_names_variables_that_are_read() -> None:
    read = set(re.findall(r"\$\{([A-Z_]+)", COMPOSE.read_text())) | {"COMPOSE_PROFILES"}
    lines = (DOCKER / ".env.example").read_text().splitlines()
    named = {found[1] for line in lines if (found := re.match(r"#([A-Z_]+)=", line))}
    assert named <= read | known_variables() and read <= named


def test_every_setting_can_stand_in_the_env_file(services: dict) -> None:
    ours = {name for name, one in services.items() if "catwalk/" in one["image"]} - {"mlflow"}
    for name in ours:
        assert services[name]["env_file"] == [{"path": ".env", "required": False}], name


def test_airflow_asks_everybody_for_a_password_and_a_role(services: dict) -> None:
    for name in ("airflow-api", "airflow-scheduler", "airflow-dag-processor", "worker-cpu", "init"):
        manager = services[name]["environment"]["AIRFLOW__CORE__AUTH_MANAGER"]
        assert manager.endswith(".FabAuthManager"), name
    given = set(services["init"]["environment"])
    assert {variable for _, variable in airflow_users.USERS.values()} <= given


def test_what_decodes_pictures_of_anybody_reaches_the_registry_alone(services: dict) -> None:
    def reaches(name: str) -> set[str]:
        own = set(services[name]["networks"])
        return {other for other, one in services.items() if own & set(one["networks"])} - {name}

    assert reaches("page") == {"mlflow", "prometheus", "proxy"}
    assert reaches("proxy") == {"page"}
    assert {"postgres", "redis", "store"} <= reaches("worker-cpu")


def test_every_service_has_limits_and_no_rights_but_those_it_starts_with(services: dict) -> None:
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"] and service["mem_limit"], name
        assert service["pids_limit"] and service["security_opt"] == ["no-new-privileges:true"]
        assert bool(service.get("cap_add")) == (name in ("postgres", "redis")), name


def test_a_schedule_is_kept_from_the_start_and_folders_of_the_server_are_seen(
    services: dict,
) -> None:
    for name in ("airflow-scheduler", "airflow-dag-processor", "worker-cpu", "worker-gpu"):
        paused = services[name]["environment"]["AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION"]
        assert paused == "False", name
    for name in ("worker-cpu", "worker-gpu"):
        volumes = services[name]["volumes"]
        assert "${IMAGES_FOLDER:-images}:/images:ro" in volumes
        assert "${WEIGHTS_FOLDER:-weights}:/var/lib/keras" in volumes


def test_podman_compose_reads_it_too(tmp_path: Path) -> None:
    podman = tmp_path / "podman"  # to read a file it asks podman for its version, and nothing else
    podman.write_text("#!/bin/sh\necho podman version 4.3.1\n")
    podman.chmod(0o755)
    found = subprocess.run(
        [sys.executable, "-m", "podman_compose", "--file", str(COMPOSE), "config"],
        capture_output=True,
        text=True,
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )
    assert found.returncode == 0, found.stderr


def test_the_dashboard_draws_what_the_page_and_airflow_count() -> None:
    from dash_app.metrics import Metrics

    page = set(re.findall(r"^# TYPE (\S+)", Metrics().text().decode(), re.MULTILINE))
    template = "_shared/observability/metrics/metrics_template.yaml"  # each metric that Airflow has
    [airflow] = importlib.util.find_spec("airflow").submodule_search_locations
    listed = yaml.safe_load((Path(airflow) / template).read_text())["metrics"]
    counters = {f"airflow_{one['name']}" for one in listed if one["type"] == "counter"}
    board = json.loads((DOCKER / "monitoring" / "dashboards" / "catwalk.json").read_text())
    drawn = {
        name
        for panel in board["panels"]
        for target in panel["targets"]
        for name in re.findall(r"\b(?:catwalk|airflow)_[a-z_]+", target["expr"])
    }
    known = {re.sub(r"_(total|bucket|count)$", "", name) for name in page} | counters
    assert any(name.startswith("airflow_") for name in drawn)
    assert {re.sub(r"_(total|bucket|count)$", "", name) for name in drawn} <= known
