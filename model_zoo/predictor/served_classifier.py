"""One version of the classifier, loaded from its files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model_zoo.data.dataset import array_shape
from model_zoo.errors import UserError
from model_zoo.evaluation.calibration import apply_temperature
from model_zoo.images import STEPS
from model_zoo.predictor.session import open_session
from model_zoo.registry.served_files import FACTS_TAG, MODEL, check_file, read_facts

#: Classes that a sentence names.
MOST_NAMED = 20


@dataclass(frozen=True)
class Prediction:
    """What a version makes of one image.

    Attributes:
        probabilities: float64 (classes,), calibrated.
        image: uint8 (h, w) or (h, w, 3), what the model saw.
        heatmap: float32 (y, x), Grad-CAM of the most likely class.
        heatmaps: float32 (k, y, x), Grad-CAM of the k most likely classes, the first of all first.
        explained: their labels: every class, or of many the five most likely ones.
    """

    label: str
    confidence: float
    labels: tuple[str, ...]
    probabilities: np.ndarray
    image: np.ndarray
    heatmap: np.ndarray
    heatmaps: np.ndarray
    explained: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        shares = dict(zip(self.labels, map(float, self.probabilities), strict=True))
        return {"label": self.label, "confidence": self.confidence, "probabilities": shares}

    def heatmap_of(self, label: str | None = None) -> np.ndarray:
        """float32 (y, x): where the model sees evidence for a class, by default the top one.

        Raises:
            UserError: an unknown class, or of many one that is not among the most likely.
        """
        label = label or self.label
        if label not in self.labels:
            first = ", ".join(self.labels[:MOST_NAMED])
            more = f" and {len(self.labels) - MOST_NAMED:,} more" * (len(self.labels) > MOST_NAMED)
            raise UserError(f"unknown class {label!r}: choose one of {first}{more}")
        if label not in self.explained:
            raise UserError(
                f"no heatmap of {label!r}, which is not among the {len(self.explained)} most "
                f"likely of {len(self.labels):,} classes: choose one of {', '.join(self.explained)}"
            )
        return np.asarray(self.heatmaps[self.explained.index(label)])


class ServedClassifier:
    """One version, loaded from a folder with ``model.onnx`` and ``classifier.json``.

    Safe for several threads. It has predicted once when it is made, so the first request is as
    quick as the rest.

    Attributes:
        version: its number, or the path that it was loaded from.
        tags: of the registered version.
        facts: what ``classifier.json`` says.
        labels: the classes, in the order of the probabilities.
        image_shape: (h, w, channels) of an image.
        array_shape: of its pixels: (h, w), or (h, w, 3) in colour.
        preparation: names of the steps that bring any picture to such an image.
        generated: it learned from generated images.
        notice: a sentence when it does not run on the provider that was asked for first.
        bytes: of its ONNX file; loaded it takes 1.0 to 1.1 times as much, and what the
            intermediate results of a batch need.
    """

    def __init__(
        self,
        folder: Path,
        version: str,
        tags: dict[str, str],
        *,
        file: str = MODEL,
        project: str | None = None,
        threads: int = 0,
        providers: str = "cpu",
        batch: int = 8,
    ) -> None:
        """Check the files' digests, load them and warm up.

        Args:
            tags: of the registered version; they hold the digest of ``classifier.json``.
            file: the ONNX file in ``folder``.
            project: that must have registered it; None: any.
            threads: of one prediction; 0: one a physical core.
            providers: execution providers in order of preference, separated by commas.
            batch: images that are run together at the most.

        Raises:
            UserError: a file is missing, damaged, swapped, of another layout or project, or cannot
                be run; or the version needs a preparation step that nobody registered.
        """
        self.version = version
        self.tags = tags
        self.facts: dict[str, Any] = read_facts(folder, tags.get(FACTS_TAG), project)
        self.labels = tuple(self.facts["labels"])
        height, width, channels = self.facts["image_shape"]
        self.image_shape: tuple[int, int, int] = (height, width, channels)
        self.array_shape = array_shape(self.image_shape)
        self.preparation = tuple(self.facts["preparation"])
        self.generated = bool(self.facts["generated"])
        self.temperature = float(self.facts["temperature"])
        self.batch = batch
        self._check_preparation()
        check_file(folder / file, self.facts)
        self.bytes = (folder / file).stat().st_size
        self.session, self.notice = open_session(folder / file, providers, threads)
        self.input = self.session.get_inputs()[0].name
        self._warm_up(folder / file)

    def _check_preparation(self) -> None:
        for step in self.preparation:
            try:
                STEPS.get(step)
            except UserError as error:
                raise UserError(
                    f"version {self.version} cannot prepare pictures: {error}"
                ) from None

    def _warm_up(self, path: Path) -> None:
        try:
            found = self.probabilities(np.zeros((1, *self.array_shape), np.uint8))
        except UserError:
            raise
        except Exception as error:  # ONNX Runtime's errors have no base class of their own
            reason = str(error).strip().splitlines()[0]
            raise UserError(f"{path} does not predict for its own image shape: {reason}") from None
        if found.shape != (1, len(self.labels)):
            raise UserError(
                f"{path} gives {found.shape[-1]} probabilities, classifier.json names "
                f"{len(self.labels)} classes: the two do not belong together"
            )

    def predict(self, images: np.ndarray) -> list[Prediction]:
        """Predict for uint8 (N, *array_shape), with heatmaps.

        Raises:
            UserError: another shape or dtype, or no image at all.
        """
        return [one for part in self._parts(images) for one in self._predict_part(part)]

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Calibrated probabilities float64 (N, classes) for uint8 (N, *array_shape), no heatmaps.

        Raises:
            UserError: another shape or dtype, or no image at all.
        """
        raw = [
            np.asarray(self.session.run(["probabilities"], {self.input: part})[0])
            for part in self._parts(images)
        ]
        return apply_temperature(np.concatenate(raw), self.temperature)

    def answers_of(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Calibrated probabilities float64 (N, classes) and embeddings float32 (N, c), the pooled
        features, for uint8 (N, *array_shape).

        Raises:
            UserError: another shape or dtype, no image at all, or a file without embeddings.
        """
        if "embedding" not in {one.name for one in self.session.get_outputs()}:
            raise UserError(
                f"version {self.version} gives no embeddings: it was registered by an older Catwalk"
            )
        raw, embedded = zip(
            *(
                self.session.run(["probabilities", "embedding"], {self.input: part})
                for part in self._parts(images)
            ),
            strict=True,
        )
        return apply_temperature(np.concatenate(raw), self.temperature), np.concatenate(embedded)

    def _parts(self, images: np.ndarray) -> Iterator[np.ndarray]:
        """Never more than a batch at once: what ONNX Runtime once allocated, it keeps."""
        images = np.asarray(images)
        if images.dtype != np.uint8 or images.shape[1:] != self.array_shape or not len(images):
            wanted = ", ".join(map(str, self.array_shape))
            raise UserError(
                f"version {self.version}: expected images uint8 (N, {wanted}) with N > 0. "
                f"Received: {images.dtype} {images.shape}"
            )
        return (images[i : i + self.batch] for i in range(0, len(images), self.batch))

    def _predict_part(self, images: np.ndarray) -> Iterator[Prediction]:
        outputs = ["probabilities", "heatmap", "heatmaps", "explained"]
        found = self.session.run(outputs, {self.input: images})
        probabilities, heatmap, heatmaps, explained = (np.asarray(one) for one in found)
        for i, row in enumerate(apply_temperature(probabilities, self.temperature)):
            yield Prediction(
                label=self.labels[int(row.argmax())],
                confidence=float(row.max()),
                labels=self.labels,
                probabilities=row,
                image=images[i],
                heatmap=heatmap[i],
                heatmaps=heatmaps[i],
                explained=tuple(self.labels[number] for number in explained[i]),
            )
