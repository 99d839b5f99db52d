"""What Airflow sends with AIRFLOW_METRICS=True arrives where Prometheus takes it, as a counter."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

pytestmark = pytest.mark.cluster
COMPOSE = Path(__file__).parents[2] / "docker" / "compose.yaml"
TASK = """
from airflow.sdk._shared.observability.metrics import stats
from airflow.sdk.observability.metrics import stats_utils

stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=False)
stats.incr("ti_successes", tags={"dag_id": "shirts_retrain", "task_id": "train"})
"""  # as airflow.sdk.execution_time.task_runner does after a task


def test_a_counter_of_airflows_is_sent_to_the_receiver_of_prometheus(tmp_path: Path) -> None:
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
        ExportMetricsServiceRequest,
    )

    sent: list[tuple[str, ExportMetricsServiceRequest]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            sent.append((self.path, ExportMetricsServiceRequest.FromString(content)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    services = yaml.safe_load(COMPOSE.read_text())["services"]
    variable = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"
    wanted = urlsplit(services["worker-cpu"]["environment"][variable])
    assert wanted.netloc == "prometheus:9090"
    assert "--web.enable-otlp-receiver" in services["prometheus"]["command"]
    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as receiver:
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        env = os.environ | {
            "AIRFLOW_HOME": str(tmp_path),
            "AIRFLOW__METRICS__OTEL_ON": "True",
            variable: f"http://127.0.0.1:{receiver.server_address[1]}{wanted.path}",
            "NO_PROXY": "127.0.0.1",
        }
        subprocess.run([sys.executable, "-c", TASK], env=env, check=True, capture_output=True)
        receiver.shutdown()
    path, content = sent[0]
    assert path == "/api/v1/otlp/v1/metrics"
    [metric] = content.resource_metrics[0].scope_metrics[0].metrics
    assert metric.name == "airflow.ti_successes"  # for Prometheus airflow_ti_successes_total
    assert metric.sum.is_monotonic and metric.sum.data_points[0].as_int == 1
