"""Where published weights lie: a file of an installed package, or in Keras' own cache."""

from __future__ import annotations

import hashlib
import io
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from model_zoo.errors import UserError


@dataclass(frozen=True)
class PackageFile:
    """A weights file that an installed package ships.

    Attributes:
        package: the package, as it is installed.
        version: the release that holds this very file.
        path: the file inside the package, from the folder that packages are installed in.
        sha256: its checksum: another release, a damaged file and a replaced one are refused.
    """

    package: str
    version: str
    path: str
    sha256: str

    def __str__(self) -> str:
        return f"{Path(self.path).name} of the package {self.package} {self.version}"

    @property
    def installed(self) -> Path | None:
        """Where the file lies, whatever is in it, or None."""
        try:
            path = Path(str(distribution(self.package).locate_file(self.path)))
        except PackageNotFoundError:
            return None
        return path if path.is_file() else None

    def find(self) -> Path:
        """The file, its checksum checked.

        Raises:
            UserError: not installed, or another file than the one that is expected.
        """
        path, release = self.installed, f"{self.package}=={self.version}"
        if path is None:
            raise UserError(f"{self} is not installed: install {release}")
        found = sha256_of(path)
        if found != self.sha256:
            raise UserError(
                f"{path} is not the file of {release}: expected the SHA-256 {self.sha256}. "
                f"Received: {found}, {path.stat().st_size} bytes. Install {release} again"
            )
        return path


def sha256_of(path: Path) -> str:
    """Checksum of a file's content, in hexadecimal."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def cached_by_keras(name: str) -> Path | None:
    """The file that Keras Applications keeps under a name, or None; nothing is downloaded."""
    import keras

    try:
        # Answers from the cache; only where that has no such file it says that it downloads, and
        # stops at the empty address.
        with redirect_stdout(io.StringIO()):
            return Path(keras.utils.get_file(name, "", cache_subdir="models"))
    except ValueError:
        return None
