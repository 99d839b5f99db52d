"""`catwalk ...`: every command of Catwalk. Exit status 0, 2 for a user's mistake, or 1."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from typing import Any

from launcher.cli import export as export_command
from launcher.cli import predict as predict_command
from model_zoo.config import Settings, load_settings
from model_zoo.errors import UserError
from model_zoo.recipes import PROFILES

# Settings that decide one run; the others come from the environment (CATWALK_...).
RUN_OPTIONS = (
    "recipe",
    "backend",
    "backbone",
    "weights",
    "image_size",
    "unfrozen_blocks",
    "search_trials",
    "search_algorithm",
    "epochs",
    "batch_size",
    "learning_rate",
    "train_limit",
    "promotion",
)
DEMO_OPTIONS = ("backbone", "search_trials", "epochs", "learning_rate")


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="catwalk", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text)

    one = add("demo", "retrain once through Airflow and print the scorecard")
    _add_settings(one, DEMO_OPTIONS)
    one = add("run", "the same workflow without Airflow, in this process")
    _add_settings(one, RUN_OPTIONS)
    one.add_argument("--name", help="names the run; that of an unfinished run continues it")
    one.add_argument(
        "--allow-sample", action="store_true", default=None,
        help="use the generated sample if no data can be had (default: no)",
    )  # fmt: skip
    add("up", "MLflow, Airflow and the page together, until Ctrl-C")
    one = add("backbones", "the model zoo: what can be trained")
    one.add_argument("pattern", nargs="?", default="*", help="shell wildcard (default: *)")
    one.add_argument(
        "--json", dest="as_json", action="store_true", help="print JSON instead of a table"
    )
    one.add_argument("--check", metavar="NAME", help="check one backbone against the contract")
    add("versions", "registered versions, newest first, with their aliases")
    add("history", "when production moved, and why")
    one = add("promote", "point production at a version")
    one.add_argument("version")
    one.add_argument("--reason", default="by hand", help="kept in the history (default: by hand)")
    add("rollback", "swap production and the version before it")
    predict_command.add_arguments(add("predict", "what a version makes of image files"))
    export_command.add_arguments(
        add("export", "copy the files of a version, with labels and calibration beside them")
    )
    return top


def _add_settings(command: argparse.ArgumentParser, names: tuple[str, ...]) -> None:
    command.add_argument("--profile", choices=list(PROFILES), help="default: quick")
    for name in names:
        field = Settings.model_fields[name]
        command.add_argument(
            f"--{name.replace('_', '-')}",
            metavar=name.upper(),
            help=f"{field.description} Default: {field.default}, unless the profile says other.",
        )


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    given = vars(parser().parse_args(arguments))
    command = COMMANDS[given.pop("command")]
    try:
        return command(given)
    except UserError as error:
        print(f"catwalk: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped. The same command goes on from here.", file=sys.stderr)
        return 130


def _demo(given: dict[str, Any]) -> int:
    from launcher.local.demo import demo

    settings = load_settings(allow_sample=True, **given)
    chosen = {name: getattr(settings, name) for name, value in given.items() if value is not None}
    return demo(settings, chosen)


def _run(given: dict[str, Any]) -> int:
    from launcher.step_process import run_step as in_a_process
    from model_zoo.runs.runner import quiet, run_all, run_step
    from model_zoo.runs.scorecard import print_scorecard

    quiet()
    name = given.pop("name") or datetime.now(UTC).strftime("run-%Y-%m-%dT%H-%M-%S")
    settings = load_settings(**given)
    print(f"Run {name}. To continue it after a stop: catwalk run --name {name} ...", flush=True)

    def other_backend(step: str, settings: Settings, name: str) -> dict[str, Any]:
        return in_a_process(step, settings, name, given, print)

    run_all(
        settings,
        name,
        lambda step, facts: print(
            f"{step} ({facts['step_seconds']:.0f} s): {facts['summary']}", flush=True
        ),
        # A process has one backend, and the export needs TensorFlow.
        run_step if settings.backend == "tensorflow" else other_backend,
    )
    print_scorecard(settings, name)
    return 0


def _up(_: dict[str, Any]) -> int:
    from launcher.local.up import up

    return up(load_settings())


def _backbones(given: dict[str, Any]) -> int:
    from launcher.cli.backbones import backbones

    return backbones(load_settings(), **given)


def _versions(_: dict[str, Any]) -> int:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from model_zoo.registry.versions import list_versions

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    # Two lines a version: a terminal of 80 columns, or a pipe, cuts nothing off.
    for name in ("version", "aliases", "accuracy", "backbone", "data", "gate", "made (UTC)"):
        table.add_column(name, no_wrap=name != "backbone", overflow="fold")
    for one in list_versions(load_settings()):
        accuracy = one.tags.get("accuracy")
        table.add_row(
            one.version,
            "\n".join(one.aliases),
            f"{float(accuracy):.2%}" if accuracy else "",
            f"{one.tags.get('backbone', '')}\nweights {one.tags.get('weights', 'unknown')}",
            one.tags.get("dataset_source", ""),
            one.tags.get("gate", ""),
            f"{one.created:%Y-%m-%d\n%H:%M}",
        )
    if not table.row_count:
        print("Nothing is registered yet: run `catwalk demo`.")
        return 0
    Console().print(table)
    return 0


def _history(_: dict[str, Any]) -> int:
    from model_zoo.registry.versions import history

    moves = history(load_settings())
    for when, what in moves:
        print(f"{when}  {what}")
    if not moves:
        print("Nothing has been in production yet.")
    return 0


def _promote(given: dict[str, Any]) -> int:
    from model_zoo.registry.versions import promote

    promoted = promote(load_settings(), given["version"], given["reason"])
    print(f"production is version {promoted.version}")
    return 0


def _rollback(_: dict[str, Any]) -> int:
    from model_zoo.registry.versions import rollback

    print(f"production is version {rollback(load_settings()).version}")
    return 0


COMMANDS = {
    "demo": _demo,
    "run": _run,
    "up": _up,
    "backbones": _backbones,
    "versions": _versions,
    "history": _history,
    "promote": _promote,
    "rollback": _rollback,
    "predict": predict_command.predict,
    "export": export_command.export,
}

if __name__ == "__main__":
    raise SystemExit(main())
