"""The IDX file format of MNIST (http://yann.lecun.com/exdb/mnist/), gzip-compressed."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from model_zoo.errors import UserError

UNSIGNED_BYTE = 0x08


def read_idx(path: Path) -> np.ndarray:
    """Read a gzip-compressed IDX file of unsigned bytes.

    Returns:
        uint8 array in the shape that the header states.

    Raises:
        UserError: not gzip, not IDX, another element type, truncated, or with bytes left over.
    """
    try:
        with gzip.open(path, "rb") as file:
            content = file.read()
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: put the four official files there") from None
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(
            f"{path} is not a complete gzip file ({error}): delete it and run again"
        ) from None
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != UNSIGNED_BYTE:
        raise UserError(
            f"{path} is not an IDX file of unsigned bytes. "
            f"Expected it to start with 000008, received {content[:3].hex() or 'nothing'}"
        )
    dimensions = content[3]
    header = 4 + 4 * dimensions
    if not dimensions or len(content) < header:
        raise UserError(f"{path} is truncated inside its header: delete it and run again")
    shape = struct.unpack(f">{dimensions}I", content[4:header])
    expected = math.prod(shape)
    if len(content) - header != expected:
        raise UserError(
            f"{path} does not hold what its header states. Expected {expected} bytes for shape "
            f"{shape}, received {len(content) - header}"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)
