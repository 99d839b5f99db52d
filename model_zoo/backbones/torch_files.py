"""Read PyTorch's state dicts (``.pth``, ``.pt``) without PyTorch, and run nothing that they hold.

Both of its formats are pickles beside plain arrays: since 1.6 a ZIP archive (``data.pkl`` and one
entry an array), before it five pickles and the arrays one after another (``torch/serialization.py``
of PyTorch). A pickle may name anything that Python can import and have it called; here it may
name what a dictionary of tensors takes, and every other name is refused before it is looked up.
"""

from __future__ import annotations

import io
import math
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from model_zoo.errors import UserError

ZIP = b"PK\x03\x04"
MAGIC = 0x1950A86A20F9469CFC6C  # of the format before ZIP
PROTOCOL = 1001
#: Kinds of arrays by the name that a pickle has for them.
STORAGES: dict[str, np.dtype[Any]] = {
    "DoubleStorage": np.dtype("<f8"),
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ByteStorage": np.dtype("u1"),
    "BoolStorage": np.dtype("?"),
}
#: Stored arrays by the key that a pickle has for them.
Arrays = dict[str, np.ndarray]


class _Storage(NamedTuple):
    """One stored array, read later."""

    kind: str
    key: str
    elements: int


class _View(NamedTuple):
    """A tensor: what it sees of a storage; offset and strides count elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _TensorsOnly(pickle.Unpickler):
    """Makes dictionaries, numbers, texts and views; calls nothing else."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        super().__init__(file)
        self._path = path
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch" and name in STORAGES:
            return name
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            # A new one each time, as a pickle may set attributes of what it is given.
            return lambda storage, offset, shape, strides, *_: _View(
                storage, offset, shape, strides
            )
        raise UserError(
            f"{self._path} wants {module}.{name}, and a weights file may hold tensors and nothing "
            "else: save the network's state_dict()"
        )

    def persistent_load(self, pid: Any) -> _Storage:
        _, kind, key, _, elements, *part = pid
        if any(part):
            raise ValueError(f"array {key} is a part of another one, which is not read")
        return self.storages.setdefault(key, _Storage(kind, key, elements))


def read_state_dict(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a file by name, as they were in memory: views with strides are followed.

    Raises:
        UserError: not such a file, a damaged one, or one that wants anything but tensors.
    """
    try:
        with path.open("rb") as file:
            read = _read_zip if file.read(len(ZIP)) == ZIP else _read_before_zip
            file.seek(0)
            state, arrays = read(file, path)
        if not isinstance(state, dict):
            raise ValueError(f"it holds no dictionary of tensors but {type(state).__name__}")
        # dict's own: a pickle may shadow the methods of an OrderedDict.
        return {str(name): _tensor(str(name), view, arrays) for name, view in dict.items(state)}
    except UserError:
        raise
    except Exception as error:  # a damaged pickle raises anything
        why = str(error) or type(error).__name__
        raise UserError(f"{path} cannot be read as a PyTorch state dict ({why})") from error


def _read_before_zip(file: BinaryIO, path: Path) -> tuple[Any, Arrays]:
    def load() -> Any:
        return _TensorsOnly(file, path).load()

    if load() != MAGIC or load() != PROTOCOL or not load()["little_endian"]:
        raise ValueError("it does not begin as one of a little-endian machine")
    unpickler = _TensorsOnly(file, path)
    state = unpickler.load()
    arrays = {}
    for key in load():
        storage = unpickler.storages[key]
        elements = int.from_bytes(file.read(8), "little")
        if elements != storage.elements:
            raise ValueError(f"expected an array of {storage.elements}. Received: {elements}")
        arrays[key] = _array(storage, file.read(_size(storage, path.stat().st_size)))
    return state, arrays


def _read_zip(file: BinaryIO, path: Path) -> tuple[Any, Arrays]:
    with zipfile.ZipFile(file) as archive:
        folder = archive.namelist()[0].split("/")[0] + "/"  # PyTorch has one, and all in it

        def read(name: str) -> bytes:
            if archive.getinfo(folder + name).compress_type != zipfile.ZIP_STORED:
                raise ValueError(f"{folder + name} is compressed, which PyTorch never does")
            return archive.read(folder + name)

        if folder + "byteorder" in archive.namelist() and read("byteorder") != b"little":
            raise ValueError("it was written on a big-endian machine")
        unpickler = _TensorsOnly(io.BytesIO(read("data.pkl")), path)
        state = unpickler.load()
        storages = unpickler.storages.items()
        return state, {key: _array(one, read(f"data/{key}")) for key, one in storages}


def _size(storage: _Storage, largest: int) -> int:
    """Bytes of a stored array; a file cannot hold more than it is long."""
    size = storage.elements * STORAGES[storage.kind].itemsize
    if not 0 <= size <= largest:
        raise ValueError(f"an array of {size} bytes in a file of {largest}")
    return size


def _array(storage: _Storage, content: bytes) -> np.ndarray:
    array = np.frombuffer(content, STORAGES[storage.kind])
    if len(array) != storage.elements:
        raise ValueError(
            f"it ends early: expected an array of {storage.elements}. Received: {len(array)}"
        )
    return array


def _tensor(name: str, view: Any, arrays: Arrays) -> np.ndarray:
    if not isinstance(view, _View):
        raise ValueError(f"{name} is no tensor but {type(view).__name__}")
    stored = arrays[view.storage.key]
    if math.prod(view.shape) > len(stored):
        raise ValueError(f"{name} has more elements than are stored for it")
    # NumPy checks that no element of the view lies outside.
    return np.ndarray(
        view.shape,
        stored.dtype,
        buffer=stored,
        offset=view.offset * stored.itemsize,
        strides=[stride * stored.itemsize for stride in view.strides],
    )
