"""Manifests follow Kubernetes' schemas, the Helm values are what the chart and the DAG read."""

import re
from pathlib import Path

import pytest
import yaml

from launcher.container import airflow_users

KUBERNETES = Path(__file__).parents[2] / "docker" / "kubernetes"
MANIFESTS = ("mlflow.yaml", "network.yaml", "page.yaml", "prepare.yaml")
# Of the chart 1.22: https://airflow.apache.org/docs/helm-chart/1.22.0/parameters-ref.html
CHART_KEYS = {
    "airflowHome", "airflowVersion", "apiSecretKeySecretName", "config", "createUserJob",
    "dagProcessor", "data", "defaultAirflowRepository", "defaultAirflowTag", "env", "executor",
    "fernetKeySecretName", "gid", "images", "jwtSecretName", "logs", "postgresql", "redis",
    "secret", "triggerer", "uid", "workers",
}  # fmt: skip


def resources(name: str) -> list[dict]:
    return [one for one in yaml.safe_load_all((KUBERNETES / name).read_text()) if one]


@pytest.mark.parametrize("name", MANIFESTS)
def test_manifests_follow_the_schemas(name: str) -> None:
    import kubernetes_validate

    for resource in resources(name):
        kubernetes_validate.validate(resource, "1.37", strict=True)


@pytest.mark.parametrize("name", MANIFESTS)
def test_pods_have_no_rights_and_some_limits(name: str) -> None:
    for resource in resources(name):
        if resource["kind"] not in ("Deployment", "Job"):
            continue
        pod = resource["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] and not pod["automountServiceAccountToken"]
        for container in pod["containers"]:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["resources"]["limits"]["memory"]
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            if resource["kind"] == "Deployment":
                assert container["livenessProbe"] and container["readinessProbe"]


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_service_finds_its_pods(name: str) -> None:
    found = resources(name)
    labels = [r["spec"]["template"]["metadata"]["labels"] for r in found if "Dep" in r["kind"]]
    for service in (r for r in found if r["kind"] == "Service"):
        assert service["spec"]["selector"] in labels


def test_the_page_grows_with_its_load_and_a_drained_node_leaves_one() -> None:
    by_kind = {one["kind"]: one for one in resources("page.yaml")}
    assert "replicas" not in by_kind["Deployment"]["spec"], "the autoscaler's matter"
    scaler = by_kind["HorizontalPodAutoscaler"]["spec"]
    assert scaler["scaleTargetRef"]["name"] == by_kind["Deployment"]["metadata"]["name"]
    budget, labels = by_kind["PodDisruptionBudget"]["spec"], {"app": "page"}
    assert budget["selector"]["matchLabels"] == labels
    assert budget["minAvailable"] < scaler["minReplicas"], "else no node could be drained"


def test_the_page_reaches_the_registry_the_store_and_names_alone() -> None:
    (page,) = (one for one in resources("network.yaml") if one["metadata"]["name"] == "page")
    assert set(page["spec"]["policyTypes"]) == {"Ingress", "Egress"}
    ports = [port["port"] for rule in page["spec"]["egress"] for port in rule["ports"]]
    assert sorted(ports) == [53, 53, 443, 5000]
    assert all(rule["to"] for rule in page["spec"]["egress"]), "a rule without `to` is everywhere"


def test_people_come_to_the_page_through_the_log_in() -> None:
    found = resources("page.yaml")
    (pod,) = (one["spec"]["template"]["spec"] for one in found if one["kind"] == "Deployment")
    (proxy,) = (one for one in pod["containers"] if one["name"] == "proxy")
    (service,) = (one for one in found if one["kind"] == "Service")
    assert {one["targetPort"] for one in service["spec"]["ports"]} == {"http"}
    assert proxy["ports"] == [{"name": "http", "containerPort": 8000}]
    assert {"ip": "127.0.0.1", "hostnames": ["page"]} in pod["hostAliases"]
    (policy,) = (one for one in resources("network.yaml") if one["metadata"]["name"] == "page")
    anybody = [rule for rule in policy["spec"]["ingress"] if "from" not in rule]
    assert [port["port"] for rule in anybody for port in rule["ports"]] == [8000]


def test_airflows_users_are_made_with_the_manager_that_the_chart_runs(values: dict) -> None:
    (job,) = resources("prepare.yaml")
    env = {
        one["name"]: one.get("value")
        for one in job["spec"]["template"]["spec"]["containers"][0]["env"]
    }
    assert env["AIRFLOW__CORE__AUTH_MANAGER"] == values["config"]["core"]["auth_manager"]
    for _, variable in airflow_users.USERS.values():
        assert env[variable].startswith("{secret:airflow_"), variable


@pytest.fixture(scope="module")
def values() -> dict:
    return yaml.safe_load((KUBERNETES / "airflow-values.yaml").read_text())


def test_the_values_are_keys_of_the_chart(values: dict) -> None:
    assert set(values) <= CHART_KEYS
    assert values["executor"] == "KubernetesExecutor"
    constraints = (KUBERNETES.parents[1] / "constraints.txt").read_text()
    assert f"\napache-airflow=={values['airflowVersion']} " in constraints


def test_the_settings_in_the_values_make_the_dag_ask_for_a_gpu(values: dict) -> None:
    from model_zoo.settings.environment import known_variables

    given = {one["name"]: one["value"] for one in values["env"]}
    assert {name for name in given if name.startswith("CATWALK_")} <= known_variables()
    assert int(given["CATWALK_HEAVY_GPUS"]) >= 1, "tests/dags/test_placement.py has the pod"
    assert given["CATWALK_STORAGE"].startswith("s3://"), "a pod's disk is gone when it ends"


def test_no_password_is_written_down() -> None:
    for file in KUBERNETES.glob("*.yaml"):
        text = file.read_text()
        for credentials in re.findall(r"://[^/:\s]*:([^@/\s]+)@", text):
            assert credentials.startswith("{secret:"), file.name
        assert not re.search(r"^kind: Secret$", text, re.MULTILINE), file.name
