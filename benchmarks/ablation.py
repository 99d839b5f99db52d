"""Does each choice of a recipe earn its place? Validation accuracy with it, and without.

    python -m benchmarks.ablation [--recipe scratch] [--backbone wrn_16_2] [--image-size 28]
                                  [--images 20000] [--epochs 6] [--seeds 1] [--only NAME ...]
                                  [--add NAME=VALUE ...]

Every choice in which the recipe differs from the plain defaults is taken back alone, and the model
trained again: the same images, epochs, order and seeds. `--add` tries what the recipe left out,
one setting at a time. Judged on the validation split, never on the test set; every run is logged
in MLflow, experiment `ablation`. A training that was interrupted is continued, one that is
finished is not repeated.
"""

from __future__ import annotations

import argparse
import re
from typing import Any

import numpy as np

from benchmarks.timing import machine
from model_zoo.config import Settings, load_settings
from model_zoo.recipes import RECIPES

EXPERIMENT = "ablation"
# Not choices of how to train well, but what the others are measured with.
KEPT = {"base_rate", "optimizer", "dense_1", "dense_2"}


def variants(
    recipe: str, only: list[str] | None, added: list[str]
) -> list[tuple[str, dict[str, Any]]]:
    """The recipe as it is, with each choice taken back to the default, and with each one added."""
    plain = {name: field.default for name, field in Settings.model_fields.items()}
    chosen = RECIPES[recipe] | {"flip": RECIPES[recipe].get("flip", plain["flip"])}
    plain["flip"] = False
    taken = [
        (f"{name} {plain[name]}, not {value}", {name: plain[name]})
        for name, value in chosen.items()
        if name not in KEPT and plain[name] != value and (only is None or name in only)
    ]
    return [("as it is", {}), *taken, *((one, dict([one.split("=", 1)])) for one in added)]


def setting(text: str) -> str:
    """Checks NAME=VALUE."""
    name, _, value = text.partition("=")
    if name not in Settings.model_fields or not value:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE with the name of a setting")
    return text


def train(settings: Settings, name: str) -> float:
    """Best validation accuracy of one training."""
    import mlflow

    from model_zoo.classifier import head_from
    from model_zoo.registry import versions as registry
    from model_zoo.runs import runner, steps
    from model_zoo.training.phases import train_classifier

    folder = settings.run_dir(name)
    for step in ("ingest", "preprocess"):
        if not (folder / f"{step}.json").exists():
            runner.run_step(step, settings, name)
    training, validation = steps.training_images(folder)
    registry.prepare(settings)
    mlflow.set_tracking_uri(settings.mlflow_uri)
    # Not `set_experiment`: it would stay, and the next training's steps have one of their own.
    known = mlflow.get_experiment_by_name(EXPERIMENT)
    experiment = known.experiment_id if known else mlflow.create_experiment(EXPERIMENT)
    with mlflow.start_run(run_name=name, experiment_id=experiment):
        mlflow.log_params({key: str(value) for key, value in settings.deciding.items()})
        _, progress = train_classifier(
            steps.DATASET,
            settings,
            head_from(settings),
            training,
            validation,
            folder / "training",
            lambda epoch, metrics: mlflow.log_metrics(metrics, step=epoch),
            lambda sentence: None,
        )
        mlflow.log_metric("best_val_accuracy", progress.best_accuracy)
    return progress.best_accuracy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--recipe", default="scratch", choices=list(RECIPES))
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
    from model_zoo.backbones import discover

    print(machine("keras", "tensorflow-cpu"))
    print(
        f"recipe {given.recipe}, {given.backbone} at {given.image_size} px, {given.images:,} "
        f"images, {given.epochs} epochs: validation accuracy on 6,000 images"
    )
    reference = None
    for choice, changed in variants(given.recipe, given.only, given.add):
        reached = []
        for seed in range(given.seeds):
            settings = load_settings(
                profile="scratch",
                recipe=given.recipe,
                backbone=given.backbone,
                image_size=given.image_size,
                weights=given.weights,
                train_limit=given.images,
                epochs=given.epochs,
                precision=given.precision,
                seed=20 + seed,
                **changed,
            )
            discover(settings.plugins_dir)
            name = f"ablation-{given.recipe}-{given.backbone}-{given.images}-{given.epochs}"
            run = re.sub(r"[^\w.]+", "-", f"{name}-{choice}-{seed}")
            reached.append(train(settings, run))
        mean = float(np.mean(reached))
        reference = mean if reference is None else reference
        spread = f" (+- {np.std(reached):.2%})" if given.seeds > 1 else ""
        print(f"  {choice:<36}{mean:8.2%}{spread} {mean - reference:+8.2%}", flush=True)


if __name__ == "__main__":
    main()
