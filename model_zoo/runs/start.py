"""Which weights a run begins with: decided once, by `preprocess`, and kept in the run's folder.

So search, training and registration agree on one version, whatever is promoted meanwhile, and a run
that is killed goes on from the weights that it began with.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model_zoo.data.dataset import Dataset
from model_zoo.errors import UserError
from model_zoo.files import read_json, write_json
from model_zoo.registry.client import RegistryUnavailable, answered_by
from model_zoo.registry.lineage import FILE as LINEAGE
from model_zoo.registry.lineage import Lineage, StartedFrom
from model_zoo.registry.run_files import fetch_run_file
from model_zoo.registry.run_log import params_of
from model_zoo.registry.served_files import (
    FACTS_TAG,
    KERAS,
    check_file,
    fetch_served_files,
    read_facts,
)
from model_zoo.registry.versions import (
    Version,
    check_origin,
    content_of,
    find_alias,
    get_version,
)
from model_zoo.runs.folder import Run
from model_zoo.runs.images import dataset_of

if TYPE_CHECKING:
    from model_zoo.classifier import Head
    from model_zoo.training.warm_start import Start

NOTE, FOLDER = "start.json", "start"
#: Values in which a version must agree with the project for its weights to fit.
SAME = ("model.backbone", "model.image_size")
#: Of the rate that a search found for a head that knew nothing, what suits one that knows much:
#: measured in docs/training.md.
SLOWER = 0.3


@dataclass(frozen=True)
class Begun:
    """Where a run begins.

    Attributes:
        version, content: of the version that it goes on from; empty: it starts anew.
        labels: that version's classes.
        head: that version's, as a dictionary of ``classifier.Head``.
        sentence: for people.
    """

    version: str = ""
    content: str = ""
    labels: tuple[str, ...] = ()
    head: dict[str, Any] | None = None
    sentence: str = ""

    @property
    def started(self) -> StartedFrom:
        """As lineage has it."""
        return StartedFrom(self.version, self.content)


def decide(run: Run, dataset: Dataset) -> Begun:
    """Where this run begins, by ``training.start``; what was decided before stands.

    A version that does not fit is no mistake of anybody's: the run then starts anew, and says why.

    Raises:
        RegistryUnavailable: MLflow is away.
    """
    if (run.folder / NOTE).exists():
        return begun(run)
    found = Begun()
    if run.project.training.start == "production":
        production = find_alias(run.store, "production")
        found = _anew("no version is in production yet")
        if production is not None:
            try:
                found = from_version(run, dataset, production)
            except RegistryUnavailable:
                raise
            except UserError as error:
                found = _anew(str(error))
        run.say(found.sentence)
    write_json(run.folder / NOTE, asdict(found))
    return found


def keep(run: Run, version: str, content: str) -> None:
    """Have a run that makes a version again begin where that one did, unless it has begun.

    Args:
        version, content: as lineage has them; empty: that one started anew.

    Raises:
        UserError: that version is gone, or is another model by now.
    """
    if (run.folder / NOTE).exists():
        return
    found = Begun()
    if version:
        known = get_version(run.store, version)
        if content_of(known) != content:
            raise UserError(
                f"training went on from version {version}, which is another model today: it cannot "
                "be made again"
            )
        found = from_version(run, dataset_of(run), known)
    write_json(run.folder / NOTE, asdict(found))


def begun(run: Run) -> Begun:
    """What :func:`decide` decided; a run of which nobody asked starts anew."""
    path = run.folder / NOTE
    if not path.exists():
        return Begun()
    kept = read_json(path)
    return Begun(**kept | {"labels": tuple(kept["labels"])})


def start_of(run: Run) -> Start | None:
    """The weights that training goes on from; None: it starts anew."""
    from model_zoo.training.warm_start import Start

    found = begun(run)
    if not found.version:
        return None
    return Start(run.folder / FOLDER / KERAS, found.labels, found.content)


def head_of_start(run: Run) -> Head | None:
    """The head that training goes on with; None: it starts anew."""
    from model_zoo.classifier import Head

    found = begun(run)
    if found.head is None:
        return None
    rate = run.project.training.learning_rate
    return Head(**found.head | ({"learning_rate": rate} if rate else {}))


def from_version(run: Run, dataset: Dataset, version: Version) -> Begun:
    """Fetch the weights of a version, if they fit.

    Raises:
        UserError: they do not, or its files are damaged; says why.
    """
    from model_zoo.training.warm_start import head_of

    check_origin(run.store, version)
    origin, rate = _made_with(run, version)
    for name in SAME:
        mine, theirs = run.project.value(name), origin.settings.get(name)
        if mine != theirs:
            raise UserError(
                f"version {version.version} in production has {name} = {theirs}, this run has "
                f"{mine}"
            )
    folder = run.folder / FOLDER
    fetch_served_files(run.store, version.version, folder, ("classifier.json", KERAS))
    facts = read_facts(folder, version.tags.get(FACTS_TAG))
    check_file(folder / KERAS, facts)
    labels = tuple(facts["labels"])
    new = [one for one in dataset.labels if one not in labels]
    removed = [one for one in labels if one not in dataset.labels]
    if len(new) == len(dataset.labels):
        raise UserError(f"version {version.version} in production knows none of these classes")
    rate = rate or run.project.training.base_rate
    head = head_of(folder / KERAS, rate if origin.start else SLOWER * rate)
    grown = f"; new classes: {len(new):,}" if new else ""
    shrunk = f"; classes that are gone: {len(removed):,}" if removed else ""
    return Begun(
        version.version,
        content_of(version),
        labels,
        head.as_dict(),
        f"Training goes on from version {version.version}, with its head: {head.in_words()}"
        f"{grown}{shrunk}",
    )


def _anew(why: str) -> Begun:
    return Begun(sentence=f"Training starts anew: {why}")


def _made_with(run: Run, version: Version) -> tuple[Lineage, float | None]:
    """What a version was made from, and the learning rate that its head was trained with."""
    with tempfile.TemporaryDirectory(prefix="catwalk-") as folder:
        path = fetch_run_file(run.store, version.run_id, LINEAGE, Path(folder))
        if path is None:
            raise UserError(
                f"version {version.version} in production did not record what it was made from"
            )
        origin = Lineage.of(json.loads(path.read_text()))
    with answered_by(run.store) as client:
        data = client.get_run(version.run_id).data
    rate = params_of(data.params, data.tags).get("head.learning_rate")
    return origin, float(rate) if rate else None
