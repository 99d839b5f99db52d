"""Does each choice of a recipe earn its place? Validation accuracy with it, and without.

    python -m benchmarks.ablation [--recipe scratch] [--backbone wrn_16_2] [--image-size 28]
                                  [--images 20000] [--epochs 6] [--seeds 1] [--only NAME ...]
                                  [--add NAME=VALUE ...]

Every choice in which the recipe differs from the plain defaults is taken back alone, and the model
trained again: the same images, epochs, order and seeds. `--add` tries what the recipe left out, one
setting at a time (`training.augmentation.erase=0.25`). Judged on the validation split, never on the
test set; every run is logged in MLflow, experiment `ablation`. A training that was interrupted is
continued, one that is finished is not repeated.
"""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.split_images import split_images
from benchmarks.timing import machine
from model_zoo.settings import Places, Project, load_project
from model_zoo.settings.layers import read_file
from model_zoo.settings.project import flattened
from model_zoo.settings.projects import list_named

EXPERIMENT = "ablation"
FLIP = "training.augmentation.flip"
# Not choices of how to train well, but what the others are measured with.
KEPT = {"training.base_rate", "training.optimizer", "model.dense_1", "model.dense_2"}


def variants(
    recipe: Path, only: list[str] | None, added: list[str]
) -> list[tuple[str, dict[str, Any]]]:
    """The recipe as it is, with each choice taken back to the default, and with each one added."""
    plain = Project().values()
    chosen = {FLIP: plain[FLIP]} | flattened(read_file(recipe, recipe.stem).values)
    plain[FLIP] = False
    taken = [
        (f"{name} {plain[name]}, not {value}", {name: plain[name]})
        for name, value in chosen.items()
        if name not in KEPT and plain[name] != value and (only is None or name in only)
    ]
    return [("as it is", {}), *taken, *((one, dict([one.split("=", 1)])) for one in added)]


def setting(text: str) -> str:
    """Checks NAME=VALUE."""
    name, _, value = text.partition("=")
    if name not in Project().values() or not value:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE with the name of a setting")
    return text


def train(project: Project, places: Places, name: str) -> float:
    """Best validation accuracy of one training."""
    import mlflow

    from model_zoo.classifier import head_from
    from model_zoo.registry.experiment import ensure_experiment
    from model_zoo.registry.store import store_of
    from model_zoo.runs.folder import run_folder
    from model_zoo.training.feature_cache import FeatureCache
    from model_zoo.training.phases import train_classifier

    dataset, training, validation = split_images(project, places, name)
    store = replace(store_of(project, places), experiment=EXPERIMENT)
    mlflow.set_tracking_uri(store.uri)
    # Not `set_experiment`: it would stay, and the next training's steps have one of their own.
    with mlflow.start_run(run_name=name, experiment_id=ensure_experiment(store)):
        mlflow.log_params({key: str(value) for key, value in project.deciding().items()})
        _, progress = train_classifier(
            dataset,
            project.model,
            project.training,
            head_from(project.model, project.training),
            training,
            validation,
            run_folder(places, project.name, name) / "training",
            FeatureCache(places.cache_dir / "features", places.feature_cache_gb),
            lambda epoch, metrics: mlflow.log_metrics(metrics, step=epoch),
            lambda sentence: None,
        )
        mlflow.log_metric("val_accuracy_best", progress.best_accuracy)
    return progress.best_accuracy


def main() -> None:
    from model_zoo.plugin_registry import discover

    places = Places.load()
    recipes = list_named("recipe", places.projects_dir)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--recipe", default="scratch", choices=list(recipes))
    parser.add_argument("--backbone", default="wrn_16_2", help="default: wrn_16_2")
    parser.add_argument("--image-size", type=int, default=28, help="default: 28")
    parser.add_argument("--weights", default="none", help="default: none")
    parser.add_argument("--images", type=int, default=20_000, help="default: 20000")
    parser.add_argument("--epochs", type=int, default=6, help="default: 6")
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each (default: 1)")
    parser.add_argument("--precision", default="mixed_bfloat16", help="default: mixed_bfloat16")
    parser.add_argument("--only", nargs="*", help="these choices only; default: each")
    parser.add_argument(
        "--add", nargs="+", default=[], type=setting, metavar="NAME=VALUE",
        help="settings that the recipe left out, each tried alone",
    )  # fmt: skip
    given = parser.parse_args()
    discover(places.plugins_dir)
    print(machine("keras", "tensorflow-cpu"))
    print(
        f"recipe {given.recipe}, {given.backbone} at {given.image_size} px, {given.images:,} "
        f"images, {given.epochs} epochs: accuracy on the validation images"
    )
    reference = None
    for choice, changed in variants(recipes[given.recipe], given.only, given.add):
        reached = []
        for seed in range(given.seeds):
            values = {
                "profile": "scratch",
                "recipe": given.recipe,
                "data.seed": 20 + seed,
                "data.train_limit": given.images,
                "model.backbone": given.backbone,
                "model.image_size": given.image_size,
                "model.weights": given.weights,
                "training.epochs": given.epochs,
                "training.precision": given.precision,
                "training.seed": 20 + seed,
            }
            project = load_project(None, values | changed, places)
            name = f"ablation-{given.recipe}-{given.backbone}-{given.images}-{given.epochs}"
            run = re.sub(r"[^\w.]+", "-", f"{name}-{choice}-{seed}")
            reached.append(train(project, places, run))
        mean = float(np.mean(reached))
        reference = mean if reference is None else reference
        spread = f" (+- {np.std(reached):.2%})" if given.seeds > 1 else ""
        print(f"  {choice:<36}{mean:8.2%}{spread} {mean - reference:+8.2%}", flush=True)


if __name__ == "__main__":
    main()
