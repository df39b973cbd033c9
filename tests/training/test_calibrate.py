import numpy as np
import pytest

from fenliu.scorer import log_softmax
from training.calibrate import calibration_error, find_temperature


def test_the_temperature_that_blurred_the_labels_is_found() -> None:
    generator = np.random.default_rng(5)
    honest = generator.normal(size=(4000, 6))
    chances = np.exp(log_softmax(honest))
    target = np.array([generator.choice(6, p=row) for row in chances])
    assert find_temperature(honest * 3.0, target) == pytest.approx(3.0, rel=0.15)


def test_calibration_error_of_simple_cases() -> None:
    assert calibration_error(np.array([0.8] * 5), np.array([True] * 4 + [False])) == pytest.approx(
        0
    )
    assert calibration_error(np.array([1.0, 1.0]), np.array([True, False])) == pytest.approx(0.5)
    assert calibration_error(np.array([]), np.array([], dtype=bool)) == 0
