"""Temperature scaling finds the temperature that was there, and never changes an answer."""

import numpy as np
import pytest

from model_zoo.evaluation.calibration import apply_temperature, fit_temperature
from model_zoo.evaluation.metrics import expected_calibration_error


def drawn(temperature: float, count: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that are too sharp (or soft) by a temperature, and labels drawn from the
    true ones."""
    rng = np.random.default_rng(7)
    logits = rng.normal(0, 1.5, (count, 4))
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([rng.choice(4, p=row) for row in true])
    return apply_temperature(true, 1 / temperature), labels


@pytest.mark.parametrize("temperature", [0.6, 1.0, 2.5])
def test_a_known_temperature_is_found_again(temperature: float) -> None:
    probabilities, labels = drawn(temperature)
    found = fit_temperature(probabilities, labels)
    assert found == pytest.approx(temperature, rel=0.04)
    calibrated = apply_temperature(probabilities, found)
    assert (
        expected_calibration_error(calibrated.max(axis=1), calibrated.argmax(axis=1) == labels)
        < 0.02
    )


def test_confidence_falls_with_temperature_and_the_ranking_stays() -> None:
    probabilities, _ = drawn(1.0, 200)
    softer, sharper = (apply_temperature(probabilities, t) for t in (3.0, 0.5))
    order = probabilities.argsort(axis=1)
    for scaled in (softer, sharper):
        np.testing.assert_array_equal(scaled.argsort(axis=1), order)
        np.testing.assert_allclose(scaled.sum(axis=1), 1)
    assert (softer.max(axis=1) < probabilities.max(axis=1)).all()
    assert (sharper.max(axis=1) > probabilities.max(axis=1)).all()
    np.testing.assert_allclose(apply_temperature(probabilities, 1.0), probabilities)


def test_certain_answers_stay_numbers() -> None:
    certain = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], np.float32)
    assert np.isfinite(apply_temperature(certain, 0.25)).all()
    assert 0.25 <= fit_temperature(certain, np.array([0, 1])) <= 4.0
