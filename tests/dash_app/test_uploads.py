"""What people send: each part is taken or refused by itself, and told apart by its name."""

from __future__ import annotations

import base64
import io
import zipfile
import zlib
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from dash_app.settings import PageSettings
from dash_app.uploads import Refusal, Sent, TooLarge, Upload, from_data_url, shown_names, unpacked
from model_zoo.errors import UserError

PAGE = PageSettings()


def zip_of(files: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def unzip(content: bytes, page: PageSettings = PAGE) -> list[Sent]:
    return unpacked([Upload("a.zip", content)], page)


def reasons(found: list[Sent]) -> dict[str, str]:
    return {one.name: one.reason if isinstance(one, Refusal) else "" for one in found}


def with_flag(content: bytes, flag: int) -> bytes:
    """With a flag set in the directory's first entry and in its file's header."""
    changed = bytearray(content)
    changed[6] |= flag
    changed[content.index(b"PK\1\2") + 8] |= flag
    return bytes(changed)


def test_one_bad_crc_spoils_one_row() -> None:
    content = zip_of({"0.png": b"zero", "1.png": b"one", "2.png": b"two"})
    found = unzip(content.replace(b"one", b"0ne", 1))
    assert [one.name for one in found] == ["0.png", "1.png", "2.png"]
    assert list(reasons(found).values()) == [
        "", "it is damaged in the ZIP: its checksum is another one", "",
    ]  # fmt: skip


def test_an_unknown_method_or_a_password_spoils_one_row() -> None:
    content = bytearray(zip_of({"a.png": b"aa", "b.png": b"bb"}))
    for start, place in ((0, 8), (content.index(b"PK\1\2"), 10)):
        content[start + place] = 9  # Deflate64
    assert "method 9 (Deflate64" in reasons(unzip(bytes(content)))["a.png"]
    assert reasons(unzip(bytes(content)))["b.png"] == ""
    locked = with_flag(zip_of({"a.png": b"aa", "b.png": b"bb"}), 1)
    assert list(reasons(unzip(locked)).values()) == [
        "it is locked with a password: pack it without one", "",
    ]  # fmt: skip


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_stream_of_any_method_spoils_one_row(method: int) -> None:
    content = bytearray(zip_of({"a.png": bytes(range(256)) * 9, "b.png": b"b" * 50}, method))
    content[45:60] = bytes(15)
    found = reasons(unzip(bytes(content)))
    assert found["a.png"] and not found["b.png"]


def test_an_empty_entry_and_a_broken_directory_are_rows_too() -> None:
    assert reasons(unzip(zip_of({"a.png": b"", "b.png": b"b"}))) == {
        "a.png": "a.png is empty", "b.png": "",
    }  # fmt: skip
    cut = zip_of({"a.png": b"a" * 100})[:90]
    found = unpacked([Upload("cut.zip", cut), Upload("b.png", b"b")], PAGE)
    assert "cut.zip is not a ZIP that can be read" in reasons(found)["cut.zip"]
    assert "holds no files" in reasons(unzip(zip_of({})))["a.zip"]


def test_an_entry_without_a_name_is_one_like_others() -> None:
    content = zip_of({"a.png": b"a", "b.png": b"b"}).replace(b"a.png", b"\0.png")
    assert [one.name for one in unzip(content)] == [".png", "b.png"]


def test_a_zip_unpacks_to_no_more_than_the_limit() -> None:
    page = PageSettings(max_upload_mb=1)
    bomb = b"\0" * 2**21
    found = unzip(zip_of({"a": bomb, "b": b"small"}, zipfile.ZIP_DEFLATED), page)
    assert isinstance(found[0], Refusal) and found[0].too_large
    assert found[0].reason == "it unpacks to more than 1,048,576 bytes"
    assert found[1] == Upload("b", b"small")
    many = unzip(zip_of({f"{i}": bomb for i in range(6)}, zipfile.ZIP_DEFLATED), page)
    assert many[-1].reason == "the ZIP unpacks to more than is read"
    with pytest.raises(TooLarge, match="501 images at once"):
        unzip(zip_of({f"{i}.png": b"x" for i in range(501)}))


def test_names_of_a_zip_are_read_as_utf8_whether_it_says_so_or_not() -> None:
    raw = "Kleid größe.png".encode()
    filler = "x" * len(raw)
    unflagged = zip_of({filler: b"a"}).replace(filler.encode(), raw)
    assert unzip(unflagged)[0].name == "Kleid größe.png"
    western = zip_of({"gr__e.png": b"a"}).replace(b"gr__e.png", b"gr\x94\xe1e.png")
    assert unzip(western)[0].name == "größe.png", "the code page of the specification"
    assert unzip(zip_of({"gro\u0308ße.png": b"a"}))[0].name == "größe.png", "as macOS spells it"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("größe.png", "cp437"),
        ("château.png", "cp437"),
        ("grün.png", "cp1252"),
        ("服装.png", "cp932"),
        ("シャツ_01.png", "cp932"),
    ],
)
def test_names_of_older_programs_are_read_in_the_code_page_that_makes_words(
    name: str, code: str
) -> None:
    raw = name.encode(code)
    filler = "x" * len(raw)
    content = zip_of({filler: b"a"}).replace(filler.encode(), raw)
    assert unzip(content)[0].name == name


def test_a_name_in_an_extra_field_is_taken_if_it_belongs_to_the_entry() -> None:
    info = zipfile.ZipInfo("gr__e.png")
    name = "größe.png".encode()
    checked = b"\1" + zlib.crc32(b"gr__e.png").to_bytes(4, "little") + name
    info.extra = b"\x75\x70" + len(checked).to_bytes(2, "little") + checked
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(info, b"a")
    assert unzip(target.getvalue())[0].name == "größe.png"
    other = target.getvalue().replace(b"gr__e.png", b"other.png")
    assert unzip(other)[0].name == "other.png"


