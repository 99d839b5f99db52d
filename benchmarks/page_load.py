"""The page's server under load: rate and latency at 1, 8 and 32 clients, while the alias moves.

    python -m benchmarks.page_load [--workers 1] [--seconds 10]

Starts the page of CATWALK_HOME with gunicorn as in production, on this machine, and posts one small
PNG a request to /api/v1/predict from threads of this process, each with a connection of its own.
Half-way through each level `production` moves to the version before it and back, if there are two.
Prints requests a second, p50 and p95 in milliseconds, failed requests (any but 200), the seconds
until each worker answered with the moved version, start time and memory a worker.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field

import psutil

from benchmarks.timing import machine
from model_zoo.errors import UserError
from model_zoo.predictor.versions import VersionCache
from model_zoo.registry.promotion import promote
from model_zoo.registry.served_files import read_facts
from model_zoo.registry.store import Store, store_of
from model_zoo.registry.versions import Version, find_alias
from model_zoo.settings import Places, Serving, load_project

CLIENTS = (1, 8, 32)
BOUNDARY = "catwalk-benchmark"


@dataclass
class Level:
    """What one number of clients saw."""

    milliseconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    first_seen: dict[str, float] = field(default_factory=dict)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=10.0)
    given = parser.parse_args()
    places = Places.load()
    store = store_of(load_project(places=places), places)
    production = find_alias(store, "production")
    if production is None:
        raise UserError("nothing is in production: run `catwalk demo` first")
    rival = find_alias(store, "previous")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    env = os.environ | {
        "CATWALK_PAGE_PORT": str(port),
        "CATWALK_PAGE_WORKERS": str(given.workers),
        "CATWALK_PICTURES_A_MINUTE": "0",  # all clients have one address here
    }
    started = time.monotonic()
    server = subprocess.Popen(
        [sys.executable, "-m", "dash_app"], env=env, stderr=subprocess.DEVNULL
    )
    try:
        wait_until_ready(port, server)
        print(machine("numpy"))
        print(f"start to ready: {time.monotonic() - started:.1f} s, {given.workers} worker(s)")
        print("clients  requests/s   p50 ms   p95 ms   failed   moved after s")
        body = body_of_example(VersionCache(store, Serving.load(), places.cache_dir), production)
        for clients in CLIENTS:
            level, moved_after = run_level(store, port, body, clients, given.seconds, rival)
            report(clients, level, given.seconds, moved_after)
        print(f"memory a worker: {memory_of(server)}")
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()
    return 0


def wait_until_ready(port: int, server: subprocess.Popen[bytes]) -> None:
    while server.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise UserError("the page's server ended: run `python -m dash_app` to see why")


def body_of_example(cache: VersionCache, version: Version) -> bytes:
    """A request with the first of the examples that a version carries."""
    example = read_facts(cache.fetch(version.version))["examples"][0]["png"]
    head = (
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; name=file; filename=a.png\r\n\r\n"
    ).encode()
    return head + base64.b64decode(example) + f"\r\n--{BOUNDARY}--\r\n".encode()


def run_level(
    store: Store,
    port: int,
    body: bytes,
    clients: int,
    seconds: float,
    rival: Version | None,
) -> tuple[Level, list[float]]:
    level, over = Level(), threading.Event()
    threads = [
        threading.Thread(target=client, args=(port, body, level, over)) for _ in range(clients)
    ]
    for thread in threads:
        thread.start()
    moved_after = []
    time.sleep(seconds / 2)
    if rival is not None:
        back = find_alias(store, "production")
        assert back is not None
        promote(store, rival.version, "load test")
        moved_after.append(wait_for_version(level, rival.version))
        promote(store, back.version, "load test")
        moved_after.append(wait_for_version(level, back.version))
    time.sleep(seconds / 2)
    over.set()
    for thread in threads:
        thread.join()
    return level, moved_after


def client(port: int, body: bytes, level: Level, over: threading.Event) -> None:
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    while not over.is_set():
        started = time.perf_counter()
        try:
            connection.request("POST", "/api/v1/predict", body, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            level.failures.append(repr(error))
            connection.close()
            continue
        level.milliseconds.append(1000 * (time.perf_counter() - started))
        if answer.status != 200:
            level.failures.append(f"{answer.status} {content[:80]!r}")
            continue
        level.first_seen[json.loads(content)["version"]] = time.monotonic()


def wait_for_version(level: Level, version: str) -> float:
    started = time.monotonic()
    while level.first_seen.get(version, 0) < started:
        if time.monotonic() - started > 60:
            return float("inf")
        time.sleep(0.02)
    return time.monotonic() - started


def report(clients: int, level: Level, seconds: float, moved_after: list[float]) -> None:
    times = sorted(level.milliseconds)
    total = seconds + sum(moved_after)
    moves = ", ".join(f"{one:.1f}" for one in moved_after) or "one version only"
    print(
        f"{clients:7d}  {len(times) / total:10.1f}  {statistics.median(times):7.1f}  "
        f"{times[int(0.95 * (len(times) - 1))]:7.1f}  {len(level.failures):7d}   {moves}"
    )
    for failure in level.failures[:3]:
        print(f"         {failure}")


def memory_of(server: subprocess.Popen[bytes]) -> str:
    workers = psutil.Process(server.pid).children()
    return ", ".join(f"{one.memory_info().rss / 2**20:.0f} MiB" for one in workers)


if __name__ == "__main__":
    raise SystemExit(main())
