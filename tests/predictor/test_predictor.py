"""The predictor on real versions: loads, checks, batches, swaps, stays small, needs no Keras."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest

from model_zoo.errors import UserError
from model_zoo.images import png
from model_zoo.predictor import Overloaded, ServedClassifier, queue
from model_zoo.predictor.queue import PredictionQueue
from model_zoo.registry.client import connect
from model_zoo.registry.promotion import promote
from model_zoo.registry.served_files import FACTS_TAG

if TYPE_CHECKING:
    from tests.predictor.conftest import Home


def test_alias_number_folder_and_file_load_the_same(home: Home, images: np.ndarray) -> None:
    by_alias = home.load("production")
    expected = by_alias.probabilities(images)
    assert expected.shape == (64, 10) and by_alias.version == "1" and by_alias.generated
    folder = home.cached / "1"
    for reference in ("1", str(folder), str(folder / "model.onnx")):
        found = home.load(reference).probabilities(images)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("reference", "sentence"),
    [
        ("9", "; registered: 2, 1"),
        ("champion", "no version carries the alias 'champion'"),
        ("nowhere/model.onnx", "nowhere/classifier.json cannot be read"),
        ("export/model.int8.tflite", "expected an .onnx file"),
    ],
)
def test_what_cannot_be_loaded_is_one_sentence(home: Home, reference: str, sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        home.load(reference)
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


def test_a_version_of_another_project_is_one_sentence(home: Home) -> None:
    connect(home.store).set_model_version_tag(home.store.model, "2", "project", "boots")
    with pytest.raises(UserError, match="registered by the project 'boots', not by 'fashion-mnist"):
        home.load("2")


@pytest.mark.parametrize(
    ("bad", "received"),
    [
        (np.zeros((2, 32, 32), np.uint8), r"uint8 \(2, 32, 32\)"),
        (np.zeros((28, 28), np.uint8), r"uint8 \(28, 28\)"),
        (np.zeros((2, 28, 28), np.float32), r"float32 \(2, 28, 28\)"),
        (np.zeros((2, 28, 28, 3), np.uint8), r"uint8 \(2, 28, 28, 3\)"),
        (np.zeros((0, 28, 28), np.uint8), r"uint8 \(0, 28, 28\)"),
    ],
)
def test_images_of_another_kind_are_refused(home: Home, bad: np.ndarray, received: str) -> None:
    classifier = home.load()
    for method in (classifier.predict, classifier.probabilities):
        expected = r"expected images uint8 \(N, 28, 28\) with N > 0"
        with pytest.raises(UserError, match=f"{expected}. Received: {received}"):
            method(bad)


def test_any_class_has_a_heatmap(home: Home, images: np.ndarray) -> None:
    found = home.load().predict(images[:3])
    for one in found:
        np.testing.assert_array_equal(one.heatmap_of(), one.heatmap_of(one.label))
        np.testing.assert_allclose(one.heatmap, one.heatmap_of(one.label), rtol=1e-6)
        assert one.heatmaps.shape == (10, 7, 7) and set(one.explained) == set(one.labels)
    with pytest.raises(UserError, match="unknown class 'Sock': choose one of T-shirt/top"):
        found[0].heatmap_of("Sock")


def test_the_public_face_predicts_without_tensorflow_and_keras(home: Home) -> None:
    program = (
        "import sys, json, numpy as np\n"
        "from model_zoo import load_classifier\n"
        "classifier = load_classifier()\n"
        "classifier.predict(np.zeros((1, *classifier.array_shape), np.uint8))\n"
        "load_classifier('2')\n"
        "before = 'mlflow' in sys.modules\n"
        "from mlflow import MlflowClient\n"  # what a server is asked by
        "names = sorted({name.split('.')[0] for name in sys.modules})\n"
        "print(json.dumps([before, names]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"CATWALK_HOME": str(home.places.home)},
        capture_output=True,
        text=True,
        check=True,
    )
    mlflow_before, names = json.loads(done.stdout.splitlines()[-1])
    assert not mlflow_before and "mlflow" in names and "onnxruntime" in names
    assert not set(names) & {"tensorflow", "keras", "jax", "torch", "tf2onnx", "ai_edge_litert"}


def test_requests_of_several_threads_share_a_forward_pass(
    home: Home, images: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = home.load()
    expected = classifier.probabilities(images)
    sizes: list[int] = []
    entered, go_on = threading.Event(), threading.Event()
    real = ServedClassifier.predict

    def slow_at_first(self: ServedClassifier, batch: np.ndarray):
        sizes.append(len(batch))
        entered.set()
        assert go_on.wait(30)
        return real(self, batch)

    monkeypatch.setattr(ServedClassifier, "predict", slow_at_first)
    requests = PredictionQueue(batch=8, waiting=16)
    with ThreadPoolExecutor(17) as threads:
        first = threads.submit(requests.predict, classifier, images[0])
        assert entered.wait(30)
        rest = [threads.submit(requests.predict, classifier, image) for image in images[1:17]]
        while requests._waiting.qsize() < 16:
            assert not any(one.done() for one in rest)
        with pytest.raises(Overloaded, match="16 predictions are waiting already"):
            requests.predict(classifier, images[17])
        go_on.set()
        answers = [one.result() for one in (first, *rest)]
    assert sizes == [1, 8, 8]
    for answer, row, image in zip(answers, expected, images, strict=False):
        np.testing.assert_allclose(answer.probabilities, row, atol=1e-6)
        np.testing.assert_array_equal(answer.image, image)
    requests.close()
    assert not [one for one in threading.enumerate() if one is requests._thread]


def test_a_bad_request_spoils_no_other(home: Home, images: np.ndarray) -> None:
    classifier = home.load()
    requests = PredictionQueue(batch=8, waiting=64)
    bad = np.zeros((9, 9), np.uint8)
    with ThreadPoolExecutor(8) as threads:
        asked = [
            threads.submit(requests.predict, classifier, bad if i % 4 == 0 else images[i])
            for i in range(32)
        ]
        for i, one in enumerate(asked):
            if i % 4 == 0:
                with pytest.raises(UserError, match="Received"):
                    one.result()
            else:
                assert one.result().label in classifier.labels
    requests.close()


def test_what_is_no_array_or_takes_for_ever_ends_for_who_asked_alone(
    home: Home, images: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = home.load()
    requests = PredictionQueue(batch=8, waiting=64)
    for no_image in ([[0] * 28] * 28, None, "a.png"):
        with pytest.raises(UserError, match="Received"):
            requests.predict(classifier, no_image)
    assert requests.predict(classifier, images[0]).label in classifier.labels
    go_on = threading.Event()
    real = ServedClassifier.predict
    monkeypatch.setattr(
        ServedClassifier, "predict", lambda self, batch: go_on.wait(30) and real(self, batch)
    )
    monkeypatch.setattr(queue, "ANSWER_SECONDS", 0.05)
    for _ in range(3):
        with pytest.raises(Overloaded, match=r"no answer within 0\.05 s"):
            requests.predict(classifier, images[0])
    go_on.set()
    monkeypatch.setattr(queue, "ANSWER_SECONDS", 30)
    assert requests.predict(classifier, images[1]).label in classifier.labels
    requests.close()


def test_production_moves_under_load_without_a_failed_request(
    home: Home, images: np.ndarray
) -> None:
    predictor = home.predictor()
    predictor.refresh()
    old = weakref.ref(predictor.current.session)
    expected = {label.tobytes(): i for i, label in enumerate(images)}
    answers: list[tuple[str, int]] = []
    stop = threading.Event()

    def ask(start: int) -> None:
        i = start
        while not stop.is_set():
            version, found = predictor.predict_content(png(images[i % 64]))
            answers.append((version.version, expected[found.image.tobytes()] - i % 64))
            i += 1

    with ThreadPoolExecutor(4) as threads:
        asking = [threads.submit(ask, start) for start in range(4)]
        for number in ("2", "1", "2"):
            promote(home.store, number)
            predictor.refresh()
            reached = len(answers)
            while len(answers) < reached + 40:
                assert not any(one.done() for one in asking), [one.exception() for one in asking]
        stop.set()
        for one in asking:
            one.result()
    assert {version for version, _ in answers} == {"1", "2"}
    assert all(swapped == 0 for _, swapped in answers), "an answer belongs to its own image"
    assert predictor.current.version == "2" and predictor.problem is None
    predictor.close()
    gc.collect()
    assert old() is None, "a replaced version is let go"


def test_versions_on_disk_are_bounded(home: Home) -> None:
    for number in ("1", "2", "1"):
        assert home.load(number, cached_versions=1).version == number
        assert [path.name for path in home.cached.iterdir() if path.is_dir()] == [number]


def test_looking_at_other_versions_drops_none_of_the_one_in_production(home: Home) -> None:
    home.predictor().refresh()
    assert home.load("2", cached_versions=1).version == "2"
    assert {path.name for path in home.cached.iterdir() if path.is_dir()} == {"1", "2"}


def test_a_deleted_alias_does_not_stop_the_last_good_version(
    home: Home, images: np.ndarray
) -> None:
    predictor = home.predictor()
    predictor.refresh()
    client = connect(home.store)
    client.delete_registered_model_alias(home.store.model, "production")
    predictor.refresh()
    assert predictor.predict(images[0])[0].version == "1"
    assert predictor.problem == "no version carries the alias production any more"
    client.delete_registered_model(home.store.model)
    predictor.refresh()
    assert predictor.predict(images[0])[0].version == "1" and predictor.problem


@pytest.mark.fault(
    "the page's copy of a version is damaged",
    saw="predictions: it is fetched again",
    lost="nothing",
)
def test_a_damaged_cache_is_fetched_again(home: Home, images: np.ndarray) -> None:
    home.load("1")
    (home.cached / "1" / "model.onnx").write_bytes(b"half a file")
    assert len(home.load("1").predict(images[:2])) == 2


@pytest.mark.fault(
    "a version is damaged in the registry",
    saw="the version before goes on answering; the page says which is damaged",
    lost="nothing",
)
def test_a_version_damaged_in_the_registry_does_not_replace_a_good_one(
    home: Home, images: np.ndarray
) -> None:
    predictor = home.predictor()
    predictor.refresh()
    connect(home.store).set_model_version_tag(home.store.model, "2", FACTS_TAG, "0" * 64)
    promote(home.store, "2")
    predictor.refresh()
    assert predictor.current.version == "1"
    assert "version 2 is damaged in the registry" in predictor.problem
    assert not predictor.registry_away
    assert predictor.predict(images[0])[0].version == "1"


def test_a_provider_that_is_not_there_is_said(home: Home, images: np.ndarray) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has CUDA")
    classifier = home.load(execution_providers="cuda, cpu")
    assert classifier.notice.startswith("CUDAExecutionProvider is not in this installation")
    assert classifier.notice.endswith("predicting on CPUExecutionProvider")
    assert len(classifier.predict(images[:1])) == 1
    for name in ("openvino-bf16", "OpenVINOExecutionProvider"):
        also = home.load(execution_providers=name)
        assert also.notice.startswith("OpenVINOExecutionProvider is not in this installation")
    with pytest.raises(UserError, match="unknown execution provider 'abacus': choose from cpu"):
        home.load(execution_providers="abacus")


def test_the_int8_file_is_served_when_it_is_asked_for(home: Home, images: np.ndarray) -> None:
    predictor = home.predictor(served_format="onnx-int8")
    predictor.refresh()
    exact = home.load().probabilities(images)
    found = predictor.current.probabilities(images)
    assert (exact.argmax(axis=1) == found.argmax(axis=1)).mean() > 0.9
    assert not np.array_equal(exact, found), "another file"
    assert predictor.predict(images[0])[1].heatmaps.shape == (10, 7, 7)
