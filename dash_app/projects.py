"""Every project of the folder, each opened when somebody first asks for it.

What a project needs is an object, its :class:`Context`; nothing of it is shared with another but
the bound of memory. A file that cannot be read disturbs no other project.
"""

from __future__ import annotations

import difflib
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dash_app.answers import Answers, Shared
from dash_app.metrics import Metrics
from dash_app.page.context import Context
from dash_app.settings import PageSettings
from dash_app.status import Listed, nothing_yet, public, status_of
from model_zoo.errors import UserError
from model_zoo.predictor import ModelMemory, ProductionPredictor
from model_zoo.registry.store import store_of
from model_zoo.registry.versions import alias_of_all
from model_zoo.settings import Places, Project, Serving, list_projects, load_project

log = logging.getLogger(__name__)


class UnknownProject(UserError):
    """No project has this name."""


class UnusableProject(UserError):
    """The file of the project cannot be read; others are not disturbed."""


class Projects:
    """The projects that one server knows; safe for several threads."""

    def __init__(
        self,
        default: Project,
        places: Places,
        serving: Serving,
        page: PageSettings,
        metrics: Metrics,
    ) -> None:
        """Open ``default``, and look for the others in the background from now on.

        Args:
            default: what ``/`` serves; the only one that need not lie in the folder of projects.
        """
        self.places, self.serving, self.page, self.metrics = places, serving, page, metrics
        self.memory = ModelMemory(int(serving.models_mb * 10**6))
        self.shared = Shared(serving, page)
        self._opened: dict[str, Context] = {}
        self._seen: dict[str, Seen] = {}
        self._in_production: dict[str, str] = {}  # versions, by registered model
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self.default = self._open(default)
        self.default.predictor.start()
        self._thread = threading.Thread(target=self._follow, name="follow-projects", daemon=True)
        self._thread.start()

    def find(self, name: str) -> Context:
        """The context of a project, its version loaded; the first to ask waits for that.

        Raises:
            UnknownProject: there is none of that name; says the nearest.
            UnusableProject: its file cannot be read.
        """
        context = self._opened.get(name)
        if context is None:
            context = self._open(self._read(name))
        context.predictor.start()
        return context

    def listed(self) -> list[Listed]:
        """All of them, the default first, as they were when somebody looked last."""
        default = self.default.project.name
        seen = self._seen
        return [
            self._listed(one, seen.get(one)) for one in (default, *sorted(seen.keys() - {default}))
        ]

    def _listed(self, name: str, seen: Seen | None) -> Listed:
        broken = seen.project if seen is not None and isinstance(seen.project, str) else None
        context = self._opened.get(name)
        if context is not None:
            status = status_of(context.predictor)
            loaded = context.predictor.held_bytes > 0
            return Listed(name, status.version, status.problem or broken, loaded)
        if seen is None or isinstance(seen.project, str):
            return Listed(name, None, broken, broken=True)
        version = self._in_production.get(seen.project.registered_model)
        return Listed(name, version, None if version else nothing_yet(name))

    def opened(self) -> Mapping[str, Context]:
        """Those that somebody has asked for, by name."""
        return dict(self._opened)

    def close(self) -> None:
        """Stop following; no thread of it is left then."""
        self._stopped.set()
        self._thread.join()
        for context in self.opened().values():
            context.predictor.close()
        self.shared.decoders.close()

    def _open(self, project: Project) -> Context:
        with self._lock:
            if project.name not in self._opened:
                self._opened[project.name] = self._context(project)
            return self._opened[project.name]

    def _context(self, project: Project) -> Context:
        store = store_of(project, self.places)
        predictor = ProductionPredictor(store, self.serving, self.places.cache_dir, self.memory)
        answers = Answers(predictor, self.metrics.of(project.name), self.shared)
        return Context(project, self.places, self.serving, self.page, store, predictor, answers)

    def _read(self, name: str) -> Project:
        files = list_projects(self.places.projects_dir)
        if name not in files:
            raise UnknownProject(_no_project(name, [self.default.project.name, *files]))
        found = _load(files[name], self.places)
        if isinstance(found, str):
            raise UnusableProject(found)
        return found

    def _follow(self) -> None:
        while True:
            try:
                self.look()
            except Exception as error:  # the next look may go better
                log.warning("projects not looked for: %s", error)
            if self._stopped.wait(self.serving.poll_seconds):
                return

    def look(self) -> None:
        """See which files there are, and what is in production; done again and again."""
        files = list_projects(self.places.projects_dir)
        self._seen = {name: self._look_at(name, file) for name, file in files.items()}
        default = self.default.project.name
        for name in self.opened().keys() - files.keys() - {default}:
            gone = self._opened.pop(name)
            gone.predictor.close()
            gone.others.let_go()
        for context in self.opened().values():
            context.ages.refresh()
        if files.keys() - {default}:
            self._in_production = alias_of_all(self.default.store, "production")

    def _look_at(self, name: str, file: Path) -> Seen:
        """What is known of a file that has not changed, else what is in it now.

        One that cannot be read is read again each time: what is wrong may lie in its profile.
        """
        try:
            found = file.stat()
            age = (found.st_mtime_ns, found.st_size)
        except OSError:  # gone since it was listed: the next look knows
            age = (0, 0)
        last = self._seen.get(name)
        if last is not None and last.age == age and not isinstance(last.project, str):
            return last
        return Seen(age, _load(file, self.places))


@dataclass(frozen=True)
class Seen:
    """A project's file at one time.

    Attributes:
        age: its time of change in nanoseconds, and bytes.
        project: what is in it, or why it cannot be used.
    """

    age: tuple[int, int]
    project: Project | str


def _load(file: Path, places: Places) -> Project | str:
    try:
        return load_project(str(file), places=places)
    except UserError as error:
        said = str(error).replace(str(file), file.name)
        return f"the file of project {file.stem} cannot be used: {public(UserError(said))}"


def _no_project(name: str, known: list[str]) -> str:
    names = list(dict.fromkeys(known))
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(names[:10])}"
    return f"no project {name[:63]!r}: {hint}"
