"""The DAG files are wiring: quick to import, one DAG a project, a broken file harms no other."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys, time, json
from airflow.sdk import DAG, dag, task, BaseOperator, Param
from airflow.providers.standard.operators.hitl import ApprovalOperator
before = set(sys.modules)
started = time.process_time()  # of this process: waiting for a core is not the file's cost
sys.path.insert(0, sys.argv[1])
import retrain as file
seconds = time.process_time() - started
modules = sorted({name.split(".")[0] for name in set(sys.modules) - before})
dags = {name: one for name, one in vars(file).items() if isinstance(one, DAG)}
print(json.dumps({"seconds": seconds, "modules": modules, "dags": {
    name: {
        "tasks": sorted(dag.task_ids),
        "schedule": str(dag.schedule),
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "mapped": {
            task.task_id: [*task.expand_input.value["step"]]
            for task in dag.tasks if getattr(task, "expand_input", None)
        },
        "upstream": {task.task_id: sorted(task.upstream_task_ids) for task in dag.tasks},
        "outlets": {one.task_id: [o.name for o in one.outlets] for one in dag.tasks if one.outlets},
        "approval": next(
            ({"defaults": task.defaults, "body": task.body,
              "hours": task.response_timeout.total_seconds() / 3600}
             for task in dag.tasks if isinstance(task, ApprovalOperator)), None),
        "rules": {task.task_id: task.trigger_rule.value for task in dag.tasks},
        "hours": {task.task_id: task.execution_timeout.total_seconds() / 3600
                  for task in dag.tasks if task.execution_timeout},
        "run_hours": dag.dagrun_timeout and dag.dagrun_timeout.total_seconds() / 3600,
        "told": sorted(task.task_id for task in dag.tasks if task.on_failure_callback),
        "params": {name: dag.params.get_param(name).schema for name in dag.params},
    } for name, dag in dags.items()
}}))
"""
BAG = """
import json, sys, warnings
warnings.simplefilter("ignore")
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1], load_op_links=False)
print(json.dumps({"dags": sorted(bag.dags), "errors": bag.import_errors}))
"""
ATTEMPTS = 4
GOOD = 'profile = "quick"\nschedule = "never"\n'


