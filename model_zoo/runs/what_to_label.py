"""Which of the unlabelled images to label first, by what is in production."""

from __future__ import annotations

import base64

import numpy as np

from model_zoo.data.corrections import corrections_of
from model_zoo.data.corrections.ranking import Ranking, Unlabelled, keep_ranking
from model_zoo.data.image_folder.decoding import Wanted, decode_files
from model_zoo.data.image_folder.file_index import Known
from model_zoo.data.image_folder.listing import File
from model_zoo.images import png
from model_zoo.predictor import ServedClassifier, load_classifier
from model_zoo.predictor.neighbours import neighbours_of
from model_zoo.predictor.ranking import order
from model_zoo.progress import Say
from model_zoo.registry.store import store_of
from model_zoo.registry.versions import get_version
from model_zoo.runs.unlabelled import unlabelled_files
from model_zoo.settings import Places, Project, Serving

MOST = 2000  # images that are looked at
SHOWN = 60  # that are ranked: a reviewer labels some, and has them ranked anew


def rank_unlabelled(project: Project, places: Places, say: Say) -> Ranking:
    """Have production look at the images, and keep which to label first where the page finds it.

    Args:
        places: of the project.

    Raises:
        UserError: no such folder, nothing in production, or a version without embeddings.
    """
    files = unlabelled_files(project.data)
    store, serving = store_of(project, places), Serving.load()
    served = load_classifier(store, serving, places.cache_dir, "production")
    corrections = corrections_of(project.name, places)
    done = {one.digest for one in corrections.all()}
    count = len(files)
    if count > MOST:
        drawn = np.random.default_rng(0).permutation(count)[:MOST]
        files = [files[row] for row in np.sort(drawn)]
        say(f"{count:,} unlabelled images: a random {MOST:,} of them are looked at")
    images, known = _decoded(files, served, project, done, say)
    if not images:
        ranking = Ranking(served.version, count, ())
    else:
        probabilities, embeddings = served.answers_of(np.stack(images))
        sample = neighbours_of(store, get_version(store, served.version), places.cache_dir)
        learned = embeddings[:0] if sample is None else sample.embeddings
        rows, scores = order(probabilities, embeddings, learned, SHOWN)
        ranking = Ranking(
            served.version,
            count,
            tuple(
                Unlabelled(
                    path=known[row].path,
                    digest=known[row].digest,
                    score=round(float(score), 4),
                    predicted=served.labels[int(probabilities[row].argmax())],
                    confidence=round(float(probabilities[row].max()), 4),
                    image_shape=served.image_shape,
                    preparation=served.preparation,
                    png=base64.b64encode(png(images[row])).decode(),
                )
                for row, score in zip(rows, scores, strict=True)
            ),
        )
    keep_ranking(corrections, ranking)
    return ranking


def _decoded(
    files: list[File], served: ServedClassifier, project: Project, done: set[str], say: Say
) -> tuple[list[np.ndarray], list[Known]]:
    """Those that can be read and that nobody has labelled, prepared as the version takes them."""
    wanted = Wanted(
        project.data.unlabelled.rstrip("/"),
        served.image_shape,
        served.preparation,
        project.data.max_pixels,
    )
    found = [
        (one.known, one.pixels)
        for one in decode_files(files, wanted)
        if one.pixels is not None and one.known.digest not in done
    ]
    found.sort(key=lambda one: one[0].path)
    first = {known.digest: place for place, (known, _) in reversed(list(enumerate(found)))}
    kept = [found[place] for place in sorted(first.values())]  # of equal files the first
    say(f"{len(kept):,} of {len(files):,} unlabelled images can be read and have no label yet")
    return [pixels for _, pixels in kept], [known for known, _ in kept]
