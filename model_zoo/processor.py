"""What a process may use of its processor, and what its libraries must be told of it.

They look when they are imported, so the package tells them before anything else.
"""

from __future__ import annotations

import gc
import math
import os
import platform
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

#: TensorFlow's switch for oneDNN, the convolutions and matrix products written for this processor.
ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
X86 = ("x86_64", "amd64")
#: Objects that Python makes before it looks for garbage; its own number is 700.
SELDOM = 10_000
#: Where TensorFlow, JAX, and the matrix products of NumPy and SciPy find their number of threads.
THREADS = (
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "PJRT_NPROC",
    "OPENBLAS_NUM_THREADS",
)


#: Of glibc's `mallopt`, as malloc.h has them; and how much free memory a process may keep.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT_BYTES = 64 * 2**20


def collect_seldom() -> None:
    """Have Python look for garbage in cycles less often: for programs of ours, as they begin.

    TensorFlow and MLflow make a million objects as they are imported, none of them garbage, and
    every process of a workflow imports them anew: looking through them is a seventh of that.
    """
    gc.set_threshold(SELDOM)


def keep_memory() -> None:
    """Have this process use memory again that it has, where glibc would give it back to the system
    and ask for it anew, page by page: for one that does the same thing again and again."""
    import ctypes

    with suppress(AttributeError, OSError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(M_MMAP_THRESHOLD, KEPT_BYTES // 4)


def tell_libraries() -> None:
    """Set what the numerical libraries read from the environment; what a person has set stands.

    TensorFlow by itself computes with oneDNN only where there are instructions made for neural
    networks (AVX512-VNNI, AMX): elsewhere training a convolutional network takes several times as
    long. And all of them start a thread for each core that they see, in a container too that may
    use two of the 64: the system then lets all 64 threads run for an instant and stops them for
    the rest of each tenth of a second.
    """
    if platform.machine().lower() in X86:
        os.environ.setdefault(ONEDNN, "1")
    if cores := cores_under_limit():
        for variable in THREADS:
            os.environ.setdefault(variable, str(cores))


def visible_cores() -> int:
    """Cores that the system may run this process on: those of the machine, or of ``taskset``."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def usable_cores(root: Path = Path("/")) -> int:
    """Cores that this process gets: the visible ones, or a container's share of time on them.

    A share of 1.5 cores is 2, as two threads use it better than one.

    Args:
        root: where ``/proc`` and ``/sys`` are.
    """
    return min([visible_cores(), *(max(1, math.ceil(quota)) for quota in _quotas(root))])


def cores_under_limit(root: Path = Path("/")) -> int:
    """As :func:`usable_cores` where a container gets fewer than it sees; 0 where it gets them all.

    What a library does by itself with all visible cores (one thread a physical core) is better left
    to it.
    """
    cores = usable_cores(root)
    return cores if cores < visible_cores() else 0


def _quotas(root: Path) -> Iterator[float]:
    """The CPU time that each control group around this process may use in a second of time.

    Version 2 keeps it in ``cpu.max`` ("150000 100000", in microseconds, or "max 100000"), version 1
    in two files; of nested groups each one limits (kernel.org: admin-guide/cgroup-v2, cgroup-v1).
    """
    groups = root / "proc/self/cgroup"
    for line in groups.read_text().splitlines() if groups.exists() else []:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        names = [name for name in path.split("/") if name not in ("", "..")]
        for mount in (controllers, "cpu") if controllers else ("", "unified"):
            for depth in range(len(names) + 1):
                folder = (root / "sys/fs/cgroup" / mount).joinpath(*names[:depth])
                with suppress(OSError, ValueError):
                    if controllers:
                        quota = (folder / "cpu.cfs_quota_us").read_text()
                        period = (folder / "cpu.cfs_period_us").read_text()
                    else:
                        quota, period = (folder / "cpu.max").read_text().split()
                    if float(quota) > 0:  # -1: no limit; "max" is no number
                        yield float(quota) / float(period)


def processor_name() -> str:
    """As the system calls it, "AMD EPYC 9R14 Processor"."""
    told = Path("/proc/cpuinfo")
    for line in told.read_text().splitlines() if told.exists() else []:
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
