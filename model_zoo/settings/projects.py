"""Projects as files in a folder: found by name, read with their profile and recipe."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from model_zoo.errors import UserError
from model_zoo.settings.layers import Layer, combined, from_environment, from_names, read_file
from model_zoo.settings.places import Places
from model_zoo.settings.project import NEVER, Project

HERE = Path(__file__).parent
PRESETS = ("@once", "@continuous", "@hourly", "@daily", "@weekly", "@monthly", "@quarterly",
           "@yearly")  # fmt: skip
# MLflow refuses / : . % " ' in a model's name; Airflow's ids have letters, digits, . _ and -.
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def load_project(
    reference: str | None = None,
    given: Mapping[str, Any] | None = None,
    places: Places | None = None,
) -> Project:
    """A project by its name or its file, with every value decided.

    Args:
        reference: a name in ``places.projects_dir``, or the path of a TOML file; by default the
            one that ``CATWALK_PROJECT`` names.
        given: values by dotted names (``training.epochs``) that beat all others.

    Raises:
        UserError: no such project, profile or recipe, an unknown name, a value out of range, a
            schedule that is none; one sentence that names the file and the line.
    """
    places = places or Places.load()
    return combined_of(layers_of(reference, given, places))


def layers_of(
    reference: str | None, given: Mapping[str, Any] | None, places: Places
) -> list[Layer]:
    """The layers of a project, the strongest first; the last two are profile and recipe."""
    file = find_project(reference or places.project, places.projects_dir)
    layers = [from_names(given or {}), from_environment(), read_file(file, file.name)]
    for kind in ("profile", "recipe"):
        layers.append(_named(kind, layers, file.parent))
    return layers


def combined_of(layers: list[Layer]) -> Project:
    """The project of such layers, its name and file noted in it."""
    file = next(layer.file for layer in layers if layer.file is not None)
    assert file is not None
    chosen = {kind: _chosen(kind, layers[:-1]) for kind in ("profile", "recipe")}
    project = combined(layers)
    check_schedule(project.schedule, layers)
    update = {"name": name_of(file), "file": file} | {k: v for k, v in chosen.items() if v}
    return project.model_copy(update=update)


def list_projects(folder: Path) -> dict[str, Path]:
    """Project files by their names, sorted; those whose name is no good are there too."""
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def find_project(reference: str, folder: Path) -> Path:
    """The file of a project.

    Raises:
        UserError: there is none, its name cannot be carried, or two have one name.
    """
    if reference.endswith(".toml") or "/" in reference:
        file = Path(os.path.abspath(Path(reference).expanduser()))  # a link keeps its name
        if not file.is_file():
            raise UserError(f"project file {file} does not exist")
    else:
        known = list_projects(folder)
        if reference not in known:
            near = difflib.get_close_matches(reference, known, n=1, cutoff=0.5)
            hint = (
                f"did you mean {near[0]}?" if near else f"there are: {', '.join(known) or 'none'}"
            )
            raise UserError(f"no project {reference!r} in {folder}: {hint}")
        file = known[reference]
    name = name_of(file)
    for other, path in list_projects(file.parent).items():
        if path != file and other.replace("-", "_").lower() == name.replace("-", "_"):
            raise UserError(f"two projects of one name, {file} and {path}: rename one of them")
    return file


def name_of(file: Path) -> str:
    """The name of a project: that of its file.

    Raises:
        UserError: MLflow or Airflow could not carry it.
    """
    if not NAME.fullmatch(file.stem):
        raise UserError(
            f"{file}: {file.stem!r} cannot be a project's name, as Airflow and MLflow carry it: "
            "take at most 63 of a-z, 0-9, - and _, a letter or digit first"
        )
    return file.stem


def list_named(kind: str, folder: Path) -> dict[str, Path]:
    """Profiles or recipes (``kind``): those that Catwalk ships, then those beside the projects."""
    shipped = sorted((HERE / f"{kind}s").glob("*.toml"))
    own = sorted((folder / f"{kind}s").glob("*.toml"))
    found = {path.stem: path for path in shipped}
    for path in own:
        if path.stem in found:
            raise UserError(
                f"{path}: Catwalk ships a {kind} {path.stem!r} of its own: give yours another name"
            )
        found[path.stem] = path
    return found


def _named(kind: str, layers: list[Layer], folder: Path) -> Layer:
    """The layer of the profile or recipe that the strongest of ``layers`` names."""
    name = str(_chosen(kind, layers) or Project.model_fields[kind].default)
    known = list_named(kind, folder)
    if name not in known:
        where = next((f"{one.where(kind)}: " for one in layers if one.values.get(kind)), "")
        raise UserError(f"{where}unknown {kind} {name!r}: choose one of {', '.join(known)}")
    layer = read_file(known[name], f"{kind} {name}")
    for other in ("profile",) if kind == "profile" else ("profile", "recipe"):
        if other in layer.values:
            raise UserError(f"{layer.where(other)}: a {kind} cannot name a {other}")
    return layer


def _chosen(name: str, layers: list[Layer]) -> Any:
    return next((layer.values[name] for layer in layers if layer.values.get(name)), None)


def check_schedule(schedule: str, layers: list[Layer]) -> None:
    """Airflow will take it.

    Raises:
        UserError: it is neither a preset of Airflow's, nor a cron expression, nor ``never``.
    """
    if schedule == NEVER or schedule in PRESETS or _is_cron(schedule):
        return
    where = next((one.where("schedule") for one in layers if "schedule" in one.values), "")
    raise UserError(
        f"{where}: schedule {schedule!r} is none: expected one of {', '.join(PRESETS)}, a cron "
        f"expression such as '0 3 * * 1', or {NEVER}"
    )


def _is_cron(schedule: str) -> bool:
    from croniter import croniter

    if schedule.startswith("@") or not croniter.is_valid(schedule):
        return False
    try:
        croniter(schedule).get_next()
    except ValueError:  # a 31st of February
        return False
    return True
