"""Files as people really have them, through the API and through `catwalk predict`: both alike.

Each stands for a kind. The tests of a mechanism lie beside it (``tests/images``,
``test_uploads.py``); here it is seen that nothing on the way to an answer undoes it.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image

from benchmarks.kinds_of_pictures import cut_out, false_colours, key_colour, large
from launcher.cli.main import main
from model_zoo.settings import Places

DAMAGED = b"Exif\0\0II*\0\xff\xff\xff\x7f"  # its directory lies outside the file


def drawn() -> np.ndarray:
    """uint8 (28, 28), a boot on black."""
    image = np.zeros((28, 28), np.uint8)
    image[4:22, 14:22] = 160
    image[16:22, 5:22] = 200
    image[22:24, 5:22] = 90
    return image


def file_of(kind: str, pixels: np.ndarray | None = None, **options: object) -> bytes:
    target = io.BytesIO()
    found = Image.fromarray(large(drawn()) if pixels is None else pixels)
    found.save(target, kind, **options)
    return target.getvalue()


def two_channels(mode: str) -> bytes:
    """The cut-out, as grey or as a palette whose entries are more or less clear."""
    image = large(drawn())
    opaque = Image.fromarray(np.where(image > 0, 255, 0).astype(np.uint8))
    found = Image.fromarray(image)
    if mode == "P":
        levels = (image // 32).astype(np.uint8)
        found = Image.fromarray(levels, "P")
        found.putpalette([v for i in range(8) for v in (i * 32,) * 3])
        target = io.BytesIO()
        found.save(target, "PNG", transparency=bytes([0] + [255] * 7))
        return target.getvalue()
    found.putalpha(opaque)
    target = io.BytesIO()
    found.save(target, "PNG")
    return target.getvalue()


def wide(clear: bool) -> bytes:
    """Grey of 16 bits, with a key colour or without."""
    image = large(drawn()).astype(np.uint16) * 257
    target = io.BytesIO()
    Image.fromarray(image).save(target, "PNG", **({"transparency": 0} if clear else {}))
    return target.getvalue()


ONE_GARMENT = {
    "plain": file_of("PNG"),
    "small": file_of("PNG", drawn()),
    "negative": file_of("PNG", 255 - large(drawn())),
    "damaged EXIF in PNG": file_of("PNG", exif=DAMAGED),
    "damaged EXIF in WebP": file_of("WEBP", exif=DAMAGED, lossless=True),
    "damaged EXIF in JPEG": file_of("JPEG", exif=DAMAGED, quality=98),
    "JPEG without its end": file_of("JPEG", quality=98)[:-2],
    "cut-out, light": cut_out(negative=False, fades=False)(large(drawn())),
    "cut-out, dark": cut_out(negative=True, fades=False)(large(drawn())),
    "cut-out of grey and alpha": two_channels("LA"),
    "cut-out of a palette": two_channels("P"),
    "16 bits": wide(clear=False),
    "16 bits with a key colour": wide(clear=True),
    "key colour, small": key_colour(negative=False)(drawn()),
    "key colour, large": key_colour(negative=False)(large(drawn())),
    "false colours, small": false_colours("viridis")(drawn()),
    "false colours, large": false_colours("viridis")(large(drawn())),
}
BLANK = {
    "white": file_of("PNG", np.full((90, 70), 255, np.uint8)),
    "black": file_of("JPEG", np.zeros((90, 70), np.uint8)),
    "all clear": file_of("PNG", np.zeros((40, 40, 4), np.uint8)),
    "nearly blank": file_of("PNG", np.full((28, 28), 127, np.uint8) + np.eye(28, dtype=np.uint8)),
}
NO_IMAGE = {
    "empty": b"",
    "text": b"no image at all",
    "cut PNG": file_of("PNG")[:200],
    "cut JPEG": file_of("JPEG")[:900],
    "only a header": b"\x89PNG\r\n\x1a\n",
}


@pytest.fixture(scope="module")
def by_name(
    page_places: Places, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    """What `catwalk predict --json` says of all that can be read, in one call."""
    folder = tmp_path_factory.mktemp("sent")
    readable = ONE_GARMENT | BLANK
    paths = [folder / f"{i}" for i in range(len(readable))]
    for path, content in zip(paths, readable.values(), strict=True):
        path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch, pytest.MonkeyPatch.context() as streams:
        patch.setenv("CATWALK_HOME", str(page_places.home))
        out = io.StringIO()
        streams.setattr("sys.stdout", out)
        assert main(["predict", "--json", *map(str, paths)]) == 0
    return dict(zip(readable, json.loads(out.getvalue()), strict=True))


def test_the_api_says_what_the_command_line_says(
    client: FlaskClient, by_name: dict[str, dict[str, Any]]
) -> None:
    files = [(io.BytesIO(one), "a") for one in (ONE_GARMENT | BLANK).values()]
    rows = client.post("/api/v1/predict", data={"file": files}).json["predictions"]
    for row, said in zip(rows, by_name.values(), strict=True):
        for key in ("label", "doubts", "notes", "preparation"):
            assert row[key] == said[key]
        assert row["confidence"] == pytest.approx(said["confidence"], abs=1e-4)


@pytest.mark.parametrize("kind", ONE_GARMENT)
def test_a_garment_is_the_same_however_it_is_sent(
    by_name: dict[str, dict[str, Any]], kind: str
) -> None:
    plain, found = by_name["small" if "small" in kind else "plain"], by_name[kind]
    assert not any("blank" in doubt for doubt in found["doubts"])
    given = found["probabilities"]
    apart = max(abs(given[label] - share) for label, share in plain["probabilities"].items())
    assert apart < 0.25, (found["label"], plain["label"])
    noted = "EXIF" in kind or "end" in kind
    assert len(found["notes"]) == noted, "damaged side data is ignored, and said to be"


@pytest.mark.parametrize("kind", BLANK)
def test_a_blank_picture_is_said_to_be_blank(by_name: dict[str, dict[str, Any]], kind: str) -> None:
    assert any("blank" in doubt for doubt in by_name[kind]["doubts"])


@pytest.mark.parametrize("kind", NO_IMAGE)
def test_what_is_no_image_is_one_sentence(
    client: FlaskClient,
    page_places: Places,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kind: str,
) -> None:
    found = client.post("/api/v1/predict", data={"file": (io.BytesIO(NO_IMAGE[kind]), "a.png")})
    assert found.status_code == 400 and found.json["error"].startswith("a.png")
    (tmp_path / "a.png").write_bytes(NO_IMAGE[kind])
    monkeypatch.setenv("CATWALK_HOME", str(page_places.home))
    assert main(["predict", str(tmp_path / "a.png")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
