"""Write docs/results.md: what was reached, with what, in how long. Nothing in it is typed.

    python docs/results.py [--to docs/results.md]

Reads the MLflow store of CATWALK_HOME (or CATWALK_TRACKING_URI): every finished run of the workflow
on the official data that was measured on the test set, best first.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from model_zoo import registry
from model_zoo.config import load_settings

HEAD = """# Results

Written by `python docs/results.py` from MLflow. Accuracy is that on the official test set of 10,000
images, measured once a run, with its 95 % interval; nothing was chosen by it. Time is that of the
training alone.

"""
COLUMNS = (
    *("backbone", "size", "weights", "recipe", "images", "epochs", "validation"),
    *("test accuracy (95 %)", "training", "seed", "commit"),
)


def row(run: Any) -> str:
    """One line of the table."""
    given, found, tags = run.data.params, run.data.metrics, run.data.tags
    limit = int(given.get("train_limit", "0"))
    images = f"{limit:,}" if limit else "all 54,000"
    accuracy = (
        f"**{found['test_accuracy']:.2%}** ({found['test_accuracy_low']:.2%} to "
        f"{found['test_accuracy_high']:.2%})"
    )
    cells = (
        given["backbone"],
        given["image_size"],
        Path(given["weights"]).name,
        given["recipe"],
        images,
        given["epochs"],
        f"{found['best_val_accuracy']:.2%}",
        accuracy,
        f"{found['train_seconds'] / 60:.0f} min, {given.get('computed_in', '')}",
        given["seed"],
        tags.get("mlflow.source.git.commit", "")[:8],
    )
    return f"| {' | '.join(map(str, cells))} |"


def command(run: Any) -> str:
    """What to run to get the same again."""
    given = run.data.params
    options = ("profile", "recipe", "backbone", "weights", "image_size", "epochs", "batch_size")
    return "    catwalk run " + " ".join(
        f"--{name.replace('_', '-')} {given[name]}" for name in options if name in given
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--to", type=Path, default=Path(__file__).parent / "results.md")
    target = parser.parse_args().to
    settings = load_settings()
    client = registry.connect(settings)
    runs = client.search_runs(
        [registry.prepare(settings)],
        "metrics.test_accuracy > 0 and tags.dataset_source = 'official' "
        "and attributes.status = 'FINISHED'",
        order_by=["metrics.test_accuracy DESC"],
    )
    runs = [run for run in runs if "train_seconds" in run.data.metrics]
    table = [f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS), *map(row, runs)]
    lines = [HEAD, *table, "", "Machines and commands, in the same order:", ""]
    for run in runs:
        lines += [
            f"- {run.info.run_name}: {run.data.tags.get('machine', '')}",
            "",
            command(run),
            "",
        ]
    target.write_text("\n".join(lines))
    print(f"{target}: {len(runs)} runs")


if __name__ == "__main__":
    main()
