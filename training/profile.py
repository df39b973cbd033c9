"""What a realistic sample of calls looks like to a bundle, for `fenliu.drift` to compare with."""

from collections.abc import Sequence
from typing import Any

from fenliu.bundle import Bundle
from fenliu.classifier import Classifier
from fenliu.drift import look_at, make_profile
from training.rows import Row


def profile(bundle: Bundle, sample: Sequence[Row]) -> dict[str, Any]:
    """The profile of a bundle for its manifest, decided as the service would decide.

    The sample must hold labels as often as they come in life, for it stands for a week of calls.
    """
    classifier = Classifier(bundle)
    decided = [(row.text, classifier.decide(row.text)) for row in sample]
    seen = [look_at(text, d.type.code, d.action, bundle.scorer) for text, d in decided]
    return make_profile(seen).as_dict()
