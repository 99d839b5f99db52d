"""Files of versions that nobody needs any more: told, then removed; figures and history stay."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from model_zoo.registry.client import answered_by
from model_zoo.registry.exclusive import Write, alone_with
from model_zoo.registry.served_files import FACTS, folder_in_home, list_served_files
from model_zoo.registry.store import Store
from model_zoo.registry.versions import Version, list_versions

#: Tag of a version whose files were removed: when.
CLEANED_TAG = "files_removed"


def without_need(store: Store, keep: int) -> list[Version]:
    """Versions that carry no alias and are not among the ``keep`` newest, their files still there.

    A version that waits for an approval carries ``candidate``.
    """
    return [
        one
        for one in list_versions(store)[keep:]
        if not one.aliases and CLEANED_TAG not in one.tags
    ]


def model_files(store: Store, version: str) -> list[tuple[str, int, Path | None]]:
    """What a version would lose: name, bytes, and the path where it lies on this disk."""
    lies = folder_in_home(store, version)
    if lies is not None and not lies.is_dir():
        return []
    return [
        (name, size, None if lies is None else lies / name)
        for name, size in list_served_files(store, version)
        if name != FACTS
    ]


def remove_files(store: Store, version: str) -> bool:
    """Remove the files of a version, unless somebody has given it an alias meanwhile.

    The tag is written first, while nobody moves an alias: a version that says nothing is whole.
    """
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    files = model_files(store, version)
    with alone_with(store) as registry:
        if version in registry.aliases().values():
            return False
        when = datetime.now(UTC).isoformat(timespec="seconds")
        registry.write(Write("version tag", CLEANED_TAG, when, version))
    with answered_by(store) as client:
        for name, _, path in files:
            if path is not None:
                path.unlink(missing_ok=True)
                continue
            location = client.get_model_version_download_uri(store.model, version)
            get_artifact_repository(location, store.uri).delete_artifacts(name)
    return True
