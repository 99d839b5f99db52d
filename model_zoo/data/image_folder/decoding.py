"""Files to pixels in a pool of processes, by the decoder and the steps that the page uses."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from model_zoo.data.image_folder.file_index import Known
from model_zoo.data.image_folder.listing import URL, File, open_url
from model_zoo.data.near_duplicates import prints_of
from model_zoo.data.pixel_store import look_of
from model_zoo.errors import UserError
from model_zoo.images import (
    decode_for,
    image_of,
    photographs,  # noqa: F401  # registers the steps
)
from model_zoo.owner import end_with_owner
from model_zoo.processor import collect_seldom, keep_memory, usable_cores

#: Files that a process is given at once; so many requests to a storage run side by side.
FILES_AT_ONCE = 32
#: Parts that wait for each process, so that none runs dry.
WAITING = 3
CRASHED = "the decoder crashed on it"
BLAS_THREADS = "OPENBLAS_NUM_THREADS"
SIGNATURES = {
    b"\x89PNG": "PNG",
    b"\xff\xd8": "JPEG",
    b"RIFF": "WebP",
    b"GIF8": "GIF",
    b"BM": "BMP",
}


@dataclass(frozen=True)
class Wanted:
    """What files become: ``root`` is where they lie, the rest as ``images.prepare`` takes it."""

    root: str
    image_shape: tuple[int, int, int]
    preparation: tuple[str, ...]
    max_pixels: int


class Decoded(NamedTuple):
    """A file: what is known of it and, unless it is broken, its pixels with what the store keeps
    beside them (``data.pixel_store``)."""

    known: Known
    pixels: np.ndarray | None = None
    look: str = ""
    print: np.ndarray | None = None


@dataclass(frozen=True)
class Packed:
    """Decoded files on their way between processes, arrays in one piece: ``pixels`` uint8
    (n, h, w[, 3]) of the n that are whole, their ``looks`` and ``prints``."""

    known: list[Known]
    pixels: np.ndarray
    looks: list[str]
    prints: np.ndarray

    def one_by_one(self) -> Iterator[Decoded]:
        """The files again."""
        whole = zip(self.pixels, self.looks, self.prints, strict=True)
        for known in self.known:
            yield Decoded(known) if known.problem else Decoded(known, *next(whole))


def decode_files(files: Sequence[File], wanted: Wanted, processes: int = 0) -> Iterator[Decoded]:
    """What is in each file and its pixels, in no certain order; None where it is broken.

    A file that takes its process down is found out, and broken.

    Args:
        processes: side by side; 0: one a core that this machine, or its container, has.

    Raises:
        UserError: the location cannot be read.
    """
    processes = processes or usable_cores()
    parts = [files[start : start + FILES_AT_ONCE] for start in range(0, len(files), FILES_AT_ONCE)]
    if len(files) <= FILES_AT_ONCE:  # starting a process takes longer; but see suspects below
        processes = 1
    suspects: list[File] = []
    for part, found in _in_processes(parts, wanted, processes):
        if found is None:
            suspects += part
        else:
            yield from found.one_by_one()
    for file in suspects:
        for _, found in _in_processes([[file]], wanted, 1):
            yield from found.one_by_one() if found else [Decoded(broken(file, CRASHED))]


def _in_processes(
    parts: Sequence[Sequence[File]], wanted: Wanted, processes: int
) -> Iterator[tuple[Sequence[File], Packed | None]]:
    """Each part with what was found, or with None where its process died."""
    # A forked process would share locks of this one, which may have threads.
    spawn = multiprocessing.get_context("spawn")
    left = list(reversed(parts))
    while left:
        lost: list[Sequence[File]] = []
        with ProcessPoolExecutor(processes, spawn, initializer=_begin) as pool:
            running: dict[Future[Packed], Sequence[File]] = {}
            try:
                while left or running:
                    while left and not lost and len(running) < processes * WAITING:
                        with _one_thread_each():  # it may have to start a process
                            running[pool.submit(packed_part, left[-1], wanted)] = left[-1]
                        left.pop()
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        part = running.pop(future)
                        try:
                            found = future.result()
                        except BrokenProcessPool:
                            lost.append(part)
                            continue
                        yield part, found
                    if lost and not running:
                        break
            except BrokenProcessPool:  # from submit
                lost += running.values()
            finally:
                pool.shutdown(cancel_futures=True)  # whoever stops waits for no more than these
        for part in lost:
            yield part, None


def _begin() -> None:
    """Of each process."""
    end_with_owner()
    collect_seldom()
    keep_memory()


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Processes that are started in here multiply matrices in one thread: they are one a core, and
    theirs are small."""
    if BLAS_THREADS in os.environ:
        yield
        return
    os.environ[BLAS_THREADS] = "1"
    try:
        yield
    finally:
        del os.environ[BLAS_THREADS]


