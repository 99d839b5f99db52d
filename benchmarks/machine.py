"""What this machine is, and which of its switches pay: training steps with each, side by side.

    python -m benchmarks.machine [--backbone resnet50] [--size 32] [--batch 32] [--rounds 5]
                                 [--frozen] [--only "oneDNN off" ...]

Every way is a process of its own that trains the same network in float32 (or, with ``--frozen``,
computes forward passes), all in turn; a ratio is to what Catwalk sets by itself, in the same round,
by time and by processor time. ``AVX2 alone`` has oneDNN use no instructions of AVX-512: that is how
oneDNN's part of the work runs on a processor without them, and nothing else of it. Another memory
allocator is tried where its library is found, or given by ``--preload``.
"""

from __future__ import annotations

import argparse
import ctypes.util
import os
import statistics
import sys
from pathlib import Path

from benchmarks.side_by_side import Way, in_rounds, ratio
from benchmarks.timing import machine
from model_zoo.processor import ONEDNN, THREADS, cores_under_limit, visible_cores

AS_SET = "as Catwalk sets it"
INSTRUCTIONS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
ALLOCATORS = ("tcmalloc_minimal", "jemalloc")


def switches(preloaded: list[str]) -> dict[str, dict[str, str]]:
    """What is tried, by name: the variables of the environment that differ."""
    only_avx2 = {"ONEDNN_MAX_CPU_ISA": "AVX2"}
    cores = visible_cores()
    found = {
        AS_SET: {},
        "oneDNN off": {ONEDNN: "0"},
        "AVX2 alone, oneDNN on": only_avx2,
        "AVX2 alone, oneDNN off": only_avx2 | {ONEDNN: "0"},
        **{
            f"{threads} threads": {name: str(threads) for name in THREADS}
            for threads in sorted({max(1, cores // 2), 2 * cores})
        },
        "OMP_NUM_THREADS=1": {"OMP_NUM_THREADS": "1"},
        "caller's thread computes": {"TF_ONEDNN_THREADPOOL_USE_CALLER_THREAD": "1"},
        "oneDNN, system's allocator": {"TF_ONEDNN_USE_SYSTEM_ALLOCATOR": "1"},
        "glibc: two arenas": {"MALLOC_ARENA_MAX": "2"},
        "glibc: huge pages": {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"},
    }
    for library in preloaded:
        found[f"preloaded {Path(library).name.partition('.')[0]}"] = {"LD_PRELOAD": library}
    return found


def facts() -> dict[str, str]:
    """Processor, memory and TensorFlow, in words."""
    told = Path("/proc/cpuinfo")
    has = set(told.read_text().split()) if told.exists() else set()
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limits = ("memory.max", "memory/memory.limit_in_bytes")
    paths = [Path("/sys/fs/cgroup") / name for name in limits]
    memory = next((path.read_text().strip() for path in paths if path.exists()), "max")
    limited = memory.isdigit() and int(memory) < pages
    cores = cores_under_limit()
    return {
        "instructions": ", ".join(one for one in INSTRUCTIONS if one in has) or "none of ours",
        "cores": f"{os.cpu_count()} in the machine, {visible_cores()} visible, "
        + (f"{cores} by a container's limit" if cores else "no limit on them"),
        "memory": f"{pages / 2**30:.0f} GiB, "
        + (f"of which {int(memory) / 2**30:.0f} GiB may be used" if limited else "no limit on it"),
        "set by Catwalk": ", ".join(
            f"{name}={os.environ[name]}" for name in (ONEDNN, *THREADS) if name in os.environ
        ),
    }


def measure(steps: list[str], chosen: dict[str, dict[str, str]], rounds: int) -> None:
    """Print a row a way."""
    command = [sys.executable, "-m", "benchmarks.training_steps", *steps]
    ways = {name: Way(command, os.environ | variables) for name, variables in chosen.items()}
    found = in_rounds(ways, rounds)
    as_set = found[AS_SET]
    print(f"\n{'':<28}{'images/s':>9}  {'by time':<28}by processor time")
    for name, rates in found.items():
        print(
            f"{name:<28}{statistics.median(rates.a_second):9.1f}  "
            f"{ratio(rates.a_second, as_set.a_second):<28}"
            f"{ratio(rates.a_core_second, as_set.a_core_second)}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--backbone", default="resnet50", help="default: resnet50")
    parser.add_argument("--size", type=int, default=32, help="default: 32")
    parser.add_argument("--batch", type=int, default=32, help="default: 32")
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    parser.add_argument("--frozen", action="store_true", help="forward passes, not training")
    parser.add_argument("--only", nargs="+", help="which switches, by name (default: all)")
    parser.add_argument("--preload", nargs="*", help="libraries of allocators to try")
    given = parser.parse_args()
    preloaded = given.preload
    if preloaded is None:
        preloaded = [one for one in map(ctypes.util.find_library, ALLOCATORS) if one]
    every = switches(preloaded)
    if unknown := set(given.only or []) - set(every):
        parser.error(f"unknown: {', '.join(unknown)}; choose from {', '.join(every)}")
    chosen = {name: every[name] for name in every if name in {AS_SET, *(given.only or every)}}
    print(machine("keras", "tensorflow-cpu"))
    for name, words in facts().items():
        print(f"  {name:<16}{words}", flush=True)
    steps = ["--backbone", given.backbone, "--size", str(given.size), "--batch", str(given.batch)]
    measure(steps + ["--frozen"] * given.frozen, chosen, given.rounds)


if __name__ == "__main__":
    main()
