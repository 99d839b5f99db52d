"""What a person sees of a run: lines, a bar, the time to the end; and a step that says nothing."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest
from rich.console import Console
from rich.spinner import Spinner

from launcher import step_process
from launcher.progress.display import drawn, shown, spoken
from launcher.progress.speaker import Speaker
from launcher.progress.words import duration, in_a_line
from launcher.progress.workflow import USUAL, Standing, Watched, seconds_left, usual_seconds
from model_zoo.files import write_json
from model_zoo.progress import Part, Report
from model_zoo.runs.folder import open_run, progress_folder
from model_zoo.runs.steps import STEPS
from model_zoo.settings import Places, Project

NOW = 5000.0
SEARCH = Part("search", "trials", 20, True, best="91.20%", done=4, began=NOW - 100, noted=NOW - 30)
TRIAL = Part(
    "trial 4", "images", 4000, now="epoch 2 of 4", done=2000, rate=812, began=NOW - 5, noted=NOW
)
TRAINING = Part(
    "training", "images", 54_000, True, now="epoch 1 of 2", done=12_300, rate=104, best="88.10%",
    began=NOW - 120, noted=NOW,
)  # fmt: skip
EXPORT = Part("export", "formats", 6, done=2, began=NOW - 60, noted=NOW - 12)
CONVERTING = Part("converting to litert-int8", began=NOW - 12, noted=NOW - 12)


def searching(*trials: Part) -> tuple[Report, ...]:
    helpers = (Report(f"process {n}", (trial,)) for n, trial in enumerate(trials, start=1))
    return (Report("main", (SEARCH,)), *helpers)


def standing(reports: tuple[Report, ...] = (), **changed: object) -> Standing:
    made = Standing("tune", 4, reports, NOW, 20.0, "starting", 95.0, 130.0)
    return replace(made, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reports", "line"),
    [
        (
            searching(TRIAL),
            "search: 4 of 20 trials, best 91.20%, about 6 min left; "
            "trial 4: epoch 2 of 4, 2,000 of 4,000 images, 812 images/s, about 2 s left",
        ),
        (
            (Report("main", (TRAINING,)),),
            "training: epoch 1 of 2, 12,300 of 54,000 images, 104 images/s, best 88.10%, "
            "about 7 min left",
        ),
        (
            (Report("main", (EXPORT, CONVERTING)),),
            "export: 2 of 6 formats; converting to litert-int8: for 12 s",
        ),
        (
            (Report("main", (replace(TRAINING, now="", best="", noted=NOW - 35),)),),
            "training: 12,300 of 54,000 images, nothing new for 35 s, about 7 min left",
        ),
        (
            (Report("main", (replace(TRIAL, now="", done=0, rate=0, noted=NOW - 5),)),),
            "trial 4: 0 of 4,000 images, for 5 s",
        ),
        ((Report("main", ()),), "at work, for 20 s"),
        ((), "starting, for 20 s"),
    ],
)
def test_a_line_says_on_what_how_fast_and_for_how_long(
    reports: tuple[Report, ...], line: str
) -> None:
    assert in_a_line(reports, NOW, 20.0) == line


def test_trials_side_by_side_each_have_their_words() -> None:
    line = in_a_line(searching(TRIAL, replace(TRIAL, what="trial 5", done=0, rate=0)), NOW, 20.0)
    assert "; trial 4: epoch 2 of 4" in line and "; trial 5: epoch 2 of 4" in line


def test_before_the_first_trial_has_ended_the_search_is_judged_by_it() -> None:
    none_yet = Report("main", (replace(SEARCH, done=0, best=""),))
    line = in_a_line((none_yet, Report("process 1", (replace(TRIAL, rate=100),))), NOW, 20.0)
    # 5 s so far and 20 s to go, then 19 of such trials: 495 s.
    assert line.startswith("search: 0 of 20 trials, about 8 min left; ")


@pytest.mark.parametrize(
    ("seconds", "said"), [(4.4, "4 s"), (89, "89 s"), (200, "3 min"), (4250, "1 h 11 min")]
)
def test_times_are_said_as_people_do(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_a_speaker_is_neither_silent_nor_a_chatterbox() -> None:
    now, said = [0.0], []
    speaker = Speaker(lambda: "converting", lambda line: said.append(now[0]), 6.0, lambda: now[0])
    for second in range(1, 61):
        now[0] = second
        if second == 10:
            speaker.heard()  # the step itself says a sentence
        speaker.tick()
    gaps = [b - a for a, b in zip([0.0, *said], said, strict=False)]
    assert max(gaps) <= 10 and min(gaps) >= 6 and said[:2] == [6, 16]


SILENT = """
import sys, time
time.sleep(3.5)  # as a converter that lets no Python run
print("converted", flush=True)
sys.exit(2)
"""


def test_a_step_that_says_nothing_is_spoken_for(
    places: Places, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "says_nothing.py").write_text(SILENT)
    here = places.model_copy(update={"home": tmp_path / "home"})
    folder = open_run(project, here, "silent").folder
    reports = progress_folder(here, folder, "register")
    write_json(reports / "main.json", [asdict(CONVERTING)])
    said: list[str] = []
    with pytest.raises(step_process.UserError, match=r"^converted$"):
        step_process.run_step(
            "register", project, here, "silent", {}, said.append, "says_nothing", speak_every=1.0
        )
    assert said[-1] == "converted" and 1 <= len(said[:-1]) <= 6
    assert all(line.startswith("converting to litert-int8: for ") for line in said[:-1])
    assert (folder / step_process.LOG).read_text() == "register: converted\n", "of the step alone"


def test_without_a_terminal_there_are_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert spoken(standing(searching(TRIAL))).startswith("tune (4 of 9): search: 4 of 20 trials")
    assert spoken(standing()) == "tune (4 of 9): starting, for 20 s; about 2 min to the end"
    with shown(standing, Console(force_terminal=False)):
        pass
    assert capsys.readouterr().out == "", "no control characters, and no line before its time"


@pytest.mark.parametrize("width", [80, 120])
def test_on_a_terminal_there_is_a_bar_for_the_run_and_for_each_part(width: int) -> None:
    console = Console(record=True, force_terminal=True, width=width, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(drawn(standing(searching(TRIAL)), Spinner("dots")))
    lines = console.export_text().splitlines()
    assert sum("━" in line for line in lines) == 3 and max(map(len, lines)) <= width
    text = " ".join(" ".join(lines).replace("━", " ").replace("╺", " ").split())
    assert "tune step 4 of 9, 1:35 so far, about 2 min to the end" in text
    assert "search: 4 of 20 trials, best 91.20%, about 6 min left" in text
    assert "trial 4: epoch 2 of 4, 2,000 of 4,000 images, 812 images/s, about 2 s left" in text


def test_what_is_printed_meanwhile_stays_above_the_bar() -> None:
    import io

    stream = io.StringIO()
    console = Console(force_terminal=True, width=100, file=stream)
    with shown(lambda: standing(searching(TRIAL)), console):
        print("trial 3: validation 90.10%")
    text = stream.getvalue()
    assert text.index("trial 3: validation") < text.rindex("search: 4 of 20")


USUALLY = {"tune": 100.0, "train": 200.0, "evaluate": 20.0, "register": 60.0}


@pytest.mark.parametrize(
    ("took", "waited", "measured", "left", "why"),
    [
        ({}, 0, None, 412, "nothing is known: as usual, and 8 s between steps"),
        ({"tune": 100.0}, 50, None, 245, "as usual: 165 + 20 + 60, 5 s between steps"),
        ({"tune": 220.0}, 50, None, 540, "half as fast: what is to come takes twice as long"),
        ({"tune": 100.0}, 100, 300, 420, "the training measures itself: 400 s, not 200"),
        ({"tune": 100.0}, 900, None, 270, "overdue: nobody knows more"),
    ],
)
def test_the_time_to_the_end(
    took: dict[str, float], waited: float, measured: float | None, left: float, why: str
) -> None:
    todo = [step for step in USUALLY if step not in took]
    until_here = sum(took.values()) + 5 * len(took)
    found = seconds_left(USUALLY, took, todo, until_here, waited, measured)
    assert found == pytest.approx(left, rel=0.1), why


def test_a_run_is_followed_through_its_folders(
    places: Places, project: Project, tmp_path: Path
) -> None:
    here = places.model_copy(update={"home": tmp_path / "home"})
    now = [NOW - 60]
    folder = open_run(project, here, "demo-1").folder
    write_json(folder / "ingest.json", {"step_seconds": 2.0})
    watched = Watched(project, here, "demo-1", lambda: now[0])
    assert watched.standing().step == "preprocess", "ingest was done before"
    now[0] = NOW - 20
    write_json(folder / "preprocess.json", {"step_seconds": 28.0})
    assert watched.standing().step == "health"
    write_json(folder / "health.json", {"step_seconds": 10.0})
    assert watched.standing().step == "tune"
    for name, part in (("main", SEARCH), ("process 1", TRIAL)):
        write_json(progress_folder(here, folder, "tune") / f"{name}.json", [asdict(part)])
    now[0] = NOW
    seen = watched.standing()
    assert (seen.number, seen.waited, seen.elapsed) == (4, 20, 60)
    assert [report.process for report in seen.reports] == ["main", "process 1"]
    assert seen.left > USUAL["train"] > 0
    for step in STEPS[2:]:
        write_json(folder / f"{step}.json", {"step_seconds": 1.0})
    assert watched.standing().left == 0


def test_the_last_run_with_the_same_settings_says_how_the_steps_compare(
    places: Places, project: Project, tmp_path: Path
) -> None:
    here = places.model_copy(update={"home": tmp_path / "home"})
    assert usual_seconds(project, here) is USUAL
    folder = open_run(project, here, "demo-1").folder
    values = {name: str(value) for name, value in project.deciding().items()}
    write_json(folder / "settings.json", values)
    for step in STEPS[:-1]:
        write_json(folder / f"{step}.json", {"step_seconds": 3.0})
    assert usual_seconds(project, here) is USUAL, "it has not ended"
    write_json(folder / f"{STEPS[-1]}.json", {"step_seconds": 3.0})
    assert usual_seconds(project, here) == dict.fromkeys(STEPS, 3.0)
    other = project.with_values({"training.epochs": 99})
    assert usual_seconds(other, here) is USUAL
