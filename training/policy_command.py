"""`fenliu policy`: what each threshold would do, and a certificate on a city's own calls."""

import csv
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from fenliu import paths
from fenliu.assessment import Assessor
from fenliu.bundle import Bundle, add_facts, load_bundle, replace_policy
from fenliu.errors import CorpusError
from training.calls import Columns, read_calls
from training.certify import CertifySettings, Scored, certify, exact_upper_bound, sweep
from training.evaluate import assess
from training.params import read_params
from training.priors import read_priors, realistic_sample
from training.profile import profile
from training.report import plots
from training.rows import Row, read_rows
from training.seen import require_unseen


def score(bundle: Bundle, rows: list[Row]) -> Scored:
    """Rows as the bundle sees them."""
    assessor = Assessor(
        bundle.scorer, bundle.red_flags, bundle.taxonomy, bundle.policy.clause_threshold
    )
    return Scored([row.type for row in rows], assess(assessor, rows))


def print_sweep(
    bundle_path: Path, data: Path | None, columns: Columns, plot: Path | None, table: Path | None
) -> None:
    """Print diverted share, risk and human workload for each threshold; plot and save on wish.

    Without `data` the calibration rows that the stages left beside the bundle stand in: ours drawn
    as often as labels come in life, a city's as they came.
    """
    bundle = load_bundle(bundle_path)
    settings = read_params(paths.PARAMS).certify
    if data is None:
        rows = _calibration_rows(bundle, settings)
    else:
        rows = read_calls(data, bundle.taxonomy, columns).rows
    points = sweep(score(bundle, rows), bundle.policy, bundle.taxonomy)
    mediation = max(sum(bundle.taxonomy.owner_of(r.type) == "mediation_centre" for r in rows), 1)
    console = Console()
    shown = Table(title=f"{len(rows)} calls, {mediation} mediation matters")
    headings = (
        "threshold",
        "diverted",
        "police among them",
        "upper bound",
        "mediation diverted",
        "human",
    )
    for heading in headings:
        shown.add_column(heading, justify="right")
    for point in points[::4]:
        bound = exact_upper_bound(point.police_diverted, max(point.diverted, 1), settings.delta)
        shown.add_row(
            f"{point.threshold:.3f}",
            str(point.diverted),
            str(point.police_diverted),
            f"{bound:.2%}",
            f"{point.mediation_diverted / mediation:.1%}",
            f"{point.human_review / len(rows):.1%}",
        )
    console.print(shown)
    console.print(f"in force: {bundle.policy.divert_threshold:g}")
    if plot:
        figure = plots.sweep(
            points, len(rows), mediation, settings.alpha, bundle.policy.divert_threshold
        )
        plots.save(figure, plot)
        console.print(f"plot: {plot}")
    if table:
        with table.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, list(asdict(points[0])))
            writer.writeheader()
            writer.writerows(asdict(point) for point in points)
        console.print(f"table: {table}")


def certify_bundle(
    bundle_path: Path, data: Path, columns: Columns, alpha: float | None, delta: float | None
) -> int:
    """Choose and certify the threshold of a bundle on labelled calls, taken as they come.

    The calls must be a fair sample of the city's calls that no training has seen. The bundle gets
    the new policy, certified or not; 0 where it is certified, else 1.
    """
    bundle = load_bundle(bundle_path)
    settings = read_params(paths.PARAMS).certify
    settings = CertifySettings(
        alpha=settings.alpha if alpha is None else alpha,
        delta=settings.delta if delta is None else delta,
        police_threshold=bundle.policy.police_threshold,
        clause_threshold=bundle.policy.clause_threshold,
        as_they_come=True,
        seed=settings.seed,
    )
    calls = read_calls(data, bundle.taxonomy, columns)
    require_unseen(bundle_path, calls.rows)
    policy = certify(score(bundle, calls.rows), settings, bundle.taxonomy)
    policy.certificate["provisional"] = False
    policy.certificate["data"] = f"labelled calls from {data.name}"
    manifest = replace_policy(bundle_path, policy)
    # The city's own calls under the new policy are what its later calls are compared with.
    add_facts(bundle_path, profile=profile(load_bundle(bundle_path), calls.rows))
    console = Console()
    for name, value in policy.certificate.items():
        console.print(f"{name:24s}{value}", highlight=False)
    console.print(f"{'policy_version':24s}{manifest['policy_version']}", highlight=False)
    if calls.rejects:
        console.print(f"{len(calls.rejects)} rows could not be used; `fenliu evaluate` lists them")
    if not policy.certificate["certified"]:
        console.print("Not certified: the bundle now diverts nothing without a human.")
        return 1
    return 0


def _calibration_rows(bundle: Bundle, settings: CertifySettings) -> list[Row]:
    path = bundle.path.parent / "stages" / "calibration.jsonl"
    if not path.exists():
        raise CorpusError(f"no calibration rows in {path}: name labelled calls with --data")
    rows = read_rows(path)
    if not bundle.policy.certificate.get("provisional", True):
        return rows
    priors = read_priors(paths.DATA / "priors.yaml", bundle.taxonomy)
    return [rows[place] for place in realistic_sample(rows, priors, settings.seed)]
