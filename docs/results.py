"""Write docs/results.md: what was reached, with what, in how long. Nothing in it is typed.

    python -m docs.results [--folder docs/results] [--to docs/results.md]

Takes from the MLflow store of CATWALK_HOME (or CATWALK_TRACKING_URI) every finished run of the
project `fashion-mnist` on all official images that was measured on the test set, keeps the facts of
each as a JSON file in the folder, and writes the table from all files there, best first: machines
and their stores come and go. What `python -m benchmarks.trainings` has kept of single trainings and
`python -m benchmarks.own_images` of folders of pictures follows.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from benchmarks.trainings import tested
from launcher.options import OPTIONS
from model_zoo.files import read_json, write_json
from model_zoo.registry.client import answered_by
from model_zoo.registry.experiment import ensure_experiment
from model_zoo.registry.run_log import params_of
from model_zoo.registry.store import store_of
from model_zoo.settings import Places, load_project

PROJECT = "fashion-mnist"
HEAD = """# Results

Written by `python -m docs.results` from MLflow. Accuracy is that on the official test set of 10,000
images, measured once a run, with its 95 % interval; nothing was chosen by it. Time is that of the
training alone.
"""
COLUMNS = (
    *("run", "backbone", "size", "weights", "recipe", "epochs", "batch", "validation"),
    *("test accuracy (95 %)", "training", "seed", "commit"),
)
PARAMETERS = (
    *("profile", "recipe", "model.backbone", "model.weights", "model.image_size"),
    *("training.epochs", "training.batch_size", "search.trials", "training.seed", "computed_in"),
)
METRICS = (
    *("val_accuracy_best", "test_accuracy", "test_accuracy_low", "test_accuracy_high"),
    "train_seconds",
)
FLAGS = ("profile", "backbone", "weights", "image_size", "epochs", "batch_size", "search_trials")


def facts_of(run: Any) -> dict[str, Any]:
    """What is kept of a run of MLflow."""
    params = params_of(run.data.params, run.data.tags)
    return {
        "run": run.info.run_name,
        "commit": run.data.tags.get("mlflow.source.git.commit", ""),
        "machine": run.data.tags.get("machine", ""),
        **{name: one for name, one in params.items() if name in PARAMETERS},
        **{name: run.data.metrics[name] for name in METRICS},
    }


def row(facts: dict[str, Any]) -> str:
    """One line of the table."""
    accuracy = (
        f"**{facts['test_accuracy']:.2%}** ({facts['test_accuracy_low']:.2%} to "
        f"{facts['test_accuracy_high']:.2%})"
    )
    cells = (
        facts["run"],
        facts["model.backbone"],
        facts["model.image_size"],
        Path(facts["model.weights"]).name,
        facts["recipe"],
        facts["training.epochs"],
        facts["training.batch_size"],
        f"{facts['val_accuracy_best']:.2%}",
        accuracy,
        f"{facts['train_seconds'] / 60:.0f} min, {facts.get('computed_in', '')}",
        facts["training.seed"],
        facts["commit"][:8],
    )
    return f"| {' | '.join(map(str, cells))} |"


def own_images(facts: dict[str, Any]) -> list[str]:
    """The section on a folder of pictures."""
    name, rows = facts["name"], facts["per_class"]
    learned = len(rows)
    never = [one["label"] for one in rows if one["recall"] == 0]
    steps = ", ".join(f"{step} {round(took)} s" for step, took in facts["seconds"].items())
    return [
        f"## A folder of pictures: {name}",
        "",
        f"By `python -m benchmarks.own_images`; {facts['machine']}; commit "
        f"{facts['commit'][:8]}. {learned} classes, {facts['training']:,} pictures to train, "
        f"{facts['validation']:,} to validate, {facts['test']:,} to test; {facts['backbone']} at "
        f"{facts['image_size']} px, profile {facts['profile']}, as `catwalk new` wrote it.",
        "",
        "| | |",
        "|---|---|",
        f"| test accuracy | **{facts['accuracy']:.2%}** (95 %: {facts['accuracy_low']:.2%} to "
        f"{facts['accuracy_high']:.2%}) |",
        f"| always saying the largest class | {facts['largest_class']:.2%} |",
        f"| balanced accuracy | {facts['balanced_accuracy']:.2%} |",
        f"| macro F1 | {facts['f1_macro']:.2%} |",
        f"| no picture recognised of | {', '.join(never) or 'none'} |",
        *(
            f"| `catwalk {name}` | {took:.0f} s |"
            for name, took in facts["command_seconds"].items()
        ),
        "",
        f"Of `catwalk run`: {steps}.",
        "",
        "| class | test pictures | recognised | precision | F1 |",
        "|---|---|---|---|---|",
        *(
            f"| {one['label']} | {one['support']} | {one['recall']:.0%} | {one['precision']:.0%} | "
            f"{one['f1']:.0%} |"
            for one in rows
        ),
        "",
        f"![Which class of {name} is taken for which](images/confusion-{name}.png)",
        "",
    ]


AS_IT_IS = "as it is"  # what others of its file and seed are compared with, if one is called so


def trainings(kept: list[dict[str, Any]]) -> list[str]:
    """The section on what one file of trainings reached.

    Args:
        kept: figures of its trainings, as ``benchmarks.trainings`` leaves them.
    """
    file = kept[0]["file"]
    lines = [
        f"## Trainings of `benchmarks/trainings/{file}`",
        "",
        f"By `python -m benchmarks.trainings benchmarks/trainings/{file}`; nothing is in MLflow.",
        "Minutes are processor time by the number of cores, on a GPU those of the clock, features",
        "of frozen layers included; where trainings share those (`--features`) they count for the",
        "one that computed them.",
        "",
    ]
    # Of the same seed: what the seed does to an accuracy is no difference of settings.
    plain = {seed(one): one["validation"] for one in kept if one["training"].startswith(AS_IT_IS)}
    columns = ["training", "images", "epochs", "validation", *["difference"][: len(plain)]]
    columns += ["test accuracy (95 %)", "minutes", "changed"]
    lines += [
        f"| {' | '.join(columns)} |",
        "|---|" + "---:|" * (len(columns) - 4) + "---|---:|---|",
    ]
    for one in sorted(kept, key=lambda facts: facts["validation"], reverse=True):
        other = plain.get(seed(one))
        difference = [f"{one['validation'] - other:+.2%}" if other else ""] if plain else []
        cells = [one["training"], f"{one['training_images']:,}", str(len(one["history"]))]
        cells += [f"{one['validation']:.2%}", *difference, tested(one)]
        cells += [minutes(one), one["changed"]]
        lines.append(f"| {' | '.join(cells)} |")
    machines = sorted({f"{one['machine']}; commit {one['commit'][:8]}" for one in kept})
    return [*lines, "", *(f"- {where}" for where in machines), ""]


def seed(figures: dict[str, Any]) -> int:
    """The seed of a training."""
    return int(figures["values"]["training.seed"])


def minutes(figures: dict[str, Any]) -> str:
    """How long a training took: the cores, or a GPU."""
    if figures.get("accelerator"):
        return f"{figures['seconds'] / 60:.1f} (GPU)"
    return f"{figures['minutes_of_all_cores']:.1f}"


def command(facts: dict[str, Any]) -> str:
    """What to run to get the same again; indented as code within a list."""
    given = (f"--{flag.replace('_', '-')} {facts[OPTIONS[flag]]}" for flag in FLAGS)
    return f"      catwalk run {' '.join(given)}"


def keep_runs(folder: Path) -> None:
    """A file for each run in the store that belongs into the table."""
    places = Places.load()
    store = store_of(load_project(PROJECT, places=places), places)
    with answered_by(store) as client:
        runs = client.search_runs(
            [ensure_experiment(store)],
            f"metrics.test_accuracy > 0 and tags.dataset = '{PROJECT}' and tags.generated = 'false'"
            " and attributes.status = 'FINISHED' and params.`data.train_limit` = '0'",
        )
    folder.mkdir(exist_ok=True)
    for run in runs:
        if "train_seconds" in run.data.metrics:
            name = run.info.run_name.replace("/", "-")
            write_json(folder / f"{name}.json", facts_of(run))


def main() -> None:
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--folder", type=Path, default=here / "results")
    parser.add_argument("--to", type=Path, default=here / "results.md")
    given = parser.parse_args()
    keep_runs(given.folder)
    kept = [read_json(path) for path in given.folder.glob("*.json")]
    kept.sort(key=lambda facts: facts["test_accuracy"], reverse=True)
    table = [f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS), *map(row, kept)]
    lines = [HEAD, *table, "", "Machines and commands, in the same order:", ""]
    for facts in kept:
        lines += [f"- {facts['run']}: {facts['machine']}", "", command(facts), ""]
    of_files: dict[str, list[dict[str, Any]]] = {}
    for path in sorted((given.folder / "trainings").glob("*.json")):
        facts = read_json(path)
        of_files.setdefault(facts["file"], []).append(facts)
    for of_one in of_files.values():
        lines += trainings(of_one)
    for path in sorted((given.folder / "own-images").glob("*.json")):
        lines += own_images(read_json(path))
    given.to.write_text("\n".join(lines))
    print(f"{given.to}: {len(kept)} runs")


if __name__ == "__main__":
    main()