def test_files_of_one_name_show_their_folders() -> None:
    files = {"test/shirts/0001.png": b"a", "test/coats/0001.png": b"b", "test/coats/2.png": b"c"}
    assert [one.name for one in unzip(zip_of(files))] == [
        "test/shirts/0001.png", "test/coats/0001.png", "2.png",
    ]  # fmt: skip
    assert shown_names(["../a/x\x1b.png", "C:\\b\\x.png", ""]) == ["a/x.png", "C:/b/x.png", "image"]


@pytest.mark.parametrize(
    "form", ["wrapped", "no padding", "url-safe", "data url", "DATA url", "escaped", "marked"]
)
def test_base64_is_read_as_people_write_it(form: str) -> None:
    content = bytes(range(248, 256)) * 20
    text = {
        "wrapped": base64.encodebytes(content).decode().replace("\n", "\r\n"),
        "no padding": base64.b64encode(content).decode().rstrip("="),
        "url-safe": base64.urlsafe_b64encode(content).decode().rstrip("="),
        "data url": "data:image/png;base64," + base64.b64encode(content).decode(),
        "DATA url": "DATA:image/png;base64," + base64.b64encode(content).decode(),
        "escaped": "data:;base64," + quote(base64.b64encode(content).decode(), safe=""),
        "marked": "\ufeff" + base64.b64encode(content).decode(),
    }[form]
    assert from_data_url(text, "a.png", PAGE).content == content


@pytest.mark.parametrize("text", ["a", "*" * 8, "ä" * 8, "AAAA=AAAA", "data:image/png;base64,!!"])
def test_what_is_not_base64_is_said(text: str) -> None:
    with pytest.raises(UserError, match="it is not base64"):
        from_data_url(text, "a.png", PAGE)


def test_one_bad_file_of_several_is_a_row_of_the_answer(
    client: FlaskClient, example: bytes
) -> None:
    good = base64.encodebytes(example).decode()
    large = base64.b64encode(bytes(11 * 2**20)).decode()
    images = [
        {"name": "good.png", "content": good},
        {"name": "empty.png", "content": ""},
        {"name": "broken.png", "content": "?"},
        {"name": ["no", "text"], "content": good},
        "no object",
        {"name": "large.png", "content": large},
    ]
    found = client.post("/api/v1/predict", json={"images": images})
    assert found.status_code == 200
    rows = found.json["predictions"]
    label = rows[0]["label"]
    assert [row.get("label", "") for row in rows] == [label, "", "", label, "", ""]
    for row, words in zip(
        rows[1:],
        ("empty.png is empty", "not base64", "", 'JSON as {"images"', "large.png has 11.0 MiB"),
        strict=True,
    ):
        assert words in row.get("error", "")
    files = {"file": [(io.BytesIO(b""), "empty.png"), (io.BytesIO(example), "good.png")]}
    rows = client.post("/api/v1/predict", data=files).json["predictions"]
    assert "is empty" in rows[0]["error"] and rows[1]["label"]


def test_a_zip_sent_to_the_api_is_answered_file_by_file(
    client: FlaskClient, example: bytes
) -> None:
    content = zip_of({"a/1.png": example, "b/1.png": example, "c.png": b"no image"})
    found = client.post("/api/v1/predict", data={"file": (io.BytesIO(content), "a.zip")})
    rows = found.json["predictions"]
    assert [row["name"] for row in rows] == ["a/1.png", "b/1.png", "c.png"]
    assert "not an image" in rows[2]["error"]


@pytest.mark.parametrize("path", ["/api/v1/predict", "/_dash-update-component"])
def test_json_that_is_nested_too_deeply_is_400(client: FlaskClient, path: str) -> None:
    deep = "[" * 100_000 + "]" * 100_000
    found = client.post(path, data=deep, content_type="application/json")
    assert found.status_code == 400 and "nested too deeply" in found.json["error"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "not JSON that can be read"),
        (b'{"images": [', "not JSON that can be read"),
        (b'{"images": ["\xff"]}', "not JSON that can be read"),
        (b'{"images": [' + b"9" * 5000 + b"]}", "not JSON that can be read: Exceeds the limit"),
        (b'{"images": NaN}', "expected JSON as"),
        (b'{"images": {"a": 1}}', "expected JSON as"),
        (b"[1e999, -0, null]", "expected JSON as"),
        (b'{"images": [{"content": "aaaa"}], "images": []}', "expected image files as"),
        (b'{"images": [{"content": "\\ud800", "name": "\\ud800x"}]}', "x arrived damaged"),
    ],
)
def test_json_of_any_shape_is_400_with_a_sentence(
    client: FlaskClient, body: bytes, sentence: str
) -> None:
    found = client.post("/api/v1/predict", data=body, content_type="application/json")
    assert found.status_code == 400 and sentence in found.json["error"]


@pytest.mark.parametrize("place", [30, 34, 36, 38, 40, 60, 100])
def test_a_zip_of_any_damage_is_no_fault_of_the_server(
    client: FlaskClient, example: bytes, place: int
) -> None:
    """LZMA keeps its properties before the stream: what makes no sense there fails otherwise."""
    content = bytearray(zip_of({"a.png": example, "b.png": example}, zipfile.ZIP_LZMA))
    content[place : place + 4] = b"\xff" * 4
    found = client.post("/api/v1/predict", data={"file": (io.BytesIO(content), "a.zip")})
    assert found.status_code == 200
    assert found.json["predictions"][1]["label"]
