"""What is known of each file that was read before: a SQLite file, so that a kill loses little.

A file whose size and mark are those of the last look is not opened again. The index is a cache: if
it is lost, everything is read once more.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from operator import attrgetter
from pathlib import Path

from model_zoo.data.image_folder.listing import File
from model_zoo.errors import UserError
from model_zoo.files import cannot_write


@dataclass(frozen=True)
class Known:
    """One file as it was read.

    Attributes:
        size, mark: of the file then.
        digest: SHA-256 of its bytes; empty where it could not be read at all.
        problem: why it is broken; empty: it is not.
        format: by its first bytes: PNG, JPEG, ...
        grey: whether the prepared image has no colour.
        transparent: whether any pixel lets light through.
    """

    path: str
    size: int
    mark: str
    digest: str
    problem: str
    width: int
    height: int
    format: str
    grey: bool
    transparent: bool

    def is_still(self, file: File) -> bool:
        """Whether the file looks as it did."""
        return bool(self.mark) and (self.size, self.mark) == (file.size, file.mark)


NAMES = tuple(one.name for one in fields(Known))
COLUMNS = ", ".join(NAMES)
VALUES = attrgetter(*NAMES)  # in a twentieth of the time of `astuple`, which copies each
TABLES = (f"create table if not exists files ({COLUMNS}, primary key (path)) without rowid",)


class FileIndex:
    """Made by :func:`open_index`; for one process at a time."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection, self._path = connection, path

    def known(self) -> dict[str, Known]:
        """Every file by its path."""
        rows = self._connection.execute("select * from files")
        return {row[0]: Known(*row[:8], *map(bool, row[8:])) for row in rows}

    def note(self, files: Iterable[Known]) -> None:
        """Keep what was found, in the place of what was known.

        Raises:
            UserError: no room.
        """
        self._write("files", len(NAMES), map(VALUES, files))

    def _write(self, table: str, columns: int, rows: Iterable[tuple[object, ...]]) -> None:
        marks = ", ".join("?" * columns)
        try:
            with self._connection:
                self._connection.executemany(
                    f"insert or replace into {table} values ({marks})", rows
                )
        except sqlite3.OperationalError as error:
            raise cannot_write(self._path, OSError(0, str(error))) from error


@contextmanager
def open_index(path: Path) -> Iterator[FileIndex]:
    """The index in this file, made at the first call.

    Raises:
        UserError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=20)
    except (OSError, sqlite3.OperationalError) as error:
        raise cannot_write(path, OSError(0, str(error))) from error
    with closing(connection):
        try:
            for table in TABLES:
                connection.execute(table)
        except sqlite3.DatabaseError as error:
            raise UserError(
                f"{path} is damaged ({error}): delete it, and every file is read once more"
            ) from None
        yield FileIndex(connection, path)
