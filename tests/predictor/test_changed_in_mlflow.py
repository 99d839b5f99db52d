"""What somebody changes in MLflow's own page: one sentence with the thing and what to do.

On a real store, at the command line and on the page. Nothing is a stack trace, nothing is "MLflow
does not answer", and nothing that was deleted goes on being served under a number that is taken.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from first_run import FirstRun
from flask.testing import FlaskClient

from dash_app.page.context import OtherVersions
from dash_app.server import create_server
from dash_app.settings import PageSettings
from launcher.cli.main import main
from model_zoo.errors import UserError
from model_zoo.images import png
from model_zoo.registry.client import connect
from model_zoo.registry.registration import registered
from model_zoo.registry.served_files import FACTS, FACTS_TAG, sha256
from model_zoo.registry.version_report import VersionReports
from model_zoo.registry.versions import CONTENT_TAG
from model_zoo.settings import Project, Serving

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from tests.predictor.conftest import Home

SQUARE = np.pad(np.full((20, 20), 200, np.uint8), 30)


def other_project(client: MlflowClient, home: Home) -> None:
    client.set_model_version_tag(home.store.model, "2", "project", "boots")
    client.set_registered_model_alias(home.store.model, "production", "2")


def another_program(client: MlflowClient, home: Home) -> None:
    client.create_model_version(home.store.model, "s3://nowhere/model")
    client.set_registered_model_alias(home.store.model, "production", "3")


def files_elsewhere(client: MlflowClient, home: Home) -> None:
    """As `mlflow.register_model` makes it from a bucket that nobody here may read."""
    tags = client.get_model_version(home.store.model, "2").tags
    client.create_model_version(home.store.model, "s3://nowhere/model", tags=tags)
    client.set_registered_model_alias(home.store.model, "production", "3")


def files_gone(client: MlflowClient, home: Home) -> None:
    tags = client.get_model_version(home.store.model, "2").tags
    client.create_model_version(home.store.model, "/nowhere/on/this/disk", tags=tags)
    client.set_registered_model_alias(home.store.model, "production", "3")


def digest_edited(client: MlflowClient, home: Home) -> None:
    client.set_model_version_tag(home.store.model, "1", FACTS_TAG, "abc")


def origin_edited(client: MlflowClient, home: Home) -> None:
    client.set_model_version_tag(home.store.model, "1", "generated", "nein")


def capital(client: MlflowClient, home: Home) -> None:
    client.delete_registered_model_alias(home.store.model, "production")
    client.set_registered_model_alias(home.store.model, "Production", "1")


def model_deleted(client: MlflowClient, home: Home) -> None:
    client.delete_registered_model(home.store.model)


@contextmanager
def page(project: Project, home: Home) -> Iterator[FlaskClient]:
    """The page of this home; it follows nothing any more when it is left."""
    server = create_server(project, home.places, Serving.load(), PageSettings.load())
    try:
        yield server.test_client()
    finally:
        server.extensions["projects"].close()


@pytest.mark.parametrize(
    ("deed", "at_the_command_line", "on_the_page"),
    [
        (other_project, "registered by the project 'boots'", "cannot be served"),
        (another_program, "registered by another program", "cannot be served"),
        (files_elsewhere, "of version 3 lie at s3://nowhere/model, which", "cannot be served"),
        (files_gone, "of version 3 is gone from the registry", "are gone from the registry"),
        (digest_edited, "version 1 is damaged in the registry", "are damaged in the registry"),
        (origin_edited, "tag generated of version 1 was set in MLflow to 'nein'", "cannot be se"),
        (capital, "carries the alias 'Production', which is not", "carries the alias 'Production'"),
        (model_deleted, "nothing is in production", "nothing is in production yet"),
    ],
)
def test_production_that_cannot_be_served_is_one_sentence(
    home: Home,
    project: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    deed: Callable[[MlflowClient, Home], None],
    at_the_command_line: str,
    on_the_page: str,
) -> None:
    deed(connect(home.store), home)
    monkeypatch.setenv("CATWALK_HOME", str(home.places.home))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)  # of another test's server
    picture = tmp_path / "a.png"
    picture.write_bytes(png(SQUARE))
    for command in (["predict", str(picture)], ["export", "--to", str(tmp_path / "out")]):
        assert main(command) == 2
        said = capsys.readouterr().err
        assert at_the_command_line in said and len(said.splitlines()) == 1
        assert "does not answer" not in said
    assert main(["versions"]) == 0 and main(["history"]) == 0
    with page(project, home) as client:
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert on_the_page in ready.json["problem"]
        assert "does not answer" not in ready.json["problem"]


def test_tags_that_cannot_be_read_are_named_and_stop_nothing(
    home: Home,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for version, accuracy in (("1", "87,5 %"), ("2", "nan")):
        connect(home.store).set_model_version_tag(home.store.model, version, "accuracy", accuracy)
    monkeypatch.setenv("CATWALK_HOME", str(home.places.home))
    assert main(["versions"]) == 0
    said = capsys.readouterr().err.splitlines()
    assert said[1] == (
        "catwalk: the tag accuracy of version 1 was set in MLflow to '87,5 %': expected a share of "
        "1 such as 0.8750. Correct it there"
    )
    assert "version 2" in said[0] and "'nan'" in said[0]
    with page(project, home) as client:
        header = next(
            one
            for one in client.get("/_dash-dependencies").json
            if one["output"].startswith("..serving.children")
        )
        outputs = [one.split(".") for one in header["output"].strip(".").split("...")]
        look = {
            "output": header["output"],
            "outputs": [{"id": of, "property": what} for of, what in outputs],
            "inputs": [one | {"value": 1} for one in header["inputs"]],
            "state": header["state"],
            "changedPropIds": ["tick.n_intervals"],
        }
        shown = client.post("/_dash-update-component", json=look)
        assert shown.status_code == 200 and "version 1" in shown.text
        assert "test accuracy" not in shown.text


def made_again(home: Home, temperature: float = 3.0) -> None:
    """The registered model deleted, and another network registered as its version 1."""
    client = connect(home.store)
    first = client.get_model_version(home.store.model, "1")
    source = client.get_model_version_download_uri(home.store.model, "1").removeprefix("file://")
    folder = home.places.home / "another"
    shutil.copytree(source, folder)
    facts = json.loads((folder / FACTS).read_text())
    (folder / FACTS).write_text(json.dumps(facts | {"temperature": temperature}))
    client.delete_registered_model(home.store.model)
    client.create_registered_model(home.store.model)
    tags = {FACTS_TAG: sha256(folder / FACTS), CONTENT_TAG: "e" * 64, "backbone": "another"}
    client.create_model_version(
        home.store.model, folder.as_uri(), run_id=first.run_id, tags=first.tags | tags
    )
    client.set_registered_model_alias(home.store.model, "production", "1")


def test_a_model_that_was_made_again_is_another_one_though_its_number_is_the_same(
    home: Home, images: np.ndarray
) -> None:
    predictor = home.predictor()
    others = OtherVersions(home.store, Serving.load(), home.places.cache_dir)
    reports = VersionReports(home.store, home.places.cache_dir)
    predictor.refresh()
    before = predictor.current.probabilities(images[:4])
    assert others.classifier("1").temperature == predictor.current.temperature
    assert reports.report("1").tags["backbone"] == "tiny"
    made_again(home)
    predictor.refresh()
    assert predictor.problem is None and predictor.current.version == "1"
    assert predictor.current.temperature == others.classifier("1").temperature == 3.0
    assert np.abs(predictor.current.probabilities(images[:4]) - before).max() > 0.01
    assert reports.report("1").tags["backbone"] == "another"
    predictor.close()


def test_another_mlflow_behind_the_same_home_is_not_served_from_what_was_kept(
    home: Home, tmp_path: Path
) -> None:
    predictor = home.predictor()
    predictor.refresh()
    kept, before = home.cached / "1" / FACTS, predictor.current.temperature
    digest = sha256(kept)
    made_again(home, temperature=5.0)  # as a database of somebody else's would have it
    fresh = home.predictor()  # another process: only the disk knows the old one
    fresh.start()
    for one in fresh._threads[:1]:
        one.join(60)
    assert fresh.current.temperature == 5.0 != before and sha256(kept) != digest
    fresh.close()
    predictor.close()


def test_a_run_judges_what_it_registered_whatever_the_number_is_now(
    home: Home, first_run: FirstRun
) -> None:
    served = first_run.folder / "served"
    assert registered(home.store, "1", served).version == "1"
    assert registered(home.store, "2", served).version == "1", "2 has another content"
    model_deleted(connect(home.store), home)
    with pytest.raises(UserError, match="version 1, which this run registered, is not in"):
        registered(home.store, "1", served)


def test_a_run_that_was_deleted_takes_its_report_and_nothing_else(home: Home) -> None:
    client = connect(home.store)
    run = client.get_model_version(home.store.model, "1").run_id
    reports = VersionReports(home.store, home.places.cache_dir)
    client.delete_run(run)
    assert reports.report("1").tables["evaluation"], "until it is deleted for good"
    client.create_model_version(
        home.store.model, "s3://x/y", run_id="0" * 32, tags={CONTENT_TAG: "d" * 64}
    )
    with pytest.raises(UserError, match=f"the run {'0' * 32} of version 3 was deleted in MLflow"):
        reports.report("3")
    assert home.load().version == "1"
