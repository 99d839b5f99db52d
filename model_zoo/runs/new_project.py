"""A project file for somebody's images, with values that fit them and this machine."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from model_zoo.data.image_folder.report import Sample
from model_zoo.data.image_folder.source import NAME as SOURCE
from model_zoo.errors import UserError
from model_zoo.settings import DataSettings, Places, list_projects
from model_zoo.settings.projects import name_of

#: Sides in pixels to which images are brought; a network needs some, and a CPU bears few.
CPU_SIDE, GPU_SIDE, LEAST_SIDE = 128, 224, 64
FEW, SOME, MANY = 300, 2_000, 50_000  # images: where other values fit


@dataclass(frozen=True)
class Fitting:
    """Values for a project, and the words that stand beside them in its file."""

    profile: str
    why: str
    image_size: int
    colour: bool
    framing: str
    batch_size: int
    epochs: int
    trials: int


def fitting(sample: Sample, gpus: int) -> Fitting:
    """What suits so many images of such sizes on a machine with so many GPUs.

    Images are kept as large as the network takes them, and no larger than half of the files are.
    """
    side = GPU_SIDE if gpus else CPU_SIDE
    middle = sample.sides[len(sample.sides) // 2]
    side = max(LEAST_SIDE, min(side, middle - middle % 32))
    count = sample.files
    machine = f"{gpus} GPU{'s' if gpus > 1 else ''}" if gpus else "no GPU"
    return Fitting(
        profile="standard" if gpus else "photographs",
        why=f"{count:,} files on a machine with {machine}",
        image_size=side,
        colour=sample.grey < 1,
        framing="whole" if sample.transparent > 0.5 else "crop",
        batch_size=16 if count < FEW else 32 if not gpus or count < SOME else 128,
        epochs=30 if count < SOME else 12 if count < MANY else 5,
        trials=0 if count < FEW else 4,
    )


def data_settings(images: str, fitting: Fitting) -> DataSettings:
    """The project's ``[data]``."""
    return DataSettings(
        source=SOURCE,
        images=images,
        image_size=fitting.image_size,
        colour=fitting.colour,
        framing=fitting.framing,
        least_class_share=0.0,
    )


def project_path(name: str, places: Places) -> Path:
    """Where the file of a new project goes.

    Raises:
        UserError: the name cannot be carried, or is taken.
    """
    path = places.projects_dir / f"{name}.toml"
    name_of(path)
    for other, file in list_projects(places.projects_dir).items():
        if other.replace("-", "_").lower() == name.replace("-", "_"):
            raise UserError(
                f"{file} is there already: `catwalk look {other}` says what is in its images; take "
                "another name for a new project"
            )
    return path


def project_file(
    name: str, data: DataSettings, fitting: Fitting, counts: dict[str, Counter[str]]
) -> str:
    """The text of the file.

    Args:
        counts: images of each class by part.
    """
    sizes = {label: sum(parts.values()) for label, parts in counts.items()}
    tests = {label: parts["test"] for label, parts in counts.items()}
    most = max(tests, key=tests.__getitem__)
    floor = tests[most] / max(1, sum(tests.values()))
    framing = {
        "crop": "or whole: all of a picture, on white",
        "whole": "all of a picture, on white; or crop: its middle square",
    }[fitting.framing]
    colour = "false makes every image grey" if data.colour else "no picture has any"
    return f"""# {name}: {sum(sizes.values()):,} images of {len(sizes):,} classes. `catwalk settings --project {name}`
# prints every value that a project has; what is left out here comes from the profile.

profile = "{fitting.profile}" # {fitting.why}
schedule = "@weekly" # Airflow's spelling, or never

[data]
source = "{SOURCE}"
images = {json.dumps(data.images, ensure_ascii=False)}
image_size = {data.image_size} # side of the square to which each picture is brought
colour = {str(data.colour).lower()} # {colour}
framing = "{data.framing}" # {framing}
least_class_share = 0.0 # classes may be as unbalanced as they are
broken_share = {data.broken_share} # part of the files that may be broken: they are left out, and listed

[model]
backbone = "efficientnet_lite0" # its ImageNet weights need no download; `catwalk backbones` has more
image_size = {data.image_size}

[search]
trials = {fitting.trials} # of head size and learning rate; 0: none

[training]
batch_size = {fitting.batch_size}
epochs = {fitting.epochs}

[judging]
floor = {_up(floor)} # as many as the test images have of {json.dumps(most, ensure_ascii=False)}: saying nothing else scores that
promotion = "automatic" # or approval, manual
"""  # noqa: E501


def _up(share: float) -> float:
    """Rounded up to a hundredth, and never above 1."""
    return min(1.0, -(-share * 100 // 1) / 100)
