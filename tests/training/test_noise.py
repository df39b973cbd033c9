import numpy as np
import pytest

from fenliu.text import normalise
from training.noise import ROBUSTNESS, homophones, noisy_copies, typing_errors
from training.rows import Row

TEXT = "老板欠我三个月工资120元不给，要赔偿"


@pytest.mark.parametrize("name", ROBUSTNESS)
def test_every_noise_changes_the_text_repeatably(name: str) -> None:
    noise = ROBUSTNESS[name]
    once, again = (noise(TEXT, np.random.default_rng(3)) for _ in range(2))
    assert once == again != TEXT


@pytest.mark.parametrize("name", ["spaces", "punctuation", "traditional", "full_width"])
def test_normalisation_undoes_what_only_looks_different(name: str) -> None:
    disturbed = ROBUSTNESS[name](TEXT, np.random.default_rng(3))
    assert normalise(disturbed).characters == normalise(TEXT).characters


def test_homophones_sound_alike_and_typing_errors_stay_short() -> None:
    generator = np.random.default_rng(1)
    assert len(homophones(TEXT, generator)) == len(TEXT)
    assert abs(len(typing_errors(TEXT, generator)) - len(TEXT)) <= 2


def test_copies_keep_label_and_batch() -> None:
    row = Row(TEXT, "0601", "medium", "desk")
    (first, second) = noisy_copies([row], 2, seed=1)
    assert {first.type, second.type, first.batch} == {"0601", "desk"}
    assert first.text != second.text
