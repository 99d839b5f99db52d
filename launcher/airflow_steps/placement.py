"""Where Airflow runs search and training: the queue, the pool and the GPUs that are set."""

from __future__ import annotations

from typing import Any

from airflow.sdk.configuration import conf

from launcher.settings import Placement

GPU = "nvidia.com/gpu"
CONTAINER = "base"  # the name by which Airflow finds its own container in a worker pod


def heavy(placement: Placement) -> dict[str, Any]:
    """Keyword arguments of the operators that search and train; none on a laptop.

    A queue means something to the Celery executor, the pod to the Kubernetes executor, the pool
    to every one.
    """
    chosen: dict[str, Any] = {}
    if placement.heavy_queue:
        chosen["queue"] = placement.heavy_queue
    if placement.heavy_pool:
        chosen["pool"] = placement.heavy_pool
    if placement.heavy_gpus and "KubernetesExecutor" in conf.get("core", "executor"):
        chosen["executor_config"] = {"pod_override": _pod_with(placement.heavy_gpus)}
    return chosen


def of_shares(placement: Placement) -> dict[str, Any]:
    """As :func:`heavy`, of the tasks that take a share of the trials.

    On a queue of their own they need no GPU, and no slot of the pool that stands for the GPUs.
    """
    if placement.share_queue:
        return {"queue": placement.share_queue}
    return heavy(placement)


def _pod_with(gpus: int) -> Any:
    """What differs from the pod template of every task: merged into it container by container."""
    from kubernetes.client import models as k8s  # takes over a second: only where pods are made

    resources = k8s.V1ResourceRequirements(limits={GPU: str(gpus)})
    return k8s.V1Pod(
        spec=k8s.V1PodSpec(containers=[k8s.V1Container(name=CONTAINER, resources=resources)])
    )
