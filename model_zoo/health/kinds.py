"""What may be wrong with images: the kinds of findings, and the words for each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of finding: its name, its rule in the settings, and the words for it."""

    name: str
    rule: str
    title: str
    what: str
    advice: str
    explained: str


KINDS = {
    one.name: one
    for one in (
        Kind(
            "labels",
            "labels",
            "Labels likely wrong",
            "training labels are likely wrong",
            "mend them at the source",
            "A classifier on pretrained features that has not seen the image all but excludes its "
            "label (cleanlab). Some are right and the image is hard.",
        ),
        Kind(
            "leaks",
            "leaks",
            "Leaks between parts",
            "test and validation images look all but the same as one that is trained on",
            "give them one group at the source, or remove them there",
            "Equal pixels, or the same to a perceptual hash and to their colours; at the right is "
            "the image that is trained on. What is measured on them may be memory.",
        ),
        Kind(
            "duplicates",
            "duplicates",
            "Duplicates",
            "images are in their part already, or one all but the same",
            "remove them at the source",
            "Equal pixels, or one group of near duplicates; its twin is at the right. Such an "
            "image counts twice.",
        ),
        Kind(
            "outliers",
            "outliers",
            "Outliers",
            "training images are unlike every class",
            "remove at the source what does not belong",
            "By pretrained features they lie far from the middle of the nearest class.",
        ),
        Kind(
            "blank",
            "pictures",
            "Blank images",
            "images are of one colour",
            "remove them at the source",
            "Their grey values differ by less than 3 of 255.",
        ),
        Kind(
            "dark",
            "pictures",
            "Dark images",
            "images are all but black",
            "remove or lighten them at the source",
            "99 of 100 pixels are darker than 40 of 255.",
        ),
        Kind(
            "light",
            "pictures",
            "Washed-out images",
            "images are all but white",
            "remove or darken them at the source",
            "99 of 100 pixels are lighter than 225 of 255.",
        ),
        Kind(
            "blurred",
            "pictures",
            "Blurred images",
            "images have no sharp edge",
            "replace them at the source",
            "At the size they are trained on, their Laplacian varies less than a hundredth "
            "of what their grey values do.",
        ),
        Kind(
            "size",
            "pictures",
            "Files of an odd size",
            "files have a twentieth of the usual bytes, or twenty times as many",
            "look whether they are what they should be",
            "By the bytes of the files, against their median.",
        ),
    )
}
