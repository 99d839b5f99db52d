"""Who is told what: by a server on this machine that receives what apprise sends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from receiver import receiving

from launcher import step_process
from launcher.airflow_steps import notices
from launcher.notify import check_addresses, notify
from launcher.options import FIELDS, RUN_NAME
from launcher.settings import Notices
from model_zoo.errors import UserError
from model_zoo.registry import versions
from model_zoo.registry.versions import Version
from model_zoo.settings import Project


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, str]]]:
    """Messages that arrived, from whatever is sent to CATWALK_NOTIFY."""
    with receiving() as receiver:
        monkeypatch.setenv("CATWALK_NOTIFY", receiver.address)
        yield receiver.messages


def task_of(run: str = "monday") -> SimpleNamespace:
    return SimpleNamespace(task_id="train", dag_id="fashion_mnist_retrain", run_id=run)


def test_a_failed_task_is_told_with_its_sentence(received: list) -> None:
    notices.tell_of_failure({"ti": task_of(), "exception": UserError("no such backbone")})
    (message,) = received
    assert message["title"] == "Catwalk: train failed in fashion_mnist_retrain"
    assert "Run monday: no such backbone" in message["message"]


def test_a_run_that_took_too_long_is_told_and_one_that_failed_is_not_told_twice(
    received: list,
) -> None:
    run = {"dag": SimpleNamespace(dag_id="fashion_mnist_retrain"), "run_id": "monday"}
    notices.tell_of_late_run(run | {"reason": "task_failure"})
    assert not received
    notices.tell_of_late_run(run | {"reason": "timed_out"})
    assert "took too long" in received[0]["title"]


def test_an_approval_and_a_promotion_are_told(received: list, project: Project) -> None:
    notices.tell_of_approval(project, {"version": "7", "report": "better by 2 points"})
    notices.tell_of_promotion(project.name, {"version": "7", "why": "approved by Ada"})
    asked, promoted = received
    assert "version 7 of fashion-mnist waits for an approval" in asked["title"]
    assert "better by 2 points" in asked["message"] and "catwalk approve 7" in asked["message"]
    assert "is in production" in promoted["title"] and "Ada" in promoted["message"]


def test_no_new_version_for_long_is_told(
    received: list, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [Version("3", datetime.now(UTC) - timedelta(days=20))]
    monkeypatch.setattr(versions, "list_versions", lambda store: found)
    assert "is 20 days old" in notices.tell_of_age(
        project.with_values({"retraining.expected_weeks": 3})
    )
    assert not received
    notices.tell_of_age(project.with_values({"retraining.expected_weeks": 2}))
    assert "no new version of fashion-mnist for 2 weeks" in received[0]["title"]


def test_who_cannot_be_reached_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    away = Notices(notify="json://127.0.0.1:9/hook")
    assert not notify("title", "body", away)
    assert "did not arrive" in caplog.text
    assert not notify("title", "body", Notices(notify="nothing://of-this-kind"))
    assert not notify("title", "body", Notices(notify=""))


def test_an_address_that_nobody_knows_is_told_by_its_place_as_it_may_hold_a_password() -> None:
    with pytest.raises(UserError, match="address 2 of CATWALK_NOTIFY") as refused:
        check_addresses("json://127.0.0.1:9, slakc://secret")
    assert "secret" not in str(refused.value)


def test_a_step_that_hangs_is_stopped_and_fails_with_a_sentence(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As Airflow has it: an alarm in the task's process."""
    # Not above, where each worker of pytest-xdist would import Airflow to find these tests.
    from airflow.sdk.exceptions import AirflowFailException, AirflowTaskTimeout

    from launcher.airflow_steps.operator import StepOperator

    monkeypatch.setenv("CATWALK_HOME", str(tmp_path))

    def hangs(*_: Any, **__: Any) -> None:
        raise AirflowTaskTimeout("Timeout")

    monkeypatch.setattr(step_process, "run_step", hangs)
    operator = StepOperator(
        task_id="train",
        step="train",
        project=str(project.file),
        **notices.step_options(Notices(heavy_hours=30), heavy=True),
    )
    form = dict.fromkeys((*FIELDS, RUN_NAME))
    context: Any = {"params": form, "run_id": "r", "ti": SimpleNamespace(try_number=1)}
    with pytest.raises(AirflowFailException, match="train took longer than 30 hours"):
        operator.execute(context)


def test_a_run_lasts_longer_than_its_steps_and_the_wait_for_a_person(project: Project) -> None:
    few = Notices(step_hours=1, heavy_hours=2)
    waits = timedelta(hours=project.judging.approval_hours)
    assert notices.run_timeout(project, few) == timedelta(hours=14) + waits
