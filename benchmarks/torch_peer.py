"""Training steps of ours and of the same network in PyTorch, on the same cores in one run.

    make bench-torch     # makes .venv-torch first, an environment of PyTorch's own
    python -m benchmarks.torch_peer [--cases resnet50:32 wrn_16_2:28] [--rounds 8]
                                    [--precision float32 bfloat16]
                                    [--threads 1] [--eager-only]
                                    [--torch-python .venv-torch/bin/python]

The same layers, batch (128 grey images of 28 x 28), loss (label smoothing 0.1), optimiser (SGD,
Nesterov's momentum, weight decay) and work: augmentation is off. PyTorch computes channels last, in
bfloat16 by its autocast, eagerly and by ``torch.compile``; ours is what the workflow trains.
Processes in turn, rounds of a second and a half each; a ratio is that of a round, ours to the
faster of PyTorch's two ways. On a busy machine ``--threads 1`` and the ratio by processor time are
what can be believed: PyTorch's threads wait for each other by spinning.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.side_by_side import Way, in_rounds, ratio, serve_blocks
from benchmarks.timing import machine
from model_zoo.processor import THREADS

BATCH = 128
OURS = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


def serve_torch(backbone: str, size: int, precision: str, compiled: bool) -> None:
    """In PyTorch's process: training steps, a block at a time."""
    import torch
    from torch import nn

    from benchmarks.torch_networks import network

    torch.manual_seed(0)
    model = network(backbone, size).to(memory_format=torch.channels_last)
    images = torch.randint(0, 256, (BATCH, 28, 28), dtype=torch.uint8)
    labels = torch.arange(BATCH) % 10
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.1)
    decayed = [one for one in model.parameters() if one.ndim > 1]
    others = [one for one in model.parameters() if one.ndim <= 1]
    optimizer = torch.optim.SGD(
        [{"params": decayed, "weight_decay": 5e-4}, {"params": others, "weight_decay": 0.0}],
        lr=0.01,
        momentum=0.9,
        nesterov=True,
        fused=True,
    )
    forward = torch.compile(model) if compiled else model

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            loss = loss_of(forward(images), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    serve_blocks(step, BATCH)


def measure(
    case: str, precision: str, rounds: int, torch_python: str, threads: int, eager_only: bool
) -> None:
    """Print the rate of each way, and the ratio of ours to the faster of PyTorch's."""
    limit = {name: str(threads) for name in (*THREADS, "OMP_NUM_THREADS")} if threads else {}
    env = os.environ | limit
    backbone, _, size = case.partition(":")
    ours = [sys.executable, "-m", "benchmarks.training_steps", "--plain"]
    ours += ["--backbone", backbone, "--size", size, "--batch", str(BATCH)]
    theirs = [torch_python, "-m", "benchmarks.torch_peer", "--serve", case]
    theirs += ["--precision", precision]
    ways = {"ours": Way([*ours, "--precision", OURS[precision]], env), "eager": Way(theirs, env)}
    if not eager_only:
        ways["compiled"] = Way([*theirs, "--compiled"], env)
    found = in_rounds(ways, rounds)
    print(f"{backbone} at {size} px, {precision}, {threads or 'all'} threads:")
    for name, one in found.items():
        rate, core_rate = map(statistics.median, (one.a_second, one.a_core_second))
        print(f"  {name:<10}{rate:8.1f} images/s, {core_rate:8.1f} a second of processor time")
    best = max(
        (name for name in found if name != "ours"),
        key=lambda name: statistics.median(found[name].a_second),
    )
    print(
        f"  ours to {best}: {ratio(found['ours'].a_second, found[best].a_second)}; by processor "
        f"time {ratio(found['ours'].a_core_second, found[best].a_core_second)}",
        flush=True,
    )


def _version(torch_python: str) -> str:
    if not Path(torch_python).exists():
        raise SystemExit(f"{torch_python} is not there: make bench-torch makes it")
    code = "import torch; print(torch.__version__)"
    asked = subprocess.run([torch_python, "-c", code], capture_output=True, text=True, check=True)
    return asked.stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cases", nargs="+", default=["resnet50:32", "wrn_16_2:28"])
    parser.add_argument("--precision", nargs="+", default=list(OURS), choices=list(OURS))
    parser.add_argument("--rounds", type=int, default=8, help="default: 8")
    parser.add_argument("--threads", type=int, default=0, help="of each way; 0: all cores")
    parser.add_argument("--eager-only", action="store_true", help="compiling takes minutes")
    parser.add_argument("--torch-python", default=".venv-torch/bin/python")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--compiled", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        backbone, _, size = given.serve.partition(":")
        serve_torch(backbone, int(size), given.precision[0], given.compiled)
        return
    print(f"{machine('keras', 'tensorflow-cpu')}; PyTorch {_version(given.torch_python)}")
    for case in given.cases:
        for precision in given.precision:
            measure(
                case,
                precision,
                given.rounds,
                given.torch_python,
                given.threads,
                given.eager_only,
            )


if __name__ == "__main__":
    main()