def run_program(program: str, folder: Path, **environment: str) -> dict:
    found = subprocess.run(
        [sys.executable, "-c", program, str(ROOT / "dags")],
        cwd=ROOT,
        env=os.environ | {"AIRFLOW_HOME": str(folder)} | environment,
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stderr[-3000:]
    return json.loads(found.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def imported(small_environment: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The quickest of a few imports: a busy machine makes one slower, never quicker."""
    home = tmp_path_factory.mktemp("airflow")
    return min(
        (run_program(PROGRAM, home) for _ in range(ATTEMPTS)), key=lambda one: one["seconds"]
    )


@pytest.fixture(scope="module")
def shipped(imported: dict) -> dict:
    """The DAG of the project that Catwalk ships."""
    return imported["dags"]["fashion_mnist_retrain"]


def test_importing_the_dags_pulls_in_nothing_heavy(imported: dict) -> None:
    heavy = {"keras", "tensorflow", "mlflow", "pandas", "sklearn", "matplotlib", "onnxruntime"}
    assert not heavy & set(imported["modules"])
    assert imported["seconds"] < 0.3


def test_nothing_hangs_for_ever_and_every_failure_is_told(shipped: dict) -> None:
    assert shipped["hours"].keys() == {*shipped["tasks"]}
    assert shipped["hours"]["train"] == shipped["hours"]["tune"] > shipped["hours"]["ingest"]
    assert shipped["run_hours"] > sum(
        shipped["hours"][name] for name in shipped["tasks"] if name not in ("approve", "ask")
    )
    assert shipped["told"] == shipped["tasks"]


def test_one_run_at_a_time_weekly_without_catch_up(shipped: dict) -> None:
    assert "AssetOrTimeSchedule" in shipped["schedule"], "weekly, or when corrections are accepted"
    assert shipped["max_active_runs"] == 1 and shipped["catchup"] is False
    assert {"ingest", "tune", "train", "gate", "approve", "promote"} <= set(shipped["tasks"])


def test_the_trigger_form_has_the_limits_of_the_settings(shipped: dict) -> None:
    params = shipped["params"]
    assert params["profile"]["enum"] == [
        None, "notebook", "photographs", "quick", "scratch", "standard", "thorough",
    ]  # fmt: skip
    assert params["promotion"]["enum"] == [None, "automatic", "approval", "manual"]
    assert params["learning_rate"]["exclusiveMinimum"] == 0
    assert params["search_trials"]["maximum"] == 1000
    assert params["epochs"]["minimum"] == 1


def test_no_answer_to_the_approval_is_a_no(imported: dict, shipped: dict) -> None:
    body = shipped["approval"].pop("body")
    assert shipped["approval"] == {"defaults": ["Reject"], "hours": 72.0}
    assert body.startswith("{{ ti.xcom_pull('gate')['report'] }}\n\nSide by side")
    assert "`catwalk compare production {{ ti.xcom_pull('gate')['version'] }} --project" in body
    assert shipped["outlets"] == {"promote": ["fashion-mnist-production-moved"]}


def test_what_follows_a_promotion_hangs_on_the_asset(
    small_environment: Path, tmp_path: Path
) -> None:
    program = PROGRAM.replace("import retrain as file", "import after_promotion as file")
    found = run_program(program, tmp_path)
    dag = found["dags"]["fashion_mnist_after_promotion"]
    assert "catwalk://fashion-mnist/production" in dag["schedule"]
    assert dag["upstream"] == {
        "version": [], "export": ["version"], "predict": ["export", "version"]
    }  # fmt: skip
    assert not {"keras", "tensorflow", "mlflow", "onnxruntime"} & set(found["modules"])


def test_a_project_whose_images_come_and_go_is_watched_and_starts_by_time_or_reason(
    small_environment: Path, tmp_path: Path
) -> None:
    (tmp_path / "shop.toml").write_text(
        'schedule = "@daily"\n[data]\nsource = "image-folder"\nimages = "photos"\n'
    )
    projects = {"CATWALK_PROJECTS_DIR": str(tmp_path), "CATWALK_PROJECT": "shop"}
    program = PROGRAM.replace("import retrain as file", "import watch as file")
    found = run_program(program, tmp_path, **projects)
    assert "shop_retrain" not in found["dags"]
    assert found["dags"]["shop_watch"]["schedule"] == "@hourly"
    assert found["dags"]["shop_watch"]["outlets"] == {"look": ["shop-retraining-may-be-wanted"]}
    assert not {"keras", "tensorflow", "mlflow", "pandas", "pyarrow"} & set(found["modules"])
    program = PROGRAM.replace("str(dag.schedule)", "repr(dag.timetable)")
    retrain = run_program(program, tmp_path, **projects)["dags"]["shop_retrain"]
    assert "AssetOrTimeSchedule" in retrain["schedule"]


def test_cleaning_runs_by_its_setting_alone(small_environment: Path, tmp_path: Path) -> None:
    program = PROGRAM.replace("import retrain as file", "import clean as file")
    weekly = run_program(program, tmp_path, CATWALK_CLEAN_SCHEDULE="@weekly")
    assert weekly["dags"]["_dag"]["schedule"] == "@weekly"
    assert not {"keras", "tensorflow", "mlflow", "pandas"} & set(weekly["modules"])


def test_shares_of_the_search_are_mapped_tasks_before_tune(
    shipped: dict, small_environment: Path, tmp_path: Path
) -> None:
    assert "search_share" not in shipped["tasks"], "on a laptop one task searches"
    assert shipped["rules"]["tune"] == "all_success"
    several = run_program(PROGRAM, tmp_path, CATWALK_SEARCH_SHARES="2")
    dag = several["dags"]["fashion_mnist_retrain"]
    assert dag["mapped"] == {"search_share": ["search_share.1-of-2", "search_share.2-of-2"]}
    assert dag["upstream"]["search_share"] == ["health"]
    assert dag["upstream"]["tune"] == ["health", "search_share"]
    assert dag["rules"]["tune"] == "all_done_min_one_success", "a lost share stops nothing"


def test_a_broken_project_is_one_import_error_and_the_other_dags_live_on(
    small_environment: Path, tmp_path: Path
) -> None:
    projects = tmp_path / "projects"
    projects.mkdir()
    (projects / "shop.toml").write_text(GOOD)
    (projects / "garden.toml").write_text(GOOD + "\n[training]\nepoch = 3\n")
    found = run_program(
        BAG,
        tmp_path,
        CATWALK_PROJECTS_DIR=str(projects),
        CATWALK_PROJECT="shop",
        AIRFLOW__CORE__DAGBAG_IMPORT_ERROR_TRACEBACKS="False",
    )
    assert found["dags"] == ["catwalk_clean", "shop_after_promotion", "shop_retrain"]
    (sentence,) = found["errors"].values()  # said by one file, not by three
    assert f"{projects / 'garden.toml'}, line 5: unknown setting training.epoch" in sentence
    assert "did you mean training.epochs?" in sentence
    (projects / "garden.toml").write_text(GOOD)
    mended = run_program(BAG, tmp_path, CATWALK_PROJECTS_DIR=str(projects), CATWALK_PROJECT="shop")
    both = ["catwalk_clean"] + [
        f"{name}_{kind}" for name in ("garden", "shop") for kind in ("after_promotion", "retrain")
    ]
    assert mended == {"dags": both, "errors": {}}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("profile = ", "is not TOML"),
        (GOOD + '[model]\nbackbone = "resnet5"\n', "line 4: unknown backbone 'resnet5': did you"),
        (GOOD + '[data]\nsource = "shoes"\n', "line 4: unknown source of images 'shoes'"),
        (GOOD.replace("never", "weekly"), "line 2: schedule 'weekly' is none"),
        (GOOD.replace("quick", "fast"), "line 1: unknown profile 'fast'"),
        (GOOD + "[training]\nepochs = 0\n", "line 4: setting training.epochs: input should be"),
    ],
)
def test_what_is_wrong_with_a_project_is_one_sentence_with_its_line(
    small_environment: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: str,
    sentence: str,
) -> None:
    from launcher.airflow_steps.projects import check_projects
    from model_zoo.errors import UserError

    for name in ("MODEL__BACKBONE", "DATA__SOURCE", "TRAINING__EPOCHS"):
        monkeypatch.delenv(f"CATWALK_{name}")
    (tmp_path / "shop.toml").write_text(content)
    monkeypatch.setenv("CATWALK_PROJECTS_DIR", str(tmp_path))
    with pytest.raises(UserError) as raised:
        check_projects()
    assert str(tmp_path / "shop.toml") in str(raised.value)
    assert sentence in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1
