"""Small files in one place that the page and every worker reach, complete or absent.

A folder of this machine, or any location that fsspec knows. Files are written under a name of their
own and never changed, so that several processes on several machines need no lock between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from model_zoo.errors import Unavailable, UserError
from model_zoo.failures import is_away
from model_zoo.files import put_whole


class Shelf:
    """Files by their path below ``url``; nothing is made before the first is written."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def names(self, folder: str) -> dict[str, int]:
        """Names of the files of a folder, sorted, with their bytes.

        Raises:
            UserError: the place cannot be read; Unavailable while it does not answer.
        """
        with self._told():
            fs, root = self._opened()
            where = f"{root}/{folder}"
            fs.invalidate_cache(where)  # others write too
            try:
                found = fs.ls(where, detail=True)
            except FileNotFoundError:
                return {}
        sizes = {
            one["name"].rstrip("/").rpartition("/")[2]: int(one["size"] or 0)
            for one in found
            if one["type"] == "file"
        }
        return {name: sizes[name] for name in sorted(sizes) if not name.startswith(".")}

    def read(self, path: str) -> bytes | None:
        """The content of one file; None: it is not there."""
        return self.read_all([path]).get(path)

    def read_all(self, paths: Sequence[str]) -> Mapping[str, bytes]:
        """The contents of files, side by side where the place can; those that are gone are left
        out."""
        if not paths:
            return {}
        with self._told():
            fs, root = self._opened()
            whole = {f"{root}/{path}": path for path in paths}
            found = fs.cat(list(whole), on_error="return")
            if not isinstance(found, dict):  # fsspec's answer for one path
                found = {next(iter(whole)): found}
            for content in found.values():
                if isinstance(content, Exception) and not isinstance(content, FileNotFoundError):
                    raise content
        by_end = {name.rpartition(root)[2]: content for name, content in found.items()}
        contents = {path: by_end.get(f"/{path}") for path in paths}
        return {path: one for path, one in contents.items() if isinstance(one, bytes)}

    def write(self, path: str, content: bytes) -> None:
        """Write one file, whole or not at all; one that is there is replaced.

        Raises:
            UserError: no room, or no right to write.
        """
        with self._told():
            fs, root = self._opened()
            put_whole(fs, f"{root}/{path}", content)

    def remove(self, path: str) -> None:
        """Remove one file, if it is there."""
        with self._told():
            fs, root = self._opened()
            with suppress(FileNotFoundError):
                fs.rm_file(f"{root}/{path}")

    def _opened(self) -> tuple[Any, str]:
        import fsspec

        fs, path = fsspec.url_to_fs(self.url)
        return fs, str(path).rstrip("/")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except UserError:
            raise
        except Exception as error:  # each protocol's library has exceptions of its own
            reason = " ".join(str(error).split()) or type(error).__name__
            if is_away(error):
                raise Unavailable(
                    f"the place of corrections does not answer ({self.url}: {reason}): try again"
                ) from error
            raise UserError(
                f"the place of corrections cannot be used ({self.url}: {reason}): correct "
                "CATWALK_CORRECTIONS, or the rights and credentials that it takes"
            ) from error
