"""What a version was made from, so that it can be made again: ``lineage.json`` of its run.

The snapshot of the images, every setting, the commit, the set of packages, and what was in
production when it was registered. `catwalk reproduce` starts from it.
"""

from __future__ import annotations

import hashlib
import platform
from dataclasses import asdict, dataclass, field
from importlib.metadata import distributions
from typing import Any

from model_zoo.errors import UserError
from model_zoo.registry.run_log import git_revision
from model_zoo.registry.versions import Version, content_of
from model_zoo.settings import CHECKOUT, Project
from model_zoo.settings.project import CHOSEN_BY, DECIDING, flattened

FILE = "lineage.json"
UNKNOWN = "unknown"
#: Of a version or a run: the version from whose weights its training went on.
STARTED_TAG = "started_from"


@dataclass(frozen=True)
class StartedFrom:
    """The version from whose weights training went on, and its content; empty: from none."""

    version: str = ""
    content: str = ""


@dataclass(frozen=True)
class Lineage:
    """What a version was made from.

    Attributes:
        settings: every value that decides the model, by its dotted name.
        snapshot: digest of the dataset.
        commit: of the source tree.
        constraints: SHA-256 of constraints.txt, the pinned set.
        packages: what was installed, by name.
        parent: version that was in production then, and ``parent_content`` its digest.
        start: version from whose weights training went on, and ``start_content`` its digest;
            empty: it began with those that the settings name.
    """

    project: str
    profile: str
    recipe: str
    settings: dict[str, Any]
    dataset: str
    snapshot: str
    commit: str
    constraints: str
    python: str
    machine: str
    parent: str = ""
    parent_content: str = ""
    start: str = ""
    start_content: str = ""
    packages: dict[str, str] = field(default_factory=dict)

    def tags(self) -> dict[str, str]:
        """What the registered version says of it."""
        return {
            "commit": self.commit,
            "constraints_sha256": self.constraints,
            "parent": self.parent or "none",
        } | ({STARTED_TAG: self.start} if self.start else {})

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, found: dict[str, Any]) -> Lineage:
        """From the file.

        Raises:
            UserError: it is of another layout.
        """
        try:
            return cls(**found)
        except TypeError:
            raise UserError(
                f"{FILE} of this version is of another layout: register one with a new run"
            ) from None


def deciding(project: Project) -> dict[str, Any]:
    """Every value that decides the model, by its dotted name, as JSON has it."""
    values = flattened(project.model_dump(mode="json", include=set(DECIDING)))
    return values | {CHOSEN_BY: project.judging.metric}


def lineage_here(
    project: Project,
    dataset: str,
    snapshot: str,
    production: Version | None = None,
    started: StartedFrom | None = None,
) -> Lineage:
    """What a model that is made here and now is made from."""
    return Lineage(
        project=project.name,
        profile=project.profile,
        recipe=project.recipe,
        settings=deciding(project),
        dataset=dataset,
        snapshot=snapshot,
        commit=git_revision(),
        constraints=constraints_digest(),
        python=platform.python_version(),
        machine=f"{platform.system()} {platform.machine()}",
        parent=production.version if production else "",
        parent_content=content_of(production) if production else "",
        start=started.version if started else "",
        start_content=started.content if started else "",
        packages={one.metadata["Name"].lower(): one.version for one in distributions()},
    )


def constraints_digest() -> str:
    """SHA-256 of the pinned set of packages, or "unknown" where its file is not there."""
    try:
        return hashlib.sha256((CHECKOUT / "constraints.txt").read_bytes()).hexdigest()
    except OSError:
        return UNKNOWN
