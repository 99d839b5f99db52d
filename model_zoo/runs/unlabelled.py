"""Images that nobody has labelled yet: those of ``data.unlabelled``."""

from __future__ import annotations

from pathlib import Path

from model_zoo.data.image_folder.listing import URL, File, list_files, open_url
from model_zoo.errors import UserError
from model_zoo.settings import DataSettings


def unlabelled_files(data: DataSettings) -> list[File]:
    """Every picture of the folder, by path.

    Raises:
        UserError: none is named, it is not there or cannot be read.
    """
    if not data.unlabelled:
        raise UserError(
            "there is no folder of unlabelled images: set data.unlabelled to one in the project"
        )
    return list_files(data.unlabelled.rstrip("/")).images


def content_of(data: DataSettings, path: str) -> bytes | None:
    """The bytes of one of them; None: it is gone."""
    root = data.unlabelled.rstrip("/")
    if not root or ".." in Path(path).parts:
        return None
    if URL not in root:
        try:
            return Path(root, path).read_bytes()
        except OSError:
            return None
    fs, below = open_url(root)
    try:
        return bytes(fs.cat_file(f"{below.rstrip('/')}/{path}"))
    except FileNotFoundError:
        return None
