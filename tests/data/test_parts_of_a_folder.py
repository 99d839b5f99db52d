"""Parts are stable as images arrive; every rule that leaves a picture out has its sentence."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from model_zoo.data.image_folder.division import Divided, divide
from model_zoo.data.image_folder.file_index import Known
from model_zoo.data.image_folder.layouts import Arranged, Item
from model_zoo.data.image_folder.listing import File
from model_zoo.data.seen import Seen
from model_zoo.settings import DataSettings

DATA = DataSettings(source="image-folder", test_share=0.2, validation_share=0.1)


def divided(
    *images: tuple[str, str, str | None], seen: Mapping[str, Seen] | None = None
) -> Divided:
    """Of images given as (content, class, part); each lies in a file of its own."""
    arranged, known = Arranged("root", "class folders"), {}
    for number, (content, label, part) in enumerate(images):
        path = f"{label}/{number}.png"
        arranged.items.append(Item(File(path, 1, "then"), label, part))
        known[path] = about(path, content)
    return divide(arranged, known, DATA, seen or {})


def about(path: str, content: str) -> Known:
    problem = "it is cut off" if content == "broken" else ""
    digest = hashlib.sha256(content.encode()).hexdigest()
    return Known(path, 1, "then", digest, problem, 8, 8, "PNG", False, False)


def many(count: int, label: str, part: str | None = None) -> list[tuple[str, str, str | None]]:
    return [(f"{label} {number}", label, part) for number in range(count)]


def test_each_part_gets_its_share() -> None:
    found = divided(*many(1000, "cat"), *many(1000, "dog")).counts()
    for label in ("cat", "dog"):
        assert 160 < found[label]["test"] < 240 and 70 < found[label]["validation"] < 130


def test_no_image_moves_as_the_images_grow() -> None:
    few = [one for label in "abcdefgh" for one in many(4, label)]
    more = [one for label in "abcdefgh" for one in many(40, label)]
    before = divided(*many(300, "cat"), *few)
    seen = {one: Seen(0, one, part) for one, (_, part) in before.images.items()}
    after = divided(*many(900, "cat"), *more, *many(9, "owl"), seen=seen)
    assert before.images.items() <= after.images.items()


def test_a_class_of_three_images_has_one_in_each_part() -> None:
    for number in range(60):
        found = divided(*many(3, f"class {number}"), *many(30, "cat")).counts()
        assert found[f"class {number}"] == {"training": 1, "validation": 1, "test": 1}


def test_official_parts_stay_and_only_what_is_missing_is_held_out() -> None:
    images = [
        (f"{label} {part} {number}", label, part)
        for label in "ab"
        for part in ("training", "test")
        for number in range(60)
    ]
    found = divided(*images).counts()["a"]
    assert found["test"] == 60 and 0 < found["validation"] < 20
    without_test = [(content, label, "validation" if part == "test" else part)
                    for content, label, part in images]  # fmt: skip
    found_without = divided(*without_test)
    assert found_without.counts()["a"]["validation"] == 60
    assert 0 < found_without.counts()["a"]["test"] < 30
    assert "there is no test folder: 20%" in found_without.notes[0]


def test_an_image_in_two_classes_is_in_none() -> None:
    found = divided(*many(5, "cat"), *many(5, "dog"), ("both", "cat", None), ("both", "dog", None))
    assert len(found.images) == 10
    assert [one.path for one in found.left_out] == ["cat/10.png", "dog/11.png"]
    assert "lies in the classes cat, dog" in found.left_out[0].reason


def test_an_image_in_two_official_parts_is_tested_and_not_learned() -> None:
    parts = [*many(5, "cat", "training"), *many(5, "dog", "training"),
             ("c", "cat", "test"), ("d", "dog", "test"), ("c", "cat", "training")]  # fmt: skip
    found = divided(*parts)
    (left,) = found.left_out
    assert left.path == "cat/12.png" and left.reason == "the same picture is in the test part"


def test_copies_within_a_class_count_once() -> None:
    found = divided(*many(5, "cat"), *many(5, "dog"), *many(2, "dog"))
    assert len(found.images) == 10 and found.copies == 2 and not found.left_out


def test_a_class_of_too_few_images_is_left_out_and_named() -> None:
    found = divided(*many(5, "cat"), *many(5, "dog"), *many(1, "owl"))
    assert found.labels == ["cat", "dog"]
    assert found.notes == [
        "class 'owl' has 1 image, fewer than data.least_images = 3: it is left out"
    ]


def test_a_class_that_an_official_part_lacks_is_left_out_and_named() -> None:
    images = [*many(5, "cat", "training"), *many(5, "dog", "training"), *many(5, "owl", "training"),
              ("1", "cat", "test"), ("2", "dog", "test")]  # fmt: skip
    found = divided(*images)
    assert found.labels == ["cat", "dog"]
    assert found.notes == ["class 'owl' has no test image: it is left out"]


def test_broken_files_are_left_out_with_their_reason() -> None:
    found = divided(*many(5, "cat"), *many(5, "dog"), ("broken", "dog", None))
    (left,) = found.left_out
    assert left.broken and left.path == "dog/10.png" and left.reason == "it is cut off"


def test_numbered_classes_are_in_the_order_of_their_numbers() -> None:
    found = divided(*(one for label in ("10", "9", "2") for one in many(4, label)))
    assert found.labels == ["2", "9", "10"]
