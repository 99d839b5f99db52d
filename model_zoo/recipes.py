"""Profiles and training recipes: named sets of settings. Data only; what each setting means stands
in ``model_zoo/config.py``.

A profile says what is trained and how long, and names a recipe. A recipe says how it is trained:
optimiser, schedule, regularisation, augmentation. The two have no setting in common, so any
profile goes with any recipe: ``catwalk run --profile standard --recipe notebook``.
"""

from __future__ import annotations

from typing import Any

PROFILES: dict[str, dict[str, Any]] = {
    # Minutes on two CPU cores: a small picture and the whole trunk trained, since no pretrained
    # weights are needed.
    "quick": {
        "recipe": "short",
        "image_size": 32,
        "weights": "none",
        "batch_size": 96,
        "epochs": 2,
        "train_limit": 30_000,  # of 54,000: a demo has to end within a quarter of an hour
        "search_trials": 2,
        "search_epochs": 1,
        "search_limit": 4000,
    },
    # One GPU: native resolution, ImageNet weights, the last block fine-tuned.
    "standard": {
        "recipe": "finetune",
        "image_size": 224,
        "weights": "imagenet",
        "batch_size": 128,
        "epochs": 20,
        "search_trials": 20,
        "search_epochs": 4,
        "search_limit": 12000,
    },
    # An hour or so on two CPU cores, from scratch, on all images.
    "scratch": {
        "recipe": "scratch",
        "image_size": 32,
        "weights": "none",
        "batch_size": 128,
        "epochs": 16,
        "search_trials": 0,
        "early_stopping_patience": 0,
    },
    # The student's notebook to the letter: the baseline to beat.
    "notebook": {
        "recipe": "notebook",
        "image_size": 224,
        "weights": "imagenet",
        "batch_size": 16,
        "epochs": 10,
        "search_trials": 0,
        "early_stopping_patience": 0,
        "unfrozen_blocks": 1,
        "precision": "float32",
        "feature_cache_gb": 0,  # the frozen layers see each image anew in each epoch
    },
}

RECIPES: dict[str, dict[str, Any]] = {
    # A few passes over the images: more than a little jitter costs accuracy.
    "short": {
        "optimizer": "adam",
        "base_rate": 1e-3,
        "dropout": 0.1,
        "rotation": 0.01,
        "zoom": 0.02,
    },
    # Many passes from random weights, as the residual networks are trained: SGD with momentum.
    "scratch": {
        "optimizer": "sgd",
        "base_rate": 0.1,
        "weight_decay": 5e-4,
        "label_smoothing": 0.1,
        "averaged_share": 0.05,
        "dropout": 0.0,
        "shift": 0.07,
        "rotation": 0.0,
        "zoom": 0.0,
    },
    # Pretrained weights: the new head first, then the last blocks at a tenth of its rate.
    "finetune": {
        "optimizer": "adamw",
        "base_rate": 1e-3,
        "weight_decay": 0.01,
        "label_smoothing": 0.1,
        "averaged_share": 0.05,
        "head_epochs": 5,
        "trunk_rate": 0.1,
        "block_rate": 0.7,
        "dropout": 0.2,
        "shift": 0.05,
        "rotation": 0.02,
        "zoom": 0.05,
    },
    # The original notebook: Adam 0.001 decaying exponentially, flips, rotation, zoom, 256/128/10.
    "notebook": {
        "optimizer": "adam",
        "base_rate": 1e-3,
        "lr_schedule": "exponential",
        "dense_1": 256,
        "dense_2": 128,
        "dropout": 0.0,
        "rotation": 0.05,
        "zoom": 0.1,
    },
}
