"""A correction on its way in: the same limits for the page and the API."""

from __future__ import annotations

import ipaddress

from flask import Request

from dash_app.answers import Answers
from dash_app.settings import PageSettings
from dash_app.uploads import MIB, Upload
from model_zoo.data.corrections import Correction, Corrections, Limits
from model_zoo.data.corrections.store import said_of
from model_zoo.predictor import ServedClassifier

#: A household has at least so many bits of an address of IPv6 for itself.
HOUSEHOLD = 64


def send_correction(
    corrections: Corrections,
    answers: Answers,
    version: ServedClassifier,
    upload: Upload,
    label: str,
    *,
    without: list[str],
    with_picture: bool,
    origin: str,
    page: PageSettings,
) -> Correction:
    """Have the picture answered, which shows that it is one, and keep what its sender says.

    Args:
        without: steps of the preparation that are left out.
        with_picture: the sender agreed that the picture is kept too.
        origin: from :func:`origin_of`.

    Raises:
        NotAnImage: it is none, or too large.
        TooManyCorrections: a limit is reached.
        CorrectionRefused: the label is no class of the version.
    """
    found = answers.one(upload, without, version, source="feedback")
    prediction = found.prediction
    picture = upload.content if with_picture else None
    said = said_of(
        prediction.image,
        label,
        prediction.label,
        prediction.confidence,
        found.version,
        image_shape=version.image_shape,
        preparation=tuple(step for step in version.preparation if step not in without),
        picture=picture,
    )
    limits = Limits(page.feedback_per_hour, page.feedback_limit, int(page.feedback_mb * MIB))
    return corrections.send(prediction.image, said, version.labels, origin, limits, picture)


def origin_of(request: Request) -> str:
    """Where a request comes from, as far as one can tell: an address, of IPv6 the first half."""
    given = request.remote_addr or ""
    try:
        address = ipaddress.ip_address(given)
    except ValueError:
        return given
    if address.version == 4:
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, HOUSEHOLD), strict=False))


def reviewer_of(request: Request, page: PageSettings) -> str:
    """Who decides, as the proxy that asks for a log-in says; empty: nobody knows."""
    return request.headers.get("X-Forwarded-User", "")[:80] if page.proxies else ""
