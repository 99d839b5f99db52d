"""The gate on a real run: served files on both sides, one decision each, files that are gone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from first_run import FirstRun

from model_zoo.errors import UserError
from model_zoo.files import read_json
from model_zoo.judging.verdict import judge
from model_zoo.registry.client import connect
from model_zoo.registry.judged_answers import FILE, read_answers
from model_zoo.registry.promotion import NOTHING
from model_zoo.registry.store import Store
from model_zoo.registry.versions import Version, find_alias, get_version
from model_zoo.runs import runner
from model_zoo.runs.checks import check_class_groups
from model_zoo.runs.contest import Trial, trial_of
from model_zoo.runs.folder import Run, open_run
from model_zoo.runs.images import dataset_of
from model_zoo.settings import Places, Project, load_project

pytestmark = pytest.mark.usefixtures("another_store")


@pytest.fixture
def run(project: Project, places: Places, first_run: FirstRun, tmp_path: Path) -> Run:
    """The first run in a home of its own, so that its files may be damaged."""
    shutil.copytree(places.home, tmp_path / "home")
    return open_run(project, places.model_copy(update={"home": tmp_path / "home"}), "first")


@pytest.fixture
def against_itself(run: Run) -> Callable[..., Trial]:
    """The version in production as candidate for its own place."""

    def trial(**judging: object) -> Trial:
        production = find_alias(run.store, "production")
        assert production is not None
        given = {f"judging.{name}": value for name, value in judging.items()}
        same = Run(load_project(given=given), run.places, run.name, run.identity, run.folder)
        return trial_of(same, production.version, production)

    return trial


def test_the_verdict_is_on_the_run_as_table_and_as_file(store: Store, first_run: FirstRun) -> None:
    version = get_version(store, first_run.facts["gate"]["version"])
    paths = {one.path for one in connect(store).list_artifacts(version.run_id, "gate")}
    assert paths == {"gate/verdict.md", "gate/verdict.json", "gate/answers.npz"}
    assert "| floor | passed | accuracy" in first_run.facts["gate"]["report"]
    assert version.tags["judged_times"] == "1" and version.tags["anchor"] == version.version
    answers = read_answers(store, version, version.tags["judged_on"])
    assert answers is not None and answers.tries == 1
    assert np.array_equal(answers.predicted, answers.probabilities.argmax(axis=1))


def test_a_twin_of_production_is_not_promoted(against_itself: Callable[..., Trial]) -> None:
    trial = against_itself(class_groups=["shoes: Sandal, Sneaker"], slices="class-group,brightness")
    verdict = judge(trial.contest)
    assert not verdict.passed
    assert len(verdict.reasons) == 1 and "not better with evidence" in verdict.reasons[0]
    assert trial.contest.look.number == 2 and trial.anchor == verdict.version
    assert set(trial.contest.columns) == {"class-group", "brightness"}


def test_what_a_file_once_answered_is_taken_where_it_answers_the_same_now(
    against_itself: Callable[..., Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    from model_zoo.predictor import ServedClassifier

    asked: list[int] = []
    ask = ServedClassifier.probabilities

    def counted(self: ServedClassifier, images: np.ndarray) -> np.ndarray:
        asked.append(len(images))
        return ask(self, images)

    monkeypatch.setattr(ServedClassifier, "probabilities", counted)
    trial = against_itself()
    assert max(asked) == 256 < len(trial.contest.truth)


def test_int8_is_judged_against_int8(
    against_itself: Callable[..., Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CATWALK_SERVED_FORMAT", "onnx-int8")
    contest = against_itself().contest
    assert contest.candidate.file.name == contest.rival.file.name == "model.int8.onnx"
    np.testing.assert_array_equal(contest.candidate.predicted, contest.rival.predicted)


def test_production_whose_files_are_gone_is_judged_by_what_it_answered(run: Run) -> None:
    trial = trial_of(run, "1", production_without_files(run))
    rival = trial.contest.rival
    assert "is judged by its recorded predictions" in rival.note and rival.answer is None
    np.testing.assert_array_equal(rival.predicted, trial.contest.candidate.predicted)
    found = {one.rule: one for one in judge(trial.contest).findings}
    assert found["robustness"].outcome == found["served-file"].outcome == "not judged"


def test_production_of_which_nothing_is_left_fails_the_gate_with_a_sentence(run: Run) -> None:
    production = production_without_files(run)
    for path in [*run.store.artifact_dir.rglob("*_predictions.npz"),
                 *run.store.artifact_dir.rglob(Path(FILE).name)]:  # fmt: skip
        path.unlink()
    contest = trial_of(run, "1", production).contest
    assert contest.production is None
    verdict = judge(contest, production.version)
    assert verdict.against == production.version
    assert not verdict.passed and "nobody can tell whether this one is worse" in verdict.reasons[0]


def test_what_is_in_production_already_has_nothing_to_change(run: Run) -> None:
    """As when another run has made the same files, byte for byte."""
    (run.folder / "gate.json").unlink()
    facts = runner.run_step("gate", run.project, run.places, run.name)
    assert not facts["passed"] and "the same model as version 1" in facts["summary"]


def test_a_gate_that_is_run_again_decides_nothing_anew(run: Run) -> None:
    """Taken out of production, the version is judged again once, and then no more."""
    client = connect(run.store)
    version = find_alias(run.store, "production").version
    client.delete_registered_model_alias(run.store.model, "production")
    first = runner.run_step("gate", run.project, run.places, run.name)
    again = runner.run_step("gate", run.project, run.places, run.name)
    assert first["report"] == again["report"]
    assert get_version(run.store, version).tags["judged_times"] == "1"
    assert read_json(run.folder / "verdict.json")["basis"]["judged"]["production"] == NOTHING


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"judging.rules": "flor"}, "unknown judging rule 'flor': did you mean floor"),
        ({"judging.slices": "brightnes"}, "unknown column 'brightnes': did you mean brightness"),
        ({"judging.slices": "class-group"}, "needs judging.class_groups"),
        ({"judging.class_groups": ["shoes"]}, 'each group as "name: class, class"'),
        ({"judging.corruptions": "jpg"}, "unknown corruption 'jpg': did you mean jpeg"),
        ({"judging.rules": "floor,slices"}, "the rule slices needs judging.slices"),
    ],
)
def test_what_cannot_be_judged_is_one_sentence_before_the_first_step(
    places: Places, given: dict, sentence: str, tmp_path: Path
) -> None:
    elsewhere = places.model_copy(update={"home": tmp_path})
    with pytest.raises(UserError, match=sentence):
        runner.run_step("ingest", load_project(given=given), elsewhere, "bad")
    assert not list(tmp_path.rglob("*.json"))


def production_without_files(run: Run) -> Version:
    """A twin of the first version in production, whose folder of files is empty."""
    first = find_alias(run.store, "production")
    assert first is not None
    empty = run.places.home / "gone"
    empty.mkdir()
    client = connect(run.store)
    made = client.create_model_version(
        run.store.model, empty.as_uri(), first.run_id, tags=first.tags
    )
    client.set_registered_model_alias(run.store.model, "production", made.version)
    return get_version(run.store, str(made.version))


def test_a_group_of_classes_that_do_not_exist_is_one_sentence_once_they_are_known(run: Run) -> None:
    judging = run.project.judging.model_copy(update={"class_groups": ("shoes: Sandal, Sneeker",)})
    with pytest.raises(UserError, match="unknown class 'Sneeker': did you mean Sneaker"):
        check_class_groups(judging, dataset_of(run))
