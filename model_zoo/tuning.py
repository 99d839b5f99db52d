"""The KerasTuner search over head size and learning rate; every trial is a nested MLflow run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model_zoo.classifier import DEFAULT_LEARNING_RATE, Head, build_classifier, compile_classifier
from model_zoo.config import Settings
from model_zoo.data.dataset import Dataset, Images
from model_zoo.errors import UserError
from model_zoo.registry import answered_by, prepare
from model_zoo.tracking import close_lost_trial

if TYPE_CHECKING:
    import keras
    import keras_tuner

OBJECTIVE = "val_accuracy"


def propose(space: keras_tuner.HyperParameters, settings: Settings) -> Head:
    """One point of the search space. A learning rate given in the settings is not searched."""
    rate = settings.learning_rate or space.Float(
        "learning_rate", 3e-4, 3e-3, sampling="log", default=DEFAULT_LEARNING_RATE
    )
    return Head(
        dense_1=space.Choice("dense_1", [64, 128, 256, 512], default=256),
        dense_2=space.Choice("dense_2", [32, 64, 128, 256], default=128),
        dropout=space.Float("dropout", 0.0, 0.5, step=0.1, default=0.2),
        learning_rate=float(rate),
    )


def search(
    settings: Settings,
    dataset: Dataset,
    train: Images,
    validation: Images,
    folder: Path,
    parent_run: str,
    say: Callable[[str], None] = print,
) -> tuple[Head, list[dict[str, Any]]]:
    """Search, or continue the search whose state lies in ``folder``.

    Finished trials are kept; a trial that a kill interrupted is run again.

    Returns:
        The head of the best trial by validation accuracy, and every trial, best first, as
        {"trial", "val_accuracy", "dense_1", "dense_2", "dropout", "learning_rate"}.

    Raises:
        UserError: no trial ended well, or MLflow is away.
    """
    import keras_tuner

    tuner = _make_tuner(settings, dataset, len(train), folder, parent_run, say)
    try:
        tuner.search(
            train.images,
            train.labels,
            validation_data=(validation.images, validation.labels),
            batch_size=settings.batch_size,
            epochs=settings.search_epochs,
            verbose=0,
        )
    except keras_tuner.errors.FatalError as error:
        raise error.__cause__ or error from None
    best = tuner.oracle.get_best_trials(settings.search_trials)
    if not best:
        raise UserError(f"none of the trials ended well: what went wrong is in {folder}")
    trials = [
        {"trial": trial.trial_id, "val_accuracy": trial.score}
        | propose(trial.hyperparameters, settings).as_dict()
        for trial in best
    ]
    for weights in folder.rglob("checkpoint.weights.h5"):
        weights.unlink()  # the winner is trained anew; nobody needs the trials' weights again
    return propose(best[0].hyperparameters, settings), trials


def _make_tuner(
    settings: Settings,
    dataset: Dataset,
    count: int,
    folder: Path,
    parent_run: str,
    say: Callable[[str], None],
) -> keras_tuner.Tuner:
    import keras_tuner
    import mlflow

    steps = max(1, settings.search_epochs * count // settings.batch_size)

    def build(space: keras_tuner.HyperParameters) -> keras.Model:
        head = propose(space, settings)
        return compile_classifier(build_classifier(dataset, settings, head), settings, head, steps)

    kinds = {
        "random": (keras_tuner.RandomSearch, {"max_trials": settings.search_trials}),
        "bayesian": (
            keras_tuner.BayesianOptimization,
            {"max_trials": settings.search_trials, "num_initial_points": 3},
        ),
        "hyperband": (keras_tuner.Hyperband, {"max_epochs": settings.search_epochs}),
    }
    kind, options = kinds[settings.search_algorithm]

    class TrackedTuner(kind):  # type: ignore[valid-type, misc]
        """Opens a nested MLflow run around each trial."""

        def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                return self._tracked_trial(trial, *args, **kwargs)
            except Exception as error:
                say(f"trial {trial.trial_id} failed: {type(error).__name__}: {error}")
                # KerasTuner notes a failed trial and goes on; no trial gets further when MLflow
                # is away or the disk is full.
                if isinstance(error, (UserError, OSError)):
                    raise keras_tuner.errors.FatalError(str(error)) from error
                raise

        def _tracked_trial(self, trial: Any, *args: Any, **kwargs: Any) -> Any:
            head = propose(trial.hyperparameters, settings)
            close_lost_trial(settings, parent_run, f"trial {trial.trial_id}")
            with (
                answered_by(settings),
                mlflow.start_run(
                    run_name=f"trial {trial.trial_id}",
                    nested=True,
                    parent_run_id=parent_run,
                    experiment_id=prepare(settings),
                ),
            ):
                mlflow.log_params(head.as_dict())
                histories = super().run_trial(trial, *args, **kwargs)
                for epoch, values in enumerate(zip(*histories[0].history.values(), strict=True)):
                    named = dict(zip(histories[0].history, map(float, values), strict=True))
                    mlflow.log_metrics(named, step=epoch)
            reached = max(histories[0].history[OBJECTIVE])
            say(
                f"trial {trial.trial_id}: validation {reached:.2%} with dense {head.dense_1} and "
                f"{head.dense_2}, dropout {head.dropout:.1f}, rate {head.learning_rate:.2g}"
            )
            return histories

    return TrackedTuner(
        build,
        objective=keras_tuner.Objective(OBJECTIVE, "max"),
        seed=settings.seed,
        directory=str(folder),
        project_name="search",
        overwrite=False,
        **options,
    )
