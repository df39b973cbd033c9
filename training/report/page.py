"""The report as one HTML file without outside references."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from jinja2 import Environment, PackageLoader, select_autoescape

from fenliu.bundle import Bundle
from fenliu.policy import ACTIONS, DIVERT
from fenliu.taxonomy import MEDIATION_CENTRE, OWNERS, POLICE
from fenliu.text import normalise
from training.certify import exact_upper_bound
from training.comparison import Paired
from training.report import plots
from training.report.names import NAMES
from training.robustness import LARGEST_GROWTH
from training.scoring import Scores

WORST = 30
PAIRS = 25
_ROUNDS = 400
_DELTA = 0.05


@dataclass(frozen=True)
class Extras:
    """Parts of the report that only some evaluations have."""

    baselines: pd.DataFrame | None = None
    robustness: pd.DataFrame | None = None
    comparison: Mapping[str, Paired] = field(default_factory=dict)
    against: str = ""
    sweep: str = ""


def render(bundle: Bundle, scores: Scores, source: str, extras: Extras) -> str:
    """The page. `source` says which calls were judged."""
    environment = Environment(
        loader=PackageLoader("training.report"), autoescape=select_autoescape(["html"])
    )
    environment.filters["percent"] = lambda value: f"{value:.1%}"
    environment.filters["fine"] = lambda value: f"{value:.2%}"
    return environment.get_template("report.html").render(
        bundle=bundle,
        source=source,
        summary=scores.summary(),
        headline=headline(scores),
        names=NAMES,
        shown=scores.shown,
        worst_limit=WORST,
        largest_growth=LARGEST_GROWTH,
        intervals=intervals(scores),
        owner_table=scores.owner_table(),
        categories=scores.per_category().to_dict("records"),
        types=scores.per_type().to_dict("records"),
        confusions=confusions(scores),
        worst=worst_errors(bundle, scores),
        pictures={
            name: plots.to_svg(draw(scores))
            for name, draw in (
                ("categories", plots.categories),
                ("reliability", plots.reliability),
                ("risk_coverage", plots.risk_coverage),
                ("lengths", plots.lengths),
            )
        },
        extras=extras,
    )


def headline(scores: Scores) -> dict[str, Any]:
    """What a reader should know first: calls of each action in a hundred, and the worst error."""
    police_diverted = scores.police_diverted_calls()
    diverted = int((scores.actions == DIVERT).sum())
    return {
        **{action: round(100 * float((scores.actions == action).mean())) for action in ACTIONS},
        "police": int((scores.owner_target == OWNERS.index(POLICE)).sum()),
        "mediation": int((scores.owner_target == OWNERS.index(MEDIATION_CENTRE)).sum()),
        "police_diverted": police_diverted,
        "upper_bound": exact_upper_bound(police_diverted, diverted, _DELTA),
    }


def intervals(scores: Scores) -> dict[str, tuple[float, float]]:
    """95 % bootstrap intervals of the headline figures."""
    hits = scores.right()
    hits["type_top1"] = hits.pop("type")
    hits["type_top3"] = (scores.order[:, :3] == scores.target[:, None]).any(axis=1)
    return {
        name: scores.bootstrap(partial(_share, hit), _ROUNDS, seed=1) for name, hit in hits.items()
    }


def _share(hit: npt.NDArray[np.bool_], rows: npt.NDArray[np.intp]) -> float:
    return float(hit[rows].mean())


def confusions(scores: Scores) -> list[dict[str, Any]]:
    """Pairs of labels that are most often mistaken for each other, the right one first."""
    taxonomy = scores.taxonomy
    wrong = scores.predicted != scores.target
    pairs = Counter(
        zip(scores.target[wrong].tolist(), scores.predicted[wrong].tolist(), strict=True)
    )
    lines = []
    for (right, predicted), calls in pairs.most_common(PAIRS):
        right_label, predicted_label = taxonomy.labels[right], taxonomy.labels[predicted]
        lines.append(
            {
                "right": right_label,
                "predicted": predicted_label,
                "calls": calls,
                "share": calls / int((scores.target == right).sum()),
                "owner_changes": taxonomy.owner_of(right_label)
                != taxonomy.owner_of(predicted_label),
            }
        )
    return lines


def worst_errors(bundle: Bundle, scores: Scores) -> list[dict[str, Any]]:
    """Diverted police matters first, then the errors of which the model was surest."""
    police = scores.owner_target == OWNERS.index(POLICE)
    dangerous = police & (scores.actions == DIVERT)
    confidence = scores.probabilities.max(axis=1)
    wrong = np.flatnonzero((scores.predicted != scores.target) | dangerous)
    order = sorted(wrong, key=lambda i: (not dangerous[i], -confidence[i]))[:WORST]
    return [_error(bundle, scores, int(i), bool(dangerous[i])) for i in order]


def _error(bundle: Bundle, scores: Scores, place: int, dangerous: bool) -> dict[str, Any]:
    text = normalise(scores.judged.texts[place])
    predicted = int(scores.predicted[place])
    credits = bundle.scorer.credits(text, predicted)
    best = sorted((c for c in credits if c.weight > 0), key=lambda c: -c.weight)[:4]
    return {
        "text": text.source,
        "dangerous": dangerous,
        "action": str(scores.actions[place]),
        "right": scores.judged.types[place],
        "predicted": scores.taxonomy.labels[predicted],
        "probability": float(scores.probabilities[place, predicted]),
        "words": [text.text[c.start : c.end] for c in best],
    }


def write_page(path: Path, page: str) -> None:
    """Write the page as UTF-8."""
    path.write_text(page, encoding="utf-8")
