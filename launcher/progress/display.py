"""A bar that stays at the foot of a terminal; where there is none, lines."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from launcher.progress.speaker import Speaker
from launcher.progress.words import duration, facts_of, in_a_line
from launcher.progress.workflow import Standing
from model_zoo.progress import Part
from model_zoo.runs.steps import STEPS

REFRESHES = 4  # a second
BAR = 20  # columns


@contextmanager
def shown(
    standing: Callable[[], Standing],
    console: Console,
    say: Callable[[str], None] = lambda line: print(line, flush=True),
) -> Iterator[Callable[[], None]]:
    """While the block runs, show where the run stands; yields what is called after a line was said.

    On a terminal the bar stays below everything that is printed meanwhile.
    """
    if console.is_terminal:
        spinner = Spinner("dots")
        live = Live(
            console=console,
            get_renderable=lambda: drawn(standing(), spinner),
            refresh_per_second=REFRESHES,
            transient=True,
        )
        with live:
            yield lambda: None
        return
    speaker = Speaker(lambda: spoken(standing()), say)
    with _ticking(speaker):
        yield speaker.heard


@contextmanager
def _ticking(speaker: Speaker) -> Iterator[None]:
    over = threading.Event()

    def tick() -> None:
        while not over.wait(1.0):
            speaker.tick()

    thread = threading.Thread(target=tick, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def spoken(now: Standing) -> str:
    """Where a run stands, in a line."""
    what = in_a_line(now.reports, now.now, now.waited, now.waits)
    end = f"about {duration(now.left)} to the end"
    return f"{now.step} ({now.number} of {len(STEPS)}): {what}; {end}" if now.step else end


def drawn(now: Standing, spinner: Spinner) -> RenderableType:
    """Where a run stands: a bar for all of it, and one for each part that is at work."""
    whole = Text.assemble(
        (now.step or "done", "bold"),
        f"  step {now.number} of {len(STEPS)}, {_clock(now.elapsed)} so far, ",
        (f"about {duration(now.left)} to the end", "cyan"),
    )
    rows = Table.grid(padding=(0, 1))
    rows.add_column(width=1)
    rows.add_column(width=BAR)
    rows.add_column()  # a narrow terminal wraps it: the time left comes last
    rows.add_row(spinner, _bar(now.fraction, "cyan"), whole)
    parts = list(facts_of(now.reports, now.now))
    for part, facts in parts:
        what = f"{part.what}: {', '.join(facts)}" if facts else part.what
        rows.add_row("", _bar_of(part), Text(what))
    if not parts:
        rows.add_row("", "", Text(in_a_line(now.reports, now.now, now.waited, now.waits)))
    return Group(Text(""), rows)


def _bar_of(part: Part) -> RenderableType:
    return _bar(part.fraction, "green") if part.total else Text("")


def _bar(fraction: float, style: str) -> ProgressBar:
    return ProgressBar(1.0, fraction, width=BAR, complete_style=style, finished_style=style)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"
