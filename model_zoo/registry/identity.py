"""What makes a version the version that it is: its content, not who registered it or when."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from model_zoo.registry.served_files import KERAS

#: What ``classifier.json`` says that changes an answer; the rest is measured, or for people.
ANSWERS = ("project", "labels", "image_shape", "preparation", "generated", "temperature")


def content_digest(facts: Mapping[str, Any]) -> str:
    """The digest of a version's content, 64 hexadecimal digits.

    It is over the digests of the files and what is needed to run them, so two runs that end in the
    same bits end in the same version, wherever they ran. Keras' archive is left out: it holds the
    time at which it was written.

    Args:
        facts: what ``classifier.json`` says.
    """
    files = {name: digest for name, digest in facts["sha256"].items() if name != KERAS}
    content = {name: facts[name] for name in ANSWERS} | {"sha256": files}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
