import numpy as np
import pytest

from fenliu.classifier import Classifier
from fenliu.text import normalise

TEXTS = ["报警人称老板欠三个月工钱不给", "电瓶车被偷", "有纠纷", "钱，欠钱，还是欠钱！", "abc 120"]


@pytest.mark.parametrize("text", [*TEXTS, "龘", "x", "欠"])
def test_probabilities_are_a_distribution(classifier: Classifier, text: str) -> None:
    probabilities = classifier.bundle.scorer.probabilities(normalise(text))
    assert probabilities.shape == (len(classifier.bundle.taxonomy.labels),)
    assert probabilities.min() >= 0
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("text", TEXTS)
def test_reasons_sum_up_to_the_logit(classifier: Classifier, text: str) -> None:
    scorer = classifier.bundle.scorer
    normal = normalise(text)
    label = 3
    logits = np.log(scorer.probabilities(normal).astype(float)) * scorer.weights.temperature
    bias = scorer.weights.bias
    centred = (logits - logits.mean())[label] - (bias - bias.mean())[label]
    assert sum(c.weight for c in scorer.credits(normal, label)) == pytest.approx(centred, abs=1e-3)


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
