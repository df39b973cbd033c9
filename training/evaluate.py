"""Stage 6: judge a model on labelled calls, and hold it against the gates."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fenliu.assessment import Assessment, Assessor
from fenliu.bundle import Bundle, write_json
from fenliu.errors import GateError
from fenliu.policy import OwnerSums, Policy, decide
from fenliu.taxonomy import Taxonomy
from fenliu.text import normalise
from training.rows import Row
from training.scoring import Judged, Scores

# Gates that a figure must stay below; all others must be reached.
_UPPER_GATES = {"diverted_police", "type_calibration_error", "category_calibration_error"}


def assess(assessor: Assessor, rows: Sequence[Row]) -> list[Assessment]:
    """Probabilities and danger signs of each row."""
    return [assessor.assess(normalise(row.text)) for row in rows]


def judge(
    rows: Sequence[Row], assessments: Sequence[Assessment], policy: Policy, taxonomy: Taxonomy
) -> Scores:
    """Apply the policy to assessed rows and measure the outcome."""
    owners = OwnerSums(taxonomy)
    outcomes = [
        decide(assessment.probabilities, assessment.flags, policy, owners, taxonomy)
        for assessment in assessments
    ]
    judged = Judged(
        [row.text for row in rows], [row.type for row in rows], list(assessments), outcomes
    )
    return Scores(judged, taxonomy)


def judge_bundle(bundle: Bundle, rows: Sequence[Row]) -> Scores:
    """Judge a bundle on labelled rows with its own scorer, red flags and policy."""
    assessor = Assessor(
        bundle.scorer, bundle.red_flags, bundle.taxonomy, bundle.policy.clause_threshold
    )
    return judge(rows, assess(assessor, rows), bundle.policy, bundle.taxonomy)


def write_tables(folder: Path, scores: Scores) -> None:
    """Write metrics.json, per_category.csv, per_type.csv and owner_actions.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "metrics.json", scores.summary())
    for name, table in (
        ("per_category", scores.per_category()),
        ("per_type", scores.per_type()),
    ):
        # The byte order mark makes Excel read the Chinese names as UTF-8.
        table.to_csv(folder / f"{name}.csv", index=False, float_format="%.4f", encoding="utf-8-sig")
    scores.owner_table().to_csv(folder / "owner_actions.csv", encoding="utf-8-sig")


def check_gates(summary: Mapping[str, Any], gates: Mapping[str, float]) -> None:
    """Raise GateError naming every figure that misses its gate."""
    missed = []
    for name, limit in gates.items():
        value = summary[name]
        upper = name in _UPPER_GATES
        if (value > limit) if upper else (value < limit):
            missed.append(f"{name} is {value:.4f}, the gate is {'≤' if upper else '≥'} {limit}")
    if missed:
        raise GateError("; ".join(missed))
