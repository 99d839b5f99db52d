"""A share of a random search: every n-th trial, anywhere, without a word to anybody.

The i-th trial of a random search depends on the seed and on i alone, and so, on a CPU, does its
result. So share k of n runs the trials k, k + n, ... and leaves their results in its folder; the
search takes up what it finds there, and runs what is missing or failed itself.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from model_zoo.data.dataset import Dataset, Images
from model_zoo.errors import UserError
from model_zoo.progress import beside, part
from model_zoo.settings import Places, Project
from model_zoo.training.features import FeatureFiles
from model_zoo.tuning.devices import trial_devices
from model_zoo.tuning.examples import write_examples
from model_zoo.tuning.oracle import random_proposals
from model_zoo.tuning.trial import read_result, read_results, write_result
from model_zoo.tuning.trial_process import TrialProcess


def run_share(
    project: Project,
    places: Places,
    dataset: Dataset,
    train: Images,
    validation: Images,
    folder: Path,
    share: int,
    shares: int,
    say: Callable[[str], None] = print,
    features: FeatureFiles | None = None,
) -> int:
    """Run the trials of one share that have no result yet; returns how many that were.

    Args:
        project: with a precision that is decided (``training.precision``).
        folder: of this share, ``share-<number>`` in the search's folder.
        share: counts from 1 to ``shares``.
        features: where those of these images lie, if somebody knows.

    Raises:
        UserError: the search is not random, or what no trial on this machine would survive.
    """
    check_divisible(project)
    own = random_proposals(project)[share - 1 :: shares]
    missing = [one for one in own if read_result(folder, one[0]) is None]
    if not missing:
        return 0
    write_examples(project, places, dataset, train, validation, folder, say, features)
    devices = trial_devices(0)
    device = devices[(share - 1) % len(devices)]  # shares on one machine take each its own GPU
    name = f"share {share}"
    with (
        TrialProcess(project, places, dataset, folder, name, device, beside(say, name)) as process,
        part(say, name, len(own), "trials", len(own) - len(missing), ends_step=True) as work,
    ):
        process.warm_up()
        for trial, values in missing:
            process.start(trial, values)
            result = process.result()
            work.advance()
            say(f"trial {trial}: {result.error or f'validation {result.best:.2%}'}")
    return len(missing)


def check_divisible(project: Project) -> None:
    """Raises UserError unless the trials of the search do not depend on each other."""
    if project.search.algorithm != "random":
        raise UserError(
            'a search that is divided among tasks needs search.algorithm = "random". Received: '
            f"{project.search.algorithm!r}, whose trials depend on those before them; set that, "
            "or CATWALK_SEARCH_SHARES to 1"
        )


def take_up_shares(project: Project, folder: Path) -> None:
    """Let what the shares of the search in ``folder`` have found be results of its own.

    Not what belongs to other values, nor a trial that failed: what failed on one machine, for want
    of memory say, is run again on this one.
    """
    shares = sorted(folder.glob("share-*"))
    if not shares or project.search.algorithm != "random":
        return
    proposed = dict(random_proposals(project))
    for share in shares:
        for result in read_results(share):
            ended_well = not result.error and result.values == proposed.get(result.trial)
            if ended_well and read_result(folder, result.trial) is None:
                write_result(folder, result)
