"""The operator: a mistake fails the task at once, a kill ends the step, unknown fields are told."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from launcher import step_process
from launcher.options import FIELDS, RUN_NAME
from model_zoo.files import read_json
from model_zoo.registry.client import connect
from model_zoo.registry.store import store_of
from model_zoo.runs import runner
from model_zoo.runs.folder import run_folder
from model_zoo.settings import Places, Project, load_project


def operator(step: str, project: Project) -> Any:
    # Not above, where each worker of pytest-xdist would import Airflow to find these tests.
    from launcher.airflow_steps.operator import StepOperator

    return StepOperator(task_id=step.replace(".", "_"), step=step, project=str(project.file))


def context(run: str, tries: int = 1, **params: Any) -> Any:
    form = dict.fromkeys((*FIELDS, RUN_NAME)) | params
    return {"params": form, "run_id": run, "ti": SimpleNamespace(try_number=tries)}


@pytest.fixture
def exceptions() -> Any:
    from airflow.sdk import exceptions

    return exceptions


@pytest.fixture
def here(places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    monkeypatch.setenv("CATWALK_HOME", str(tmp_path))
    return Places.load()


def test_a_step_runs_in_a_process_of_its_own_and_its_facts_are_the_xcom(
    here: Places, project: Project
) -> None:
    facts = operator("ingest", project).execute(context("monday"))
    assert facts["generated"] is True and facts["dataset"]
    log = run_folder(here, project.name, "monday") / step_process.LOG
    assert "ingest: fashion-mnist" in log.read_text()


def test_a_step_that_is_done_is_not_run_again_unless_somebody_cleared_it(
    here: Places, project: Project
) -> None:
    first = operator("ingest", project).execute(context("monday"))
    log = run_folder(here, project.name, "monday") / step_process.LOG
    before = log.read_text()
    assert operator("ingest", project).execute(context("monday")) == first
    assert log.read_text() == before
    operator("ingest", project).execute(context("monday", tries=2))
    assert log.read_text() != before


def test_a_run_name_names_the_run(here: Places, project: Project) -> None:
    operator("ingest", project).execute(context("scheduled__1", run_name="friday"))
    assert (run_folder(here, project.name, "friday") / "ingest.json").exists()


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"epoch": 3}, "'epoch', which is no field of the trigger form: did you mean 'epochs'?"),
        ({"backbone": "tinny"}, "unknown backbone 'tinny': did you mean tiny"),
        ({"learning_rate": -1}, "setting training.learning_rate: input should be greater than 0"),
        ({"run_name": ".."}, "cannot be the name of a run"),
    ],
)
def test_a_mistake_fails_the_task_for_good_with_its_sentence(
    here: Places, project: Project, exceptions: Any, params: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(exceptions.AirflowFailException) as failed:
        operator("ingest", project).execute(context("bad", **params))
    assert sentence in str(failed.value)


def test_a_step_that_crashes_may_be_tried_again(
    here: Places, project: Project, exceptions: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from launcher.airflow_steps.operator import CRASHES

    run = step_process.run_step
    monkeypatch.setattr(
        step_process, "run_step", lambda *given, **more: run(*given, **more, module="no.such")
    )
    for tries, left_alone in ((1, False), (2, False), (CRASHES, True)):
        with pytest.raises(exceptions.AirflowException, match="ended with status 1") as failed:
            operator("ingest", project).execute(context("crash", tries))
        assert isinstance(failed.value, exceptions.AirflowFailException) is left_alone


@pytest.mark.fault(
    "MLflow is away in an Airflow task",
    saw="the task is tried again, its log says who does not answer",
    lost="nothing",
)
def test_what_is_away_for_now_is_nobodys_mistake_and_is_tried_again(
    here: Places, project: Project, exceptions: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator("ingest", project).execute(context("away"))
    monkeypatch.setenv("CATWALK_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(
        exceptions.AirflowException, match=r"MLflow at .* does not answer"
    ) as failed:
        operator("preprocess", project).execute(context("away", 4))
    assert not isinstance(failed.value, exceptions.AirflowFailException)


@pytest.mark.fault(
    "Airflow kills a task in mid-training",
    saw="the step and everything it started end",
    lost="nothing",
)
def test_a_kill_of_the_task_ends_the_step_and_all_that_it_started(
    here: Places, project: Project, another_store: None
) -> None:
    many = {"training.epochs": 1000, "training.early_stopping_patience": 0, "search.trials": 0}
    chosen = load_project(given=many)
    for step in ("ingest", "preprocess", "tune"):
        runner.run_step(step, chosen, here, "long")
    seen: list[str] = []
    failed: list[BaseException] = []

    def train() -> None:
        try:
            step_process.run_step("train", chosen, here, "long", many, seen.append)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=train)
    thread.start()
    until = time.monotonic() + 120
    while not any(line.startswith("epoch") for line in seen):
        assert thread.is_alive() and time.monotonic() < until, seen
        time.sleep(0.1)
    family = psutil.Process().children(recursive=True)
    operator("train", project).on_kill()
    thread.join(30)
    assert not thread.is_alive()
    assert isinstance(failed[0], step_process.StepFailed)
    assert not [one for one in family if one.is_running() and "train" in one.cmdline()]
    folder = run_folder(here, chosen.name, "long")
    assert not (folder / "train.json").exists(), "a step that was killed has no facts"
    logged = connect(store_of(chosen, here)).get_run(
        read_json(folder / "mlflow_run.json")["run_id"]
    )
    assert logged.info.status != "RUNNING", "nor does it seem to go on in MLflow"
    assert "was stopped by signal" in str(failed[0])


@pytest.mark.parametrize("promoted", [True, False])
def test_a_promotion_updates_the_asset_and_hands_on_who_approved(
    here: Places, project: Project, monkeypatch: pytest.MonkeyPatch, promoted: bool
) -> None:
    from airflow.sdk.execution_time.context import OutletEventAccessors

    from launcher.airflow_steps.promotion import PromoteOperator, production_of

    asked: dict[str, Any] = {}

    def run_step(step: str, *given: Any, approved_by: str, reason: str) -> dict[str, Any]:
        asked.update(step=step, by=approved_by)
        assert not reason, "only ingest notes what started the run"
        return {"promoted": promoted, "version": "7", "why": "better"}

    monkeypatch.setattr(step_process, "run_step", run_step)
    asset = production_of(project)
    one = PromoteOperator(
        task_id="promote", project=str(project.file), asset=asset, asked="approve"
    )
    answer = {"responded_by_user": {"id": "7", "name": "ann"}, "chosen_options": ["Approve"]}
    events = OutletEventAccessors()
    ti = SimpleNamespace(try_number=1, xcom_pull=lambda task_ids: answer)
    one.execute(context("monday") | {"ti": ti, "outlet_events": events})
    assert asked == {"step": "promote", "by": "ann"}
    (outlet,) = one.outlets
    updates = events[outlet].asset_alias_events
    assert [event.extra for event in updates] == [{"version": "7", "why": "better"}] * promoted
    assert [event.dest_asset_key.uri for event in updates] == [
        "catwalk://fashion-mnist/production"
    ] * promoted


def test_what_a_library_raises_is_a_sentence_that_airflow_tries_again(
    here: Places, project: Project, exceptions: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*given: Any, **more: Any) -> dict[str, Any]:
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(step_process, "run_step", away)
    with pytest.raises(exceptions.AirflowException, match="Connection refused") as failed:
        operator("ingest", project).execute(context("monday"))
    assert not isinstance(failed.value, exceptions.AirflowFailException), (
        "which would not be tried again"
    )
    assert str(here.home / "errors") in str(failed.value)
