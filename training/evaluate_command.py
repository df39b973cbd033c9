"""`fenliu evaluate`: figures in the terminal, tables and a page in a folder."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from fenliu.bundle import Bundle, load_bundle
from fenliu.errors import CorpusError
from training.baselines import judge_baselines
from training.calls import Columns, read_calls, write_rejects
from training.certify import Scored, sweep
from training.comparison import Paired, compare
from training.evaluate import judge_bundle, write_tables
from training.report import plots
from training.report.page import Extras, render, write_page
from training.robustness import measure
from training.rows import Row, read_rows
from training.scoring import Scores
from training.seen import seen_in_training

_ROUNDS = 1000
_SEED = 1


@dataclass(frozen=True)
class Request:
    """What to judge and what to add to the report."""

    bundle: Path
    data: Path
    columns: Columns
    report: Path | None = None
    against: Path | None = None
    baselines: bool = False
    robustness: bool = False


def evaluate(request: Request) -> None:
    """Judge a bundle on labelled calls; raises CorpusError or BundleError."""
    bundle = load_bundle(request.bundle)
    calls = read_calls(request.data, bundle.taxonomy, request.columns)
    scores = judge_bundle(bundle, calls.rows)
    console = Console()
    print_scores(console, scores)
    extras = _extras(request, bundle, calls.rows, scores)
    for name, paired in extras.comparison.items():
        console.print(
            f"{name}: {paired.difference:+.2%} [{paired.low:+.2%}, {paired.high:+.2%}] against "
            f"{request.against}, p = {paired.p_value:.4f}",
            soft_wrap=True,
        )
    for table in (extras.baselines, extras.robustness):
        if table is not None:
            text = table.to_string(index=False, float_format=lambda share: f"{share:.4f}")
            console.print(text, soft_wrap=True)
    seen = seen_in_training(request.bundle, calls.rows)
    if seen:
        said = f"{seen} of {len(calls.rows)} calls were trained on: their figures flatter"
        console.print(said, soft_wrap=True)
    if calls.rejects:
        where = f", reasons in {request.report / 'rejects.csv'}" if request.report else ""
        console.print(f"{len(calls.rejects)} rows were set aside{where}", soft_wrap=True)
    if request.report:
        write_tables(request.report, scores)
        write_page(
            request.report / "report.html", render(bundle, scores, request.data.name, extras)
        )
        if extras.baselines is not None:
            extras.baselines.to_csv(request.report / "baselines.csv", index=False)
        if extras.robustness is not None:
            extras.robustness.to_csv(request.report / "robustness.csv", index=False)
        write_rejects(request.report / "rejects.csv", calls.rejects)
        console.print(f"report: {request.report / 'report.html'}", soft_wrap=True)


def print_scores(console: Console, scores: Scores) -> None:
    """Accuracy of each category, then the summary."""
    table = Table(title="Accuracy per category")
    headings = ("category", "name", "calls", "accuracy", "type accuracy", "precision", "F1")
    for heading in headings:
        table.add_column(heading, justify="left" if heading in headings[:2] else "right")
    for row in scores.per_category().to_dict("records"):
        shares = (f"{row[c]:.1%}" for c in ("accuracy", "type_accuracy", "precision", "f1"))
        table.add_row(row["code"], row["name"], str(row["calls"]), *shares)
    console.print(table)
    for name, value in scores.summary().items():
        console.print(
            f"{name:28s}{value:>10.4f}" if isinstance(value, float) else f"{name:28s}{value:>10}"
        )


def _extras(request: Request, bundle: Bundle, rows: list[Row], scores: Scores) -> Extras:
    baselines = None
    if request.baselines:
        train = read_rows(_training_rows(bundle.path))
        baselines = judge_baselines(train, rows, bundle.taxonomy, bundle.path / "lexicon.txt")
    comparison: dict[str, Paired] = {}
    if request.against:
        other = judge_bundle(load_bundle(request.against), rows)
        comparison = {
            name: compare(right, other.right()[name], _ROUNDS, _SEED)
            for name, right in scores.right().items()
        }
    return Extras(
        baselines=baselines,
        robustness=measure(bundle, rows, _SEED) if request.robustness else None,
        comparison=comparison,
        against=request.against.name if request.against else "",
        sweep=sweep_picture(bundle, rows, scores) if request.report else "",
    )


def _training_rows(bundle: Path) -> Path:
    """The rows that the stages left beside a bundle; raises CorpusError where there are none."""
    path = bundle.parent / "stages" / "train.jsonl"
    if not path.exists():
        raise CorpusError(f"--baselines learn from {path}, which is not there: train the bundle")
    return path


def sweep_picture(bundle: Bundle, rows: list[Row], scores: Scores) -> str:
    """What other thresholds would have done to the judged calls, as SVG."""
    scored = Scored(scores.judged.types, scores.judged.assessments)
    owned = [bundle.taxonomy.owner_of(row.type) for row in rows]
    alpha = float(bundle.policy.certificate.get("alpha", 0.01))
    figure = plots.sweep(
        sweep(scored, bundle.policy, bundle.taxonomy),
        len(rows),
        max(owned.count("mediation_centre"), 1),
        alpha,
        bundle.policy.divert_threshold,
    )
    return plots.to_svg(figure)
