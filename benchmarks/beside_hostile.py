"""A small picture and a probe beside hostile files: how long they take, and the page's memory.

    python -m benchmarks.beside_hostile [--seconds 20] [--clients 8]

Starts the page of CATWALK_HOME with gunicorn as in production, on this machine. Some clients, each
from an address of its own, post without a pause: a JPEG of 5,000 scans, one of 90 scans and 24
million pixels, a 16-bit PNG of 25 million pixels, and a ZIP of 500 such PNGs. Beside them one
client posts one small PNG after the other and asks /healthz in turn. Prints p50, p95 and the
longest in milliseconds of both, alone and beside, what the hostile ones were answered, and the
memory of the page with its decoders.
"""

from __future__ import annotations

import argparse
import collections
import http.client
import io
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile

import numpy as np
import psutil
from PIL import Image

from benchmarks.page_load import BOUNDARY, body_of_example, wait_until_ready
from benchmarks.timing import machine
from model_zoo.errors import UserError
from model_zoo.predictor.versions import VersionCache
from model_zoo.registry.store import store_of
from model_zoo.registry.versions import find_alias
from model_zoo.settings import Places, Serving, load_project

HEADERS = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--clients", type=int, default=8)
    given = parser.parse_args()
    places = Places.load()
    store = store_of(load_project(places=places), places)
    production = find_alias(store, "production")
    if production is None:
        raise UserError("nothing is in production: run `catwalk demo` first")
    small = body_of_example(VersionCache(store, Serving.load(), places.cache_dir), production)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    # What a minute's limit of one address keeps away is not what is measured.
    env = os.environ | {"CATWALK_PAGE_PORT": str(port), "CATWALK_PICTURES_A_MINUTE": "0"}
    server = subprocess.Popen([sys.executable, "-m", "dash_app"], env=env)
    try:
        wait_until_ready(port, server)
        print(f"{machine('numpy', 'pillow')}, load {os.getloadavg()[0]:.1f}")
        report("alone", *measured(port, small, given.seconds / 2))
        files = hostile_files()
        print(", ".join(f"{name} {len(one) / 1000:,.0f} kB" for name, one in files.items()))
        over, answers = threading.Event(), collections.Counter[str]()
        memory = [0.0]
        threads = [
            threading.Thread(target=hostile, args=(port, files, i, over, answers))
            for i in range(given.clients)
        ]
        threads.append(threading.Thread(target=watch, args=(server, over, memory)))
        for one in threads:
            one.start()
        time.sleep(2)
        report(f"beside {given.clients}", *measured(port, small, given.seconds))
        over.set()
        for one in threads:
            one.join()
        print(f"hostile: {dict(answers)}")
        print(f"memory of the page and its decoders at the most: {memory[0]:.0f} MiB")
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()
    return 0


def hostile_files() -> dict[str, bytes]:
    """Each by a name."""
    wide = encoded(np.zeros((5000, 5000), np.uint16), "PNG")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for i in range(500):
            target.writestr(f"{i}.png", wide)
    scans = encoded(np.zeros((4900, 4900, 3), np.uint8), "JPEG", progressive=True)
    last = scans.rindex(b"\xff\xda")  # the last scan, which may be there any number of times
    end = scans.rindex(b"\xff\xd9")
    again = scans[last:end]
    return {
        "JPEG of 5,000 scans": scans[:end] + b"\xff\xda\x00\x08\x01\x01\x00\x3f\x3f\x00" * 5000,
        "JPEG of 90 scans": scans[:end] + again * 80 + scans[end:],
        "16-bit PNG": wide,
        "ZIP": archive.getvalue(),
    }


def encoded(pixels: np.ndarray, kind: str, **options: object) -> bytes:
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, kind, **options)
    return target.getvalue()


def hostile(
    port: int,
    files: dict[str, bytes],
    first: int,
    over: threading.Event,
    answers: collections.Counter[str],
) -> None:
    names = list(files)
    for i in range(first, 10**9):
        if over.is_set():
            return
        name = names[i % len(names)]
        status = post(port, as_body(name, files[name]), f"127.0.1.{first}")
        answers[f"{name}: {status}"] += 1


def as_body(name: str, content: bytes) -> bytes:
    head = (
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; name=file; filename=a.png\r\n\r\n"
    ).encode()
    return head + content + f"\r\n--{BOUNDARY}--\r\n".encode()


def post(port: int, body: bytes, address: str = "127.0.0.1") -> int | str:
    connection = http.client.HTTPConnection("127.0.0.1", port, 120, source_address=(address, 0))
    try:
        connection.request("POST", "/api/v1/predict", body, HEADERS)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    finally:
        connection.close()


def measured(port: int, small: bytes, seconds: float) -> tuple[list[float], list[float], int]:
    """Milliseconds of predictions and of probes, and how many were not answered with 200."""
    predictions: list[float] = []
    probes: list[float] = []
    failed = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        started = time.perf_counter()
        failed += post(port, small) != 200
        predictions.append(1000 * (time.perf_counter() - started))
        started = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/healthz")
        failed += connection.getresponse().status != 200
        connection.close()
        probes.append(1000 * (time.perf_counter() - started))
        time.sleep(0.02)
    return predictions, probes, failed


def report(name: str, predictions: list[float], probes: list[float], failed: int) -> None:
    for what, times in (("prediction", predictions), ("/healthz", probes)):
        p50, p95, most = np.percentile(times, (50, 95, 100))
        print(
            f"{name:10} {what:11} {len(times)} asked, p50 {p50:.0f} ms, p95 {p95:.0f}, "
            f"longest {most:.0f}"
        )
    print(f"{name:10} {failed} failed")


def watch(server: subprocess.Popen, over: threading.Event, memory: list[float]) -> None:
    page = psutil.Process(server.pid)
    while not over.wait(0.2):
        together = 0
        for one in page.children(recursive=True):
            try:
                together += one.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        memory[0] = max(memory[0], together / 2**20)


if __name__ == "__main__":
    raise SystemExit(main())
