"""`make containers`: build every image, try in containers what docs/deploy.md says, take them down.

The log-ins, a run to production with a database that restarts in between, the counters, a backup
that is restored into empty volumes.

Needs root and what ``PROGRAMS`` names (podman 4.3 or newer). It pulls nothing: without ``BASE`` (an
image that is there already) it makes a Debian base with debootstrap, and stand-ins
take the place of the images of a registry (docker/check/). With Docker and a registry nothing of
this is needed: docs/deploy.md.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from launcher.container.trial.log_ins import try_log_ins
from launcher.container.trial.operation import back_up_and_restore, look_at_counters
from launcher.container.trial.podman import DOCKER, compose, logs, run, say
from launcher.container.trial.retraining import predict, retrain
from model_zoo.errors import UserError

BASE = "localhost/catwalk-base"
# In the order in which they need each other: podman 4.3 does not wait for health by itself.
GROUPS = (
    ("postgres", "redis", "store"),
    ("init",),
    ("mlflow", "airflow-api"),
    ("airflow-scheduler", "airflow-dag-processor", "airflow-triggerer", "page"),
    ("worker-cpu", "worker-gpu", "proxy", "prometheus"),
)
PROGRAMS = ("podman", "runc", "iptables", "netavark", "aardvark-dns", "debootstrap")
PLACES = os.pathsep.join(
    (os.environ.get("PATH", ""), "/usr/sbin", "/usr/lib/podman", "/usr/libexec/podman")
)
IMAGES = ("page", "check", "airflow", "worker")


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
                raise UserError(f"init ended with status {code}:\n{logs(service)}")
            break
        check = ["podman", "healthcheck", "run", container]
        started = state == "running" and service != "init"
        if started and not subprocess.run(check, capture_output=True).returncode:
            break
        if time.monotonic() - began > seconds:
            raise UserError(f"{service} is not well after {seconds:.0f} s:\n{logs(service)}")
        time.sleep(1)
    say(f"{service}: well after {time.monotonic() - began:.0f} s")


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
            run("sh", str(DOCKER / "make-secrets"))
            up()
            try_log_ins()
            retrain()
            predict()
            look_at_counters()
            back_up_and_restore(Path(name), up)
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
