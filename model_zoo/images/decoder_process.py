"""One process that does nothing but decode pictures: ``python -m ... SOCKET MEMORY_MB SECONDS``.

Started by :mod:`model_zoo.images.decoders`. What it is sent is hostile, so it holds nothing that is
worth having: no model, no connection, and no more memory than it is given. It ends with the process
that started it.
"""

from __future__ import annotations

import json
import resource
import signal
import struct
import sys
from multiprocessing.connection import Connection

from PIL import Image

from model_zoo.errors import UserError
from model_zoo.images.decode import TooManyPixels, decode

READY = b"ready"  # the first message, once everything is imported
HEADER = struct.Struct(">QI")  # before a picture: the most pixels, the least side (see `decode`)


def main(arguments: list[str]) -> int:
    """Decode what arrives, until nobody is left who could send."""
    socket, memory_mb, seconds = int(arguments[0]), int(arguments[1]), float(arguments[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the server, which ends us
    Image.init()  # every format's reader now, not at the first picture
    _limit_memory(memory_mb)
    with Connection(socket) as asked:
        asked.send_bytes(READY)
        while True:
            try:
                message = asked.recv_bytes()
            except EOFError:
                return 0
            signal.setitimer(signal.ITIMER_REAL, seconds)  # should nobody be left to kill us
            _answer(asked, message, memory_mb)
            signal.setitimer(signal.ITIMER_REAL, 0)
            del message


def _limit_memory(memory_mb: int) -> None:
    """What it may take beside what it has now; an allocation beyond that fails.

    RLIMIT_DATA counts private memory that can be written, however it was asked for (Linux 4.7 and
    later, setrlimit(2)); RLIMIT_AS would count the libraries' reserved addresses too.
    """
    now = 0
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmData:"):
                now = int(line.split()[1]) * 1024
    most = now + memory_mb * 2**20
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _answer(asked: Connection, message: bytes, memory_mb: int) -> None:
    try:
        found = decode(message[HEADER.size :], *HEADER.unpack_from(message))
        about = {
            "mode": found.picture.mode,
            "decoded": found.picture.size,
            "size": found.size,
            "orientation": found.orientation,
            "notes": found.notes,
        }
    except UserError as error:
        if isinstance(error.__context__, MemoryError):
            about = {"too_large": _too_much(memory_mb)}
        else:
            about = {"too_large" if isinstance(error, TooManyPixels) else "refused": str(error)}
    except MemoryError:
        about = {"too_large": _too_much(memory_mb)}
    asked.send_bytes(json.dumps(about).encode())
    if "mode" in about:
        asked.send_bytes(found.picture.tobytes())


def _too_much(memory_mb: int) -> str:
    return f"decoding this picture takes more than {memory_mb:,} MiB. Send a smaller one"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
