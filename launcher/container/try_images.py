"""`make containers`: build every image, run the workflow in containers, take them down again.

Needs root and what ``PROGRAMS`` names (podman 4.3 or newer). It pulls nothing: without ``BASE`` (an
image that is there already) it makes a Debian base with debootstrap, and stand-ins
take the place of the images of a registry (docker/check/). With Docker and a registry nothing of
this is needed: docs/deploy.md.
"""

from __future__ import annotations

import base64
import io
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from model_zoo.errors import UserError
from model_zoo.settings import CHECKOUT, load_project

DOCKER = CHECKOUT / "docker"
BASE = "localhost/catwalk-base"
RUN = "in-containers"
AIRFLOW, PAGE = "http://127.0.0.1:8080", "http://127.0.0.1:8000"
# In the order in which they need each other: podman 4.3 does not wait for health by itself.
GROUPS = (
    ("postgres", "redis", "store"),
    ("init",),
    ("mlflow", "airflow-api"),
    ("airflow-scheduler", "airflow-dag-processor", "airflow-triggerer", "page"),
    ("worker-cpu", "worker-gpu", "proxy"),
)
PROGRAMS = ("podman", "runc", "iptables", "netavark", "aardvark-dns", "debootstrap")
PLACES = os.pathsep.join(
    (os.environ.get("PATH", ""), "/usr/sbin", "/usr/lib/podman", "/usr/libexec/podman")
)
IMAGES = ("page", "check", "airflow", "worker")
BEGAN = time.monotonic()


def say(text: str) -> None:
    print(f"{time.monotonic() - BEGAN:6.0f} s  {text}", flush=True)


def run(*command: str) -> str:
    """A program's output; its last lines as an error when it fails."""
    found = subprocess.run(
        command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if found.returncode:
        raise UserError(f"{' '.join(command[:4])} failed:\n" + found.stdout[-3000:])
    return found.stdout


def compose(*arguments: str) -> str:
    files = ("--file", str(DOCKER / "compose.yaml"), "--file", str(DOCKER / "check/compose.yaml"))
    return run(sys.executable, "-m", "podman_compose", *files, *arguments)


def check_programs() -> None:
    """Before minutes of building, not after them."""
    unneeded = {"debootstrap"} if "BASE" in os.environ else set()
    needed = [name for name in PROGRAMS if name not in unneeded]
    missing = [name for name in needed if not shutil.which(name, path=PLACES)]
    if missing:
        raise UserError(
            f"{', '.join(missing)} not found, which `make containers` needs: on Debian "
            f"`apt install {' '.join(PROGRAMS)}`, as root"
        )


def configure_podman(folder: Path) -> None:
    """Settings for this process's podman only: a runtime that works under old kernels' cgroups."""
    bundle = "/etc/ssl/certs/ca-certificates.crt"  # of a network with a proxy of its own
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # nobody can give more than he has
    path = folder / "containers.conf"
    path.write_text(
        '[engine]\nruntime = "runc"\n[network]\nnetwork_backend = "netavark"\n[containers]\n'
        f'default_ulimits = ["nofile={files}:{files}", "nproc=4096:4096"]\n'
        f'volumes = ["{bundle}:{bundle}:ro"]\n'
    )
    os.environ.setdefault("CONTAINERS_CONF", str(path))


def build(folder: Path) -> None:
    """The base, if none is given, and the images; tells how large each is and how long it took."""
    base = os.environ.get("BASE", BASE)
    if base == BASE and subprocess.run(["podman", "image", "exists", BASE]).returncode:
        began = time.monotonic()
        root = folder / "root"
        include = "ca-certificates,python3,python3-venv"
        run("debootstrap", "--variant=minbase", f"--include={include}", "bookworm",
            str(root), *filter(None, [os.environ.get("DEBIAN_MIRROR")]))  # fmt: skip
        for unneeded in ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc",
                         "usr/share/locale", "usr/share/man"):  # fmt: skip
            shutil.rmtree(root / unneeded)
        (root / "var/cache/apt/archives/partial").mkdir(parents=True)
        archive = folder / "root.tar"
        run("tar", "-C", str(root), "-cf", str(archive), ".")
        run("podman", "import", str(archive), BASE)
        shutil.rmtree(root)
        archive.unlink()
        say(f"image {BASE}: {size(BASE)}, made in {time.monotonic() - began:.0f} s")
    for name in IMAGES:
        began = time.monotonic()
        file = "docker/check/Dockerfile" if name == "check" else "docker/Dockerfile"
        target = () if name == "check" else ("--target", name)
        # With a layer for each line podman copies gigabytes after each of them.
        options = ("--format", "docker", "--layers=false", "--network", "host")
        run("podman", "build", *options, "--build-arg", f"BASE={base}", "--file", file, *target,
            "--tag", f"catwalk/{name}", ".")  # fmt: skip
        say(f"image catwalk/{name}: {size(f'catwalk/{name}')}, {time.monotonic() - began:.0f} s")


