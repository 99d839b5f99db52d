"""One version of the classifier, loaded from its files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model_zoo.errors import UserError
from model_zoo.evaluation.calibration import apply_temperature
from model_zoo.predictor.session import open_session
from model_zoo.registry.served_files import FACTS_TAG, MODEL, check_file, read_facts


@dataclass(frozen=True)
class Prediction:
    """What a version makes of one image.

    Attributes:
        probabilities: float64 (classes,), calibrated.
        image: uint8 (H, W), what the model saw.
        heatmap: float32 (h, w), Grad-CAM of the most likely class; None from an old version.
        heatmaps: float32 (classes, h, w), Grad-CAM of every class; None from an old version.
    """

    label: str
    confidence: float
    labels: tuple[str, ...]
    probabilities: np.ndarray
    image: np.ndarray
    heatmap: np.ndarray | None
    heatmaps: np.ndarray | None = None

    def as_dict(self) -> dict[str, Any]:
        shares = dict(zip(self.labels, map(float, self.probabilities), strict=True))
        return {"label": self.label, "confidence": self.confidence, "probabilities": shares}

    def heatmap_of(self, label: str | None = None) -> np.ndarray:
        """float32 (h, w): where the model sees evidence for a class, by default the top one.

        Raises:
            UserError: an unknown class, or a version that carries no heatmap for it.
        """
        if label is not None and label not in self.labels:
            raise UserError(f"unknown class {label!r}: choose one of {', '.join(self.labels)}")
        if self.heatmaps is not None:
            return np.asarray(self.heatmaps[self.labels.index(label or self.label)])
        if self.heatmap is None or label not in (None, self.label):
            raise UserError(
                f"this version has no heatmap for {label or self.label!r}: it was registered "
                "before every class had one"
            )
        return self.heatmap


class Classifier:
    """One version, loaded from a folder with ``model.onnx`` and ``classifier.json``.

    Safe for several threads. It has predicted once when it is made, so the first request is as
    quick as the rest.
    """

    def __init__(
        self,
        folder: Path,
        version: str,
        tags: dict[str, str],
        threads: int = 0,
        *,
        file: str = MODEL,
        providers: str = "cpu",
        batch: int = 8,
    ) -> None:
        """Check the files' digests, load them and warm up.

        Args:
            tags: of the registered version; they hold the digest of ``classifier.json``.
            threads: of one prediction; 0: one a physical core.
            file: the ONNX file in ``folder``.
            providers: execution providers in order of preference, separated by commas.
            batch: images that are run together at the most.

        Raises:
            UserError: a file is missing, damaged, swapped, or cannot be run.
        """
        self.version = version
        self.tags = tags
        self.facts: dict[str, Any] = read_facts(folder, tags.get(FACTS_TAG))
        check_file(folder / file, self.facts)
        self.session, self.notice = open_session(folder / file, providers, threads)
        self.batch = batch
        self.labels = tuple(self.facts["labels"])
        self.image_shape: tuple[int, int] = tuple(self.facts["image_shape"])  # type: ignore[assignment]
        self.temperature = float(self.facts.get("temperature", 1.0))
        self.outputs = [output.name for output in self.session.get_outputs()]
        self.input = self.session.get_inputs()[0].name
        self._warm_up(folder / file)

    def _warm_up(self, path: Path) -> None:
        try:
            found = self.probabilities(np.zeros((1, *self.image_shape), np.uint8))
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
        """Predict for uint8 (N, H, W), with heatmaps.

        Raises:
            UserError: another shape or dtype, or no image at all.
        """
        return [one for part in self._parts(images) for one in self._predict_part(part)]

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Calibrated probabilities float64 (N, classes) for uint8 (N, H, W), without heatmaps.

        Raises:
            UserError: another shape or dtype, or no image at all.
        """
        raw = [
            np.asarray(self.session.run(["probabilities"], {self.input: part})[0])
            for part in self._parts(images)
        ]
        return apply_temperature(np.concatenate(raw), self.temperature)

    def _parts(self, images: np.ndarray) -> Iterator[np.ndarray]:
        """Never more than a batch at once: what ONNX Runtime once allocated, it keeps."""
        images = np.asarray(images)
        if images.dtype != np.uint8 or images.shape[1:] != self.image_shape or not len(images):
            height, width = self.image_shape
            raise UserError(
                f"version {self.version}: expected images uint8 (N, {height}, {width}) with N > 0. "
                f"Received: {images.dtype} {images.shape}"
            )
        return (images[i : i + self.batch] for i in range(0, len(images), self.batch))

    def _predict_part(self, images: np.ndarray) -> Iterator[Prediction]:
        values = dict(
            zip(self.outputs, self.session.run(self.outputs, {self.input: images}), strict=True)
        )
        maps, every = values.get("heatmap"), values.get("heatmaps")
        calibrated = apply_temperature(np.asarray(values["probabilities"]), self.temperature)
        for i, row in enumerate(calibrated):
            yield Prediction(
                label=self.labels[int(row.argmax())],
                confidence=float(row.max()),
                labels=self.labels,
                probabilities=row,
                image=images[i],
                heatmap=None if maps is None else np.asarray(maps[i]),
                heatmaps=None if every is None else np.asarray(every[i]),
            )
