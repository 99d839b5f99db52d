"""`catwalk ...`: every command of Catwalk. Exit status 0, 2 for a user's mistake, or 1."""

from __future__ import annotations

import argparse
import importlib
import io
import logging
import os
import sys
from collections.abc import Sequence

from model_zoo.processor import collect_seldom

#: Each command with its module and one line of help; a module is imported when it is needed.
COMMANDS = {
    "new": ("new", "look at images of yours, and write the project that trains on them"),
    "look": ("look", "what is in the images of a project"),
    "data": ("data", "snapshots of a project's images, and what changed between two"),
    "health": ("health", "wrong labels, leaks and useless pictures that the last run found"),
    "review": (
        "review",
        "what people said of answers: accept, relabel or reject; what to label next",
    ),
    "demo": ("demo", "retrain once through Airflow and print the scorecard"),
    "run": ("run", "the same workflow without Airflow"),
    "up": ("up", "MLflow, Airflow and the page together, until Ctrl-C"),
    "settings": ("settings", "every value of a project and where it comes from, as TOML"),
    "backbones": ("backbones", "the model zoo: what can be trained"),
    "versions": ("versions", "registered versions, newest first, with their aliases"),
    "compare": ("compare", "two versions side by side: what changed, and the images behind it"),
    "history": ("history", "when production moved, and why"),
    "promote": ("promote", "point production at a version"),
    "approve": ("approve", "say yes to a version that passed the gate, and promote it"),
    "rollback": ("rollback", "take production back, and reject what it was"),
    "reproduce": ("reproduce", "make a version again, and say what differs"),
    "predict": ("predict", "what a version makes of image files"),
    "clean": ("clean", "what nobody needs any more: told, and with --yes removed"),
    "backup": ("backup", "what a home cannot make again, in one file, while things run"),
    "restore": ("restore", "a home from a backup, at any path"),
    "upgrade": ("upgrade", "databases of an older version to this one's, after a copy of each"),
    "export": ("export", "copy the files of a version, with labels and calibration beside them"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    collect_seldom()
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["--version"]:
        print(f"catwalk {_version()}")
        return 0
    if not given or given[0] not in COMMANDS:
        _overview().parse_args(given)  # prints help, or what is wrong, and leaves
        return 2
    name, rest = given[0], given[1:]
    module, text = COMMANDS[name]
    command = importlib.import_module(f"launcher.cli.{module}")
    parser = argparse.ArgumentParser(prog=f"catwalk {name}", description=text)
    if name != "new":  # which makes one
        parser.add_argument(
            "--project", metavar="NAME|FILE", help="default: the one that CATWALK_PROJECT names"
        )
    command.add_arguments(parser)
    return _run(command, parser.parse_args(rest))


def _run(command: object, given: argparse.Namespace) -> int:
    from model_zoo.errors import UserError, exit_status
    from model_zoo.settings import check_variables

    if isinstance(sys.stdout, io.TextIOWrapper):  # a name that a terminal cannot print is escaped
        sys.stdout.reconfigure(errors="backslashreplace")
    # What the library tells servers in their logs, a command says itself.
    logging.getLogger("model_zoo").addHandler(logging.NullHandler())
    try:
        check_variables()
        return int(command.run(given))  # type: ignore[attr-defined]
    except UserError as error:
        print(f"catwalk: {error}", file=sys.stderr)
        return exit_status(error)
    except KeyboardInterrupt:
        print("Stopped. The same command goes on from here.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `catwalk settings | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        from model_zoo.failures import told, whose
        from model_zoo.settings import Places

        if whose(error) is None:
            raise  # a bug of ours
        print(f"catwalk: {told(error, lambda: Places.load().home)}", file=sys.stderr)
        return 1


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("catwalk")
    except PackageNotFoundError:  # an image has the files and no installed distribution
        import tomllib

        from model_zoo.settings import CHECKOUT

        return str(tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["version"])


def _overview() -> argparse.ArgumentParser:
    """What `catwalk --help` shows; the commands' own parsers are made by their modules."""
    top = argparse.ArgumentParser(
        prog="catwalk", description=__doc__, epilog="catwalk COMMAND --help says more."
    )
    top.add_argument("--version", action="store_true", help="print the version")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, text) in COMMANDS.items():
        commands.add_parser(name, help=text)
    return top


if __name__ == "__main__":
    raise SystemExit(main())
