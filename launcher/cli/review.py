"""`catwalk review`: what people said of answers, and what is to become of it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from model_zoo.errors import UserError

if TYPE_CHECKING:
    from model_zoo.data.corrections import Correction, Corrections
    from model_zoo.data.corrections.ranking import Ranking

STATES = {"accept": "accepted", "relabel": "relabelled", "reject": "rejected"}
ACTIONS = ("list", *STATES, "next")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        nargs="?",
        default="list",
        choices=ACTIONS,
        help="list (default): what waits; accept, relabel, reject: decide on some; next: which "
        "unlabelled images to label first",
    )
    parser.add_argument("ids", nargs="*", metavar="ID", help="corrections, as the list names them")
    parser.add_argument("--label", default="", help="relabel: what they are")
    parser.add_argument(
        "--by", default="", metavar="NAME", help="who decides; default: who is logged in"
    )
    parser.add_argument(
        "--accepted",
        action="store_true",
        help="list what was accepted, and whether the version since has learned it",
    )
    parser.add_argument("--all", action="store_true", help="list all, whatever was decided")


def run(given: argparse.Namespace) -> int:
    """Print, or decide."""
    from model_zoo.data.corrections import corrections_of
    from model_zoo.settings import Places, load_project

    places = Places.load()
    project = load_project(given.project, places=places)
    places = places.of(project.name)
    corrections = corrections_of(project.name, places)
    if given.action in STATES:
        return _decide(corrections, given)
    if given.ids:
        raise UserError(f"catwalk review {given.action} takes no ids: {' '.join(given.ids)}")
    if given.action == "next":
        from model_zoo.plugin_registry import discover
        from model_zoo.runs.what_to_label import rank_unlabelled

        discover(places.plugins_dir)
        print_ranking(rank_unlabelled(project, places, print))
    elif given.accepted:
        print_accepted(corrections)
    else:
        print_list(project.name, corrections, everything=given.all)
    return 0


def _decide(corrections: Corrections, given: argparse.Namespace) -> int:
    import getpass

    if not given.ids:
        raise UserError(f"catwalk review {given.action}: expected the ids of corrections")
    if given.action == "relabel" and not given.label:
        raise UserError("catwalk review relabel: expected --label and a class")
    who = given.by or getpass.getuser()
    state = STATES[given.action]
    for one in corrections.decide(given.ids, state, who, given.label):  # type: ignore[arg-type]
        print(f"{one.short}: {one.state} as {one.agreed}" if one.is_accepted else
              f"{one.short}: {one.state}")  # fmt: skip
    if state != "rejected":
        print("The next run trains on what was accepted.")
    return 0


def print_list(project: str, corrections: Corrections, *, everything: bool) -> None:
    """What waits, the oldest first, those of one picture together."""
    from model_zoo.data.corrections.together import by_picture

    found = corrections.all() if everything else corrections.waiting()
    if not found:
        print(f"No correction of {project} waits for review.")
        return
    names = ["id", "sent (UTC)", "they say", "it said", "sure", "version", "picture"]
    rows = [
        [
            one.short,
            one.received[:16].replace("T", " "),
            one.label,
            one.predicted,
            f"{one.confidence:.0%}",
            one.version,
            _picture(one, len(group)),
            *([_decided(one)] if everything else []),
        ]
        for group in by_picture(found)
        for one in group
    ]
    _print_table([*names, *(["decided"] if everything else [])], rows)
    if not everything:
        print("catwalk review accept|reject ID..., or relabel ID... --label CLASS")


def _picture(one: Correction, said: int) -> str:
    kept = "kept" if one.has_picture else "small only"
    return f"{kept}, {said} say" if said > 1 else kept


def _decided(one: Correction) -> str:
    if one.decision is None:
        return "waits"
    by = f" by {one.decision.who}" if one.decision.who else ""
    return f"{one.state} as {one.agreed}{by}" if one.is_accepted else f"{one.state}{by}"


def print_accepted(corrections: Corrections) -> None:
    """What was accepted: why it did not join, or what two versions make of it."""
    from model_zoo.data.corrections.learned import lessons_of
    from model_zoo.data.corrections.taken import read_taken

    accepted = corrections.accepted()
    if not accepted:
        print("Nothing was accepted yet.")
        return
    taken, lessons = read_taken(corrections), lessons_of(corrections)
    rows = []
    for one in accepted:
        version, lesson = lessons.get(one.id, ("", None))
        held = taken[one.id]["held"] if one.id in taken else ""
        if held:
            came = f"left out: {held}"
        elif lesson is None:
            came = "the next run trains on it"
        else:
            came = lesson.in_words
        rows.append(
            [
                one.short,
                one.agreed,
                f"{lesson.before} {lesson.before_confidence:.0%}"
                if lesson and lesson.before
                else "",
                f"{lesson.after} {lesson.after_confidence:.0%}" if lesson else "",
                version,
                came,
            ]
        )
    _print_table(["id", "it is", "before", "after", "version", "what came of it"], rows)


def print_ranking(ranking: Ranking) -> None:
    """Paths and scores, the first to label first."""
    if not ranking.first:
        print("Every image there has a label.")
        return
    rows = [
        [f"{one.score:.3f}", one.path, one.predicted, f"{one.confidence:.0%}"]
        for one in ranking.first
    ]
    _print_table(["score", "image", f"version {ranking.version} says", "sure"], rows)
    print("Label them in the page's tab Review, or move them into the folders of their classes.")


def _print_table(names: list[str], rows: list[list[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name in names:
        table.add_column(name, no_wrap=name == "id", overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
