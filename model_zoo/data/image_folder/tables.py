"""Tables of paths and labels: CSV, JSON lines, Parquet; each row a dictionary."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from typing import Any

from model_zoo.data.image_folder.listing import URL, cannot_read, open_url
from model_zoo.errors import UserError

#: Columns that may hold the path: the first is that of Hugging Face's ImageFolder.
PATH_COLUMNS = ("file_name", "path", "image", "file", "filename")
SPLIT_COLUMNS = ("split", "part", "subset")
#: What images belong to that must not be torn apart: a patient, a session, a product.
GROUP_COLUMN = "group"

Row = dict[str, Any]


def read_table(path: str) -> list[Row]:
    """The rows of a table on this machine or at a URL.

    Raises:
        UserError: it cannot be read, or is not what its suffix says.
    """
    content = read_bytes(path)
    try:
        if path.lower().endswith(".parquet"):
            import pyarrow.parquet

            return list(pyarrow.parquet.read_table(io.BytesIO(content)).to_pylist())
        text = content.decode("utf-8-sig")
        if path.lower().endswith(".jsonl"):
            return [dict(json.loads(line)) for line in text.splitlines() if line.strip()]
        return list(csv.DictReader(io.StringIO(text)))
    except Exception as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path} is not the table that its name says: {reason}") from None


def read_bytes(path: str) -> bytes:
    """The content of a file on this machine or at a URL.

    Raises:
        UserError: it cannot be read.
    """
    try:
        if URL in path:
            fs, inside = open_url(path)
            return bytes(fs.cat_file(inside))
        with open(path, "rb") as file:
            return file.read()
    except UserError:
        raise
    except Exception as error:
        raise cannot_read(path, error) from error


def column(path: str, rows: list[Row], wanted: Iterable[str], what: str) -> str:
    """The column of a table that holds ``what``.

    Raises:
        UserError: it has none of them; says which it has.
    """
    names = tuple(wanted)
    found = find_column(rows, names)
    if found is None:
        there = ", ".join(map(str, rows[0])) if rows else "no row"
        raise UserError(
            f"{path}: expected a column {' or '.join(names)} for {what}. It has {there}"
        )
    return found


def find_column(rows: list[Row], wanted: Iterable[str]) -> str | None:
    """The first of these columns that the table has."""
    return next((name for name in wanted if rows and name in rows[0]), None)
