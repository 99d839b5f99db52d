"""What is wrong with images is found, counted and judged; the images here are small and known."""

import numpy as np
import pytest

from model_zoo.data.dataset import Images
from model_zoo.health.findings import Health
from model_zoo.health.look import look_at
from model_zoo.health.page import page_of
from model_zoo.health.parts import Part
from model_zoo.settings.health import HealthSettings

LABELS = ("circle", "<b>square</b>", "star")
NOISE = np.random.default_rng(3)


def noisy(count: int) -> np.ndarray:
    """Images of noise with a brightness of their own, uint8 (count, 16, 16): none like another."""
    brightness = NOISE.integers(60, 190, (count, 1, 1))
    return (brightness + NOISE.normal(0, 30, (count, 16, 16))).clip(0, 255).astype(np.uint8)


def part(name: str, images: np.ndarray, labels: np.ndarray | None = None, **known: object) -> Part:
    if labels is None:
        labels = np.arange(len(images)) % len(LABELS)
    return Part(name, Images(images, labels.astype(np.int32)), **known)


def look(*parts: Part, **settings: object) -> Health:
    none = "nobody made any"
    return look_at(parts, LABELS, "abc", HealthSettings(**settings), 0, none, lambda words: None)


def rows(health: Health, kind: str) -> list[tuple[str, int]]:
    (finding,) = (one for one in health.findings if one.kind == kind)
    assert finding.found == len(finding.suspects)
    return [(one.part, one.row) for one in finding.suspects]


def test_images_that_show_little_are_told_apart() -> None:
    images = noisy(12)
    images[1] = 200
    images[2] = images[2] // 7
    images[3] = 255 - images[3] // 7
    images[4] = np.linspace(30, 220, 16)[:, None]  # smooth, and it fills the range
    sizes = np.full(12, 3_000)
    sizes[5], sizes[6] = 90, 900_000
    found = look(part("training", images, sizes=sizes), part("test", noisy(3)))
    assert rows(found, "blank") == [("training", 1)]
    assert rows(found, "dark") == [("training", 2)]
    assert rows(found, "light") == [("training", 3)]
    assert rows(found, "blurred") == [("training", 4)]
    assert rows(found, "size") == [("training", 5), ("training", 6)]


def test_colours_that_differ_are_no_blank() -> None:
    images = np.zeros((4, 16, 16, 3), np.uint8)
    images[:, :8, :, 0], images[:, 8:, :, 1] = 255, 120
    assert rows(look(part("training", images)), "blank") == []


def test_twins_are_found_in_a_part_and_across_parts_and_so_is_another_label() -> None:
    images, test, origins = noisy(20), noisy(6), [f"a/{n}.png" for n in range(20)]
    images[7] = images[4]  # class 1 both
    images[12] = images[4]  # class 0
    test[2] = images[9]
    test[3] = np.minimum(images[8].astype(int) + 2, 255)  # a little lighter
    found = look(part("training", images, origins=origins), part("test", test))
    assert rows(found, "duplicates") == [("training", 12), ("training", 7)]
    (first, second) = found.findings[1].suspects
    assert first.note == "like a/4.png, labelled <b>square</b>" and first.suggested == LABELS[1]
    assert second.note == "like a/4.png"
    assert sorted(rows(found, "leaks")) == [("test", 2), ("test", 3)]


def test_images_of_one_group_are_duplicates_by_their_source_s_word() -> None:
    groups = ["a", "b", "a", "c"]
    assert rows(look(part("training", noisy(4), groups=groups)), "duplicates") == [("training", 2)]


@pytest.fixture(scope="module")
def by_features() -> Health:
    """900 images of three classes, 6 labels swapped, and one image that is like none."""
    random = np.random.default_rng(1)
    truth = np.arange(900) % 3
    features = np.eye(3, 40)[truth] * 6 + random.normal(0, 1, (900, 40))
    features[899, 20:] += 8
    labels = truth.copy()
    labels[:6] = (labels[:6] + 1) % 3
    places = features.astype(np.float16)[:, None, None, :].repeat(2, axis=1)  # (N, 2, 1, c)
    return look(part("training", noisy(900), labels, features=places), part("test", noisy(3)))


def test_swapped_labels_are_found_with_what_the_features_say(by_features: Health) -> None:
    found = set(rows(by_features, "labels"))
    assert found <= {("training", row) for row in range(6)} and len(found) >= 4
    suspect = by_features.findings[0].suspects[0]
    assert suspect.suggested == LABELS[suspect.row % 3]
    assert suspect.note.startswith(f"features say {suspect.suggested}, ")


def test_what_is_unlike_every_class_is_an_outlier(by_features: Health) -> None:
    assert rows(by_features, "outliers") == [("training", 899)]


def test_classes_of_which_too_few_are_known_are_named_and_left_out() -> None:
    labels = np.array([0, 1] * 30 + [2] * 4)
    features = np.eye(3, 8)[labels] + NOISE.normal(0, 0.1, (64, 8))
    found = look(part("training", noisy(64), labels, features=features))
    assert found.notes == [
        "Labels and outliers were not looked for in 1 classes with fewer than 10 training images: "
        "star."
    ]
    assert found.findings[0].of == 60


def test_without_features_only_what_shows_in_the_images_is_looked_for() -> None:
    found = look(part("training", noisy(6)))
    assert found.notes == ["Labels and outliers were not looked for: nobody made any."]
    assert {"labels", "outliers"}.isdisjoint(one.kind for one in found.findings)


def test_a_rule_speaks_above_its_share_and_says_what_to_do() -> None:
    images = noisy(20)
    images[:3] = 0
    for pictures, outcome in (("warn", "warn"), ("stop", "stop")):
        (blank,) = look(part("training", images), pictures=pictures, duplicates="off").of(outcome)
        assert blank.sentence == (
            "3 of 20 images are of one colour (15 %, and health.pictures_share is 1 %): look at "
            "them, remove them at the source, or set health.pictures to "
            f"{'warn or off' if outcome == 'stop' else 'off'}"
        )
    assert not look(part("training", images), pictures_share=0.2, duplicates="off").of("warn")
    assert not look(part("training", images), pictures="off", duplicates="off").findings[1:]


def test_the_page_shows_the_images_and_takes_no_word_for_markup() -> None:
    images = noisy(20)
    images[1] = images[5] = 0
    seen = np.array([1_756_700_000] * 10 + [1_759_400_000] * 10)
    origins = ["<script>alert(1)</script>"] * 20
    found = look(part("training", images, origins=origins, first_seen=seen), duplicates="off")
    page = page_of(found)
    assert page.count("<img ") == 2 and "data:image/png" in page
    assert "<script" not in page and "<b>square" not in page
    assert list(found.months) == ["2025-09", "2025-10"] and "2025-10" in page
