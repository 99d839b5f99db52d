"""Whatever computes uses what its processor has, unless a person said otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from model_zoo import processor
from model_zoo.processor import ONEDNN, THREADS

ROOT = Path(__file__).parents[1]
X86 = pytest.mark.skipif(
    processor.platform.machine().lower() not in processor.X86, reason="oneDNN is for x86"
)


def in_a_process(code: str, **variables: str) -> list[str]:
    """The lines that a fresh process prints, which starts without our switch."""
    bare = {name: value for name, value in os.environ.items() if name != ONEDNN}
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport os, sys\n{SAYS}"],
        env=bare | variables,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


SAYS = f"print(os.environ.get({ONEDNN!r}), 'tensorflow' in sys.modules)"


@X86
@pytest.mark.parametrize(
    "entry",
    [
        "import model_zoo",  # a notebook, a plugin
        "import model_zoo.runs.runner",  # a step in a process of its own
        "import model_zoo.tuning.trial_process",  # trials, and the page's examples
        "import launcher.cli.run",  # a command that computes here
        "import benchmarks.timing",  # every benchmark
    ],
)
def test_every_process_that_computes_gets_onednn_before_tensorflow(entry: str) -> None:
    assert in_a_process(entry) == ["1 False"]


@pytest.mark.parametrize("own", ["0", "1"])
def test_a_persons_own_setting_stands(own: str) -> None:
    assert in_a_process("import model_zoo", **{ONEDNN: own}) == [f"{own} False"]


@pytest.mark.parametrize(("kind", "found"), [("AMD64", "1"), ("aarch64", None), ("arm64", None)])
def test_only_x86_is_switched(kind: str, found: str | None, monkeypatch) -> None:
    monkeypatch.setattr(processor.platform, "machine", lambda: kind)
    monkeypatch.setattr(os, "environ", {})
    processor.tell_libraries()
    assert os.environ.get(ONEDNN) == found


def limited(root: Path, groups: str, **files: str) -> Path:
    """A root whose /proc and /sys say what a container's say; dots in ``files`` are slashes."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(groups)
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name.replace("__", "/").replace("DOT", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


V1 = "9:name=systemd:/\n4:memory:/pod\n3:cpu,cpuacct:/pod/one\n0::/\n"


@pytest.mark.parametrize(
    ("groups", "files", "cores"),
    [
        pytest.param("0::/\n", {"cpuDOTmax": "max 100000\n"}, 64, id="version 2, no limit"),
        pytest.param("0::/\n", {"cpuDOTmax": "400000 100000\n"}, 4, id="a container of its own"),
        pytest.param("0::/\n", {"cpuDOTmax": "150000 100000\n"}, 2, id="1.5 cores are 2"),
        pytest.param("0::/\n", {"cpuDOTmax": "20000 100000\n"}, 1, id="a fifth is 1"),
        pytest.param("0::/\n", {"cpuDOTmax": "9900000 100000\n"}, 64, id="more than there are"),
        pytest.param(
            "0::/pod/one\n",
            {"pod__cpuDOTmax": "300000 100000\n", "pod__one__cpuDOTmax": "max 100000\n"},
            3,
            id="the group around it limits",
        ),
        pytest.param(
            V1,
            {"cpu__cpuDOTcfs_quota_us": "200000\n", "cpu__cpuDOTcfs_period_us": "100000\n"},
            2,
            id="version 1, as the container sees it",
        ),
        pytest.param(
            V1,
            {
                "cpu,cpuacct__pod__one__cpuDOTcfs_quota_us": "-1\n",
                "cpu,cpuacct__pod__one__cpuDOTcfs_period_us": "100000\n",
                "cpu,cpuacct__pod__cpuDOTcfs_quota_us": "50000\n",
                "cpu,cpuacct__pod__cpuDOTcfs_period_us": "10000\n",
            },
            5,
            id="version 1, as the machine sees it",
        ),
        pytest.param("0::/../../x\n", {"cpuDOTmax": "broken"}, 64, id="what cannot be read"),
    ],
)
def test_a_containers_share_of_the_processor_is_its_cores(
    groups: str, files: dict[str, str], cores: int, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(processor, "visible_cores", lambda: 64)
    root = limited(tmp_path, groups, **files)
    assert processor.usable_cores(root) == cores
    assert processor.cores_under_limit(root) == (cores if cores < 64 else 0)


def test_without_control_groups_all_cores_count(tmp_path: Path) -> None:
    assert processor.usable_cores(tmp_path) == processor.visible_cores()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux binds processes to cores")
def test_taskset_is_respected() -> None:
    code = "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\n"
    code += "from model_zoo.processor import usable_cores; print(usable_cores())"
    assert in_a_process(code)[0] == "1"


def test_under_a_limit_libraries_start_a_thread_a_core_unless_a_person_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processor, "cores_under_limit", lambda: 2)
    monkeypatch.setattr(os, "environ", {THREADS[0]: "7"})
    processor.tell_libraries()
    assert [os.environ[variable] for variable in THREADS] == ["7", "2", "2", "2"]


def test_without_a_limit_libraries_count_cores_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "cores_under_limit", lambda: 0)
    monkeypatch.setattr(os, "environ", {})
    processor.tell_libraries()
    assert not set(THREADS) & set(os.environ)
