"""What a run leaves for reviewers: did it learn what they accepted, and what to label next."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from first_run import FirstRun

from launcher.cli.main import main
from model_zoo.data.corrections import Limits, corrections_of
from model_zoo.data.corrections.learned import lessons_of
from model_zoo.data.corrections.ranking import label_unlabelled, ranking_of
from model_zoo.data.corrections.store import said_of
from model_zoo.data.fashion_mnist.source import generated_sample
from model_zoo.files import read_json
from model_zoo.images import png
from model_zoo.registry.run_files import fetch_run_file
from model_zoo.runs import run_records as records
from model_zoo.runs.folder import Run
from model_zoo.runs.images import joined_images, keep_split, official_part, training_images
from model_zoo.runs.reviewing import rank_what_has_no_label, tell_what_was_learned
from model_zoo.runs.runner import run_step
from model_zoo.settings import Places


def test_it_is_told_what_became_of_each_accepted_correction(
    second_run: Callable[..., Run], first_run: FirstRun, tmp_path: Path, capsys, monkeypatch
) -> None:
    run = second_run()
    places, project = run.places, run.project
    corrections = corrections_of(project.name, places)
    dataset = generated_sample().dataset
    pictures = [np.roll(image, 5, axis=0) for image in generated_sample().test.images[:3]]
    for image in pictures:
        said = said_of(
            image, "Bag", "Coat", 0.5, "1", image_shape=dataset.image_shape,
            preparation=dataset.preparation,
        )  # fmt: skip
        corrections.send(image, said, dataset.labels, "::1", Limits(9, 9, 9))
    corrections.decide([one.id for one in corrections.all()], "accepted", "Ada")
    (run.folder / "ingest.json").unlink()
    facts = run_step("ingest", project, places, "second")
    assert facts["joined"] == 3 and not facts["nothing_new"]

    training = official_part(run, "training")
    keep_split(run, training.labels, project.data)
    ours = {image.tobytes() for image in pictures}
    trained_on = {image.tobytes() for image in training_images(run).images[:]}
    assert ours <= trained_on, "whatever the split, they are trained on"
    assert {image.tobytes() for image in joined_images(run).images[:]} == ours

    shutil.copytree(first_run.folder / "served", run.folder / "served")
    said_words: list[str] = []
    object.__setattr__(run, "say", said_words.append)
    with records.parent_run(run) as parent:
        tell_what_was_learned(run, "2")
    assert said_words[-1].startswith("of 3 images that people labelled this version answers ")
    assert "version 1 in production" in said_words[-1]
    kept = fetch_run_file(run.store, parent, "review/corrections.json", tmp_path)
    assert kept is not None
    table = read_json(kept)
    assert table["production"] == "1" and len(table["rows"]) == 3
    lessons = lessons_of(corrections)
    for one in corrections.all():
        version, lesson = lessons[one.id]
        assert version == "2" and lesson.label == "Bag" and lesson.before == lesson.after
        assert lesson.in_words == ("known before" if lesson.after == "Bag" else "not learned")

    monkeypatch.setenv("CATWALK_HOME", str(places.home))
    assert main(["review", "--accepted"]) == 0
    told = capsys.readouterr().out
    assert "what came of it" in told and corrections.all()[0].short in told


def test_unlabelled_images_are_ranked_by_production_and_what_is_labelled_joins(
    second_run: Callable[..., Run], tmp_path: Path
) -> None:
    run = second_run()
    folder = tmp_path / "unlabelled"
    folder.mkdir()
    for number, image in enumerate(generated_sample().test.images[:12]):
        (folder / f"{number:02d}.png").write_bytes(png(np.roll(image, 4, axis=1)))
    shutil.copy(folder / "00.png", folder / "copy.png")
    (folder / "broken.png").write_bytes(b"no image")
    project = run.project.with_values({"data.unlabelled": str(folder)})
    object.__setattr__(run, "project", project)
    said: list[str] = []
    object.__setattr__(run, "say", said.append)
    rank_what_has_no_label(run)
    corrections = corrections_of(project.name, run.places)
    ranking = ranking_of(corrections)
    assert ranking is not None and ranking.count == 14 and len(ranking.first) == 12
    scores = [one.score for one in ranking.first]
    assert scores[0] > 0 and scores[0] == max(scores)
    assert any("12 unlabelled images to label first" in one for one in said)

    first = ranking.first[0]
    labelled = label_unlabelled(corrections, first.digest, "Bag", "Ada")
    assert labelled.is_accepted and labelled.path == first.path
    after = ranking_of(corrections)
    assert after is not None and len(after.first) == 11
    (run.folder / "ingest.json").unlink()
    facts = run_step("ingest", project, run.places, "second")
    assert facts["joined"] == 1
    (folder / first.path).unlink()  # what was labelled outlives its file


def test_the_command_decides_and_says_what_is_wrong(
    places: Places, tmp_path: Path, capsys, monkeypatch
) -> None:
    monkeypatch.setenv("CATWALK_CORRECTIONS", str(tmp_path / "corrections"))
    monkeypatch.setenv("COLUMNS", "160")
    here = Places.load()
    corrections = corrections_of("fashion-mnist", here)
    ids = []
    for value in (1, 1, 2):
        image = np.full((28, 28), value, np.uint8)
        said = said_of(image, "Coat", "Bag", 0.6, "1", image_shape=(28, 28, 1), preparation=())
        ids.append(corrections.send(image, said, ("Coat",), "::1", Limits(9, 9, 9)).short)
    assert main(["review"]) == 0
    listed = capsys.readouterr().out
    assert all(id in listed for id in ids) and "2 say" in listed
    assert main(["review", "accept", *ids[:1], "--by", "Ada"]) == 0
    assert main(["review", "relabel", ids[1], "--label", "Shirt", "--by", "Ada"]) == 0
    assert main(["review", "reject", ids[2]]) == 0
    capsys.readouterr()
    for arguments, words in (
        (["relabel", ids[0]], "expected --label"),
        (["accept"], "expected the ids"),
        (["accept", "feedbeef"], "'feedbeef' is not there"),
        (["next"], "set data.unlabelled"),
        (["list", "a"], "takes no ids"),
    ):
        assert main(["review", *arguments]) == 2
        assert words in capsys.readouterr().err
    assert main(["review", "--all"]) == 0
    listed = capsys.readouterr().out
    assert "accepted as Coat by Ada" in listed and "relabelled as Shirt by Ada" in listed
