"""Imported once, by the server that processes of a search are forked from: what each of them uses.

See :mod:`model_zoo.tuning.framework_process`.
"""

from __future__ import annotations

import gc
from contextlib import suppress

from model_zoo.lean_keras import import_keras
from model_zoo.processor import collect_seldom

collect_seldom()
with suppress(Exception):  # each of them finds the same and says it where it is heard
    import_keras()
    import model_zoo.tuning.trial  # noqa: F401
gc.freeze()  # what is looked through for garbage is copied, page by page