def packed_part(files: Sequence[File], wanted: Wanted) -> Packed:
    """Read and prepare some files, in this process."""
    contents = _read(files, wanted.root)
    known, images, looks = [], [], []
    for file, content in zip(files, contents, strict=True):
        one, image = decode_one(file, content, wanted)
        known.append(one)
        if image is not None:
            images.append(image)
            looks.append(look_of(image))  # while it lies in the processor's cache
    pixels = np.stack(images) if images else np.empty((0, 1, 1), np.uint8)
    return Packed(known, pixels, looks, prints_of(pixels))


def decode_one(
    file: File, content: bytes | Exception, wanted: Wanted
) -> tuple[Known, np.ndarray | None]:
    """One file of which the content, or what came of reading it, is at hand."""
    if isinstance(content, Exception):
        return broken(file, f"it cannot be read: {content}"), None
    digest = hashlib.sha256(content).hexdigest()
    try:
        shape, steps = wanted.image_shape, wanted.preparation
        decoded = decode_for(content, shape, steps, wanted.max_pixels)
        image = image_of(decoded, shape, steps)
    except UserError as error:
        return broken(file, str(error), digest, content), None
    width, height = decoded.size
    known = Known(
        file.path, file.size, file.mark, digest, "", width, height, format_of(content),
        _is_grey(image), decoded.transparent,
    )  # fmt: skip
    return known, np.ascontiguousarray(image)


def broken(file: File, problem: str, digest: str = "", content: bytes = b"") -> Known:
    """What is known of a file that is no image that can be read."""
    return Known(
        file.path, file.size, file.mark, digest, problem, 0, 0, format_of(content), False, False
    )


def format_of(content: bytes) -> str:
    """The format by a file's first bytes, whatever its name says."""
    for start, name in SIGNATURES.items():
        if content.startswith(start):
            return name
    return {b"ftypavif": "AVIF", b"ftypheic": "HEIC"}.get(content[4:12], "unknown")


def _is_grey(image: np.ndarray) -> bool:
    if image.ndim == 2:
        return True
    middle = image[len(image) // 2]  # most photographs are told by one row
    return all(bool((part == part[..., :1]).all()) for part in (middle, image))


def _read(files: Sequence[File], root: str) -> Iterator[bytes | Exception]:
    if any(URL in one.path for one in files) or URL in root:
        yield from _fetch(files, root)
        return
    for file in files:  # one by one: what was just read lies in the processor's cache
        try:
            with open(os.path.join(root, file.path), "rb") as opened:
                yield opened.read()
        except OSError as error:
            yield OSError(error.strerror)


def _fetch(files: Sequence[File], root: str) -> list[bytes | Exception]:
    """From a storage, side by side where its file system can."""
    fs, below = open_url(root)
    paths = [
        open_url(one.path)[1] if URL in one.path else f"{below.rstrip('/')}/{one.path}"
        for one in files
    ]
    found = fs.cat(paths, on_error="return")
    by_path = found if isinstance(found, dict) else {paths[0]: found}
    return [by_path.get(path, FileNotFoundError("it is not there")) for path in paths]