def size(image: str) -> str:
    found = run("podman", "image", "inspect", "--format", "{{.Size}}", image)
    return f"{int(found) / 1e6:,.0f} MB"


def up() -> None:
    """Start the services group by group, and wait until each says that it is well."""
    run("sh", str(DOCKER / "make-secrets"))
    began = time.monotonic()
    for group in GROUPS:
        compose("up", "--no-build", "--no-deps", "--detach", *group)
        for service in group:
            wait(service, 600)
    say(f"everything is up after {time.monotonic() - began:.0f} s")


def wait(service: str, seconds: float) -> None:
    container, began = f"catwalk_{service}_1", time.monotonic()
    while True:
        state = run("podman", "inspect", "--format", "{{.State.Status}}", container).strip()
        if service == "init" and state in ("exited", "stopped"):
            code = run("podman", "inspect", "--format", "{{.State.ExitCode}}", container).strip()
            if code != "0":
                raise UserError(f"init ended with status {code}:\n{logs(container)}")
            break
        check = ["podman", "healthcheck", "run", container]
        started = state == "running" and service != "init"
        if started and not subprocess.run(check, capture_output=True).returncode:
            break
        if time.monotonic() - began > seconds:
            raise UserError(f"{service} is not well after {seconds:.0f} s:\n{logs(container)}")
        time.sleep(1)
    say(f"{service}: well after {time.monotonic() - began:.0f} s")


def logs(container: str) -> str:
    return run("podman", "logs", "--tail", "40", container)


def ask(url: str, method: str = "GET", body: Any = None, token: str = "") -> Any:
    request = urllib.request.Request(
        url,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=60) as answer:
        return json.load(answer)


def secret(name: str) -> str:
    return (DOCKER / "secrets" / name).read_text()


def workflow() -> None:
    """Trigger the DAG and wait for its end; tells where each task ran."""
    log_in = {"username": "admin", "password": secret("airflow_admin_password")}
    token = ask(f"{AIRFLOW}/auth/token", "POST", log_in)["access_token"]
    dag_id = load_project().dag_id
    dag = f"{AIRFLOW}/api/v2/dags/{dag_id}"
    while not any(
        d["dag_id"] == dag_id for d in ask(f"{AIRFLOW}/api/v2/dags", token=token)["dags"]
    ):
        time.sleep(1)
    ask(dag, "PATCH", {"is_paused": False}, token)
    began = time.monotonic()
    ask(f"{dag}/dagRuns", "POST", {"dag_run_id": RUN, "logical_date": None}, token)
    while (state := ask(f"{dag}/dagRuns/{RUN}", token=token)["state"]) not in ("success", "failed"):
        time.sleep(2)
    for task in ask(f"{dag}/dagRuns/{RUN}/taskInstances", token=token)["task_instances"]:
        took = f"{task['duration']:.0f} s" if task["duration"] else ""
        name, place = task["task_id"], task["map_index"]
        found = ""
        if name in ("tune", "search_share") and task["state"] == "success":
            entry = f"taskInstances/{name}/xcomEntries/return_value?map_index={place}"
            facts = ask(f"{dag}/dagRuns/{RUN}/{entry}", token=token)["value"]
            found = "; " + (json.loads(facts) if isinstance(facts, str) else facts)["summary"]
        name += f".{place + 1}" if place >= 0 else ""
        say(f"  {name:<15} {task['state']:<8} queue {task['queue']:<8} {took}{found}")
    if state != "success":
        raise UserError(f"the run ended as {state}:\n{logs('catwalk_worker-cpu_1')}")
    say(f"the workflow took {time.monotonic() - began:.0f} s")


def predict() -> None:
    """Ask the page, through its proxy, for a picture."""
    from PIL import Image, ImageDraw

    drawn = Image.new("L", (64, 64))
    ImageDraw.Draw(drawn).polygon([(16, 12), (48, 12), (52, 56), (12, 56)], fill=200)
    content = io.BytesIO()
    drawn.save(content, "PNG")
    picture = {"name": "drawn.png", "content": base64.b64encode(content.getvalue()).decode()}
    until = time.monotonic() + 60
    while ask(f"{PAGE}/healthz")["version"] is None and time.monotonic() < until:
        time.sleep(1)
    found = ask(f"{PAGE}/api/v1/predict", "POST", {"images": [picture]}, secret("page_api_token"))
    say(f"the page, by version {found['version']}: {json.dumps(found['predictions'])[:160]} ...")


def main() -> int:
    """Exit status 0; 2 when a program is missing; or 1 with the reason."""
    try:
        check_programs()
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="catwalk-containers-") as name:
        configure_podman(Path(name))
        try:
            build(Path(name))
            up()
            workflow()
            predict()
        except UserError as error:
            print(error, file=sys.stderr)
            return 1
        finally:
            if "KEEP" not in os.environ:
                compose("down", "--volumes")
                say("everything is down")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
