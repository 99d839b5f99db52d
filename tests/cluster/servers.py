"""Servers of a cluster on this machine: PostgreSQL, Redis, S3, MLflow, Airflow, Celery workers."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil

LOOPBACK = "127.0.0.1"
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as probe:
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    try:
        with NO_PROXY.open(url, timeout=5):
            return True
    except OSError:
        return False


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


class Servers:
    """Starts programs, each with a log file, and ends whatever it started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.began = time.monotonic()

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self.began:6.0f} s  {text}", flush=True)

    def start(self, name: str, command: list[str], env: dict[str, str], **options: object) -> None:
        with (self.folder / f"{name}.log").open("a") as log:
            self.running[name] = subprocess.Popen(
                command,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **options,  # type: ignore[call-overload]
            )

    def wait(self, what: str, ready: Callable[[], bool], seconds: float = 600) -> None:
        """Wait until ``ready``; fails when it takes too long or a program has ended."""
        began = time.monotonic()
        while not ready():
            for name, process in self.running.items():
                assert process.poll() is None, f"{name} ended: {self.tail(name)}"
            assert time.monotonic() - began < seconds, f"{what}: not within {seconds:.0f} s"
            time.sleep(0.5)
        self.say(f"{what} ({time.monotonic() - began:.0f} s)")

    def tail(self, name: str) -> str:
        return "\n".join((self.folder / f"{name}.log").read_text().splitlines()[-15:])

    def kill(self, name: str) -> None:
        """As a power cut would: the program and all that it started, without a word."""
        process = self.running.pop(name)
        main = psutil.Process(process.pid)
        family = [*main.children(recursive=True), main]
        for one in family:
            one.suspend()
        for one in family:
            one.kill()
        process.wait()

    def stop(self) -> None:
        for name in reversed(tuple(self.running)):
            family = psutil.Process(self.running[name].pid).children(recursive=True)
            self.running[name].terminate()
            try:
                self.running[name].wait(20)
            except subprocess.TimeoutExpired:
                self.running[name].kill()
            for one in family:
                if one.is_running():
                    one.kill()
        self.running.clear()


def start_postgres(servers: Servers, databases: tuple[str, ...]) -> str:
    """A cluster of its own under the temporary folder; returns the URL without a database."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin")) or [Path("/usr/bin")]
    assert (found[-1] / "initdb").exists(), "needs PostgreSQL: apt install postgresql"
    binaries = found[-1]
    user = "postgres" if os.getuid() == 0 else None  # PostgreSQL refuses to be root
    data = Path(tempfile.mkdtemp(prefix="catwalk-postgres-"))
    password, port = secrets.token_hex(12), free_port()
    (data / "password").write_text(password)
    if user:
        for path in (data, data / "password"):
            shutil.chown(path, user, user)
    run = [str(binaries / "initdb"), "-D", str(data / "db"), "-U", "catwalk", "-A", "scram-sha-256",
           "--pwfile", str(data / "password"), "-E", "UTF8", "--no-sync"]  # fmt: skip
    subprocess.run(run, check=True, user=user, stdout=subprocess.DEVNULL, cwd=data)
    command = [str(binaries / "postgres"), "-D", str(data / "db"), "-h", LOOPBACK, "-p", str(port),
               "-k", str(data), "-c", "fsync=off"]  # fmt: skip
    servers.start("postgres", command, dict(os.environ), user=user, cwd=data)
    env = os.environ | {"PGPASSWORD": password}
    psql = ["psql", "-h", LOOPBACK, "-p", str(port), "-U", "catwalk", "-d", "postgres", "-q", "-c"]

    def ready() -> bool:
        return subprocess.run([*psql, "SELECT 1"], env=env, capture_output=True).returncode == 0

    servers.wait("PostgreSQL answers", ready)
    for name in databases:
        subprocess.run([*psql, f"CREATE DATABASE {name}"], env=env, check=True)
    return f"postgresql+psycopg2://catwalk:{password}@{LOOPBACK}:{port}"


def start_redis(servers: Servers) -> str:
    assert shutil.which("redis-server"), "needs Redis: apt install redis-server"
    password, port = secrets.token_hex(12), free_port()
    command = ["redis-server", "--bind", LOOPBACK, "--port", str(port), "--requirepass", password,
               "--save", "", "--dir", str(servers.folder)]  # fmt: skip
    servers.start("redis", command, dict(os.environ))
    servers.wait("Redis listens", lambda: listens(port))
    return f"redis://:{password}@{LOOPBACK}:{port}/0"


def start_s3(servers: Servers) -> dict[str, str]:
    """An S3-compatible server; returns what clients need in their environment."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", LOOPBACK, "-p", str(port)]
    servers.start("s3", command, dict(os.environ))
    servers.wait("S3 answers", lambda: listens(port))
    return {
        "AWS_ENDPOINT_URL": f"http://{LOOPBACK}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
