"""Processes that compute for a search, forked from one that has imported the framework.

The import takes seconds of a processor, and a search starts a process for features, one for each
trial at once and a new one after every few trials. Where the system can, a server imports it once
and forks them: it has never touched a device, so none of them inherits a broken one (Python's
documentation of ``multiprocessing``, "forkserver"). It ends with the process that asked for it.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Mapping
from multiprocessing.context import ForkServerContext, SpawnContext

from model_zoo.owner import end_with_owner
from model_zoo.processor import collect_seldom

PRELOADED = "model_zoo.tuning.preloaded"


def framework_context() -> SpawnContext | ForkServerContext:
    """Where to start them from; each calls :func:`begin` first, with this process's environment."""
    if sys.platform != "linux":  # macOS: frameworks of the system's own do not survive a fork
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([PRELOADED])
    return context


def begin(environment: Mapping[str, str]) -> None:
    """Have this process end with its owner and see its environment, not that of the server.

    Args:
        environment: what the owner has in ``os.environ`` now; the server's is as old as it is.
    """
    end_with_owner()
    collect_seldom()
    os.environ.clear()
    os.environ.update(environment)
