from dataclasses import replace

import numpy as np
import pytest

from fenliu.classifier import Classifier
from fenliu.scorer import Scorer, blend, log_softmax
from fenliu.text import normalise
from fenliu.tokens import Tokeniser

TEXTS = ["报警人称老板欠三个月工钱不给", "电瓶车被偷", "有纠纷", "钱，欠钱，还是欠钱！", "abc 120"]


@pytest.mark.parametrize("text", [*TEXTS, "龘", "x", "欠"])
def test_probabilities_are_a_distribution(classifier: Classifier, text: str) -> None:
    probabilities = classifier.bundle.scorer.probabilities(normalise(text))
    assert probabilities.shape == (len(classifier.bundle.taxonomy.labels),)
    assert probabilities.min() >= 0
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("text", TEXTS)
def test_reasons_sum_up_to_the_logit_of_the_label_head(classifier: Classifier, text: str) -> None:
    trained = classifier.bundle.scorer.weights
    membership = classifier.bundle.taxonomy.membership
    lexicon = classifier.bundle.path / "lexicon.txt"
    alone = Scorer(replace(trained, owner_weight=0.0), membership, Tokeniser(lexicon))
    normal = normalise(text)
    label = 3
    logits = np.log(alone.probabilities(normal).astype(float)) * trained.temperature
    bias = trained.bias[: len(membership)]
    centred = (logits - logits.mean())[label] - (bias - bias.mean())[label]
    assert sum(c.weight for c in alone.credits(normal, label)) == pytest.approx(centred, abs=1e-3)


def test_blending_moves_owners_but_never_the_order_within_one() -> None:
    labels = log_softmax(np.array([2.0, 1.0, 1.5, 0.0], dtype=np.float32))
    owners = log_softmax(np.array([-1.0, 3.0], dtype=np.float32))
    membership = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=np.float32)
    alone = blend(labels, owners, membership, 0.0)
    assert alone == pytest.approx(np.exp(labels), abs=1e-6)
    half = blend(labels, owners, membership, 0.5)
    assert half.sum() == pytest.approx(1)
    assert half[0] / half[1] == pytest.approx(alone[0] / alone[1], rel=1e-4)
    assert half[2:].sum() > alone[2:].sum()
    full = blend(labels, owners, membership, 1.0)
    assert full @ membership == pytest.approx(np.exp(owners), abs=1e-5)


def test_the_words_that_decide_are_found(classifier: Classifier) -> None:
    decision = classifier.decide("昨天晚上　放在楼下的 电瓶车 被偷了")
    narrative = "昨天晚上　放在楼下的 电瓶车 被偷了"
    assert all(narrative[r.start : r.end] == r.text for r in decision.reasons)
    assert {"电瓶车", "偷"} & {r.text.strip() for r in decision.reasons} or any(
        "偷" in r.text for r in decision.reasons
    )


def test_a_sentence_said_ten_times_says_the_same(classifier: Classifier) -> None:
    scorer = classifier.bundle.scorer
    once = scorer.probabilities(normalise("楼上漏水泡坏了天花板"))
    ten = scorer.probabilities(normalise("楼上漏水泡坏了天花板。" * 10))
    assert once.argmax() == ten.argmax()
