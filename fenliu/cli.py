"""The command `fenliu`: the one door at the top of the house.

Each command imports the side it needs when it runs. An error meant for the reader is one line on
standard error and exit code 2; `predict --input` ends with 3 when single lines failed.
"""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from fenliu import cli_store, paths
from fenliu.errors import FenliuError, InvalidInput

app = typer.Typer(
    name="fenliu",
    help="Incident classifier and diversion service for Chinese 110 police call centres.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
policy_app = typer.Typer(help="Thresholds and their risk.", no_args_is_help=True)
app.add_typer(policy_app, name="policy")
corpus_app = typer.Typer(help="The labelled narratives.", no_args_is_help=True)
app.add_typer(corpus_app, name="corpus")
app.add_typer(cli_store.keys_app, name="keys")
app.add_typer(cli_store.decisions_app, name="decisions")
red_flags_app = typer.Typer(help="Rules for danger signs.", no_args_is_help=True)
app.add_typer(red_flags_app, name="red-flags")

SOME_LINES_FAILED = 3

BundleOption = Annotated[Path, typer.Option("--bundle", help="Directory of the model bundle.")]

TextColumn = Annotated[str, typer.Option("--text-column", help="Column of the narrative.")]
TypeColumn = Annotated[str, typer.Option("--type-column", help="Column of the label.")]


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes that share the address and the store.")
    ] = None,
) -> None:
    """Start the service; builds the model first if there is none."""
    from serving.run import run
    from serving.settings import load_settings

    options = {"host": host, "port": port, "workers": workers}
    settings = load_settings(**{n: value for n, value in options.items() if value is not None})
    if settings.bundle == paths.BUNDLE:
        _build_missing_bundle()
    run(settings)


@app.command()
def predict(
    text: Annotated[
        str | None, typer.Argument(help="One narrative, decided on for people.")
    ] = None,
    input_file: Annotated[
        Path | None, typer.Option("--input", help="JSON lines with id and text; - reads them.")
    ] = None,
    output_file: Annotated[
        Path | None, typer.Option("--output", help="Where decisions go as JSON lines; - prints.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One decision as JSON.")] = False,
    bundle: BundleOption = paths.BUNDLE,
) -> None:
    """Decide on one narrative, or on a file of them."""
    if (text is None) == (input_file is None):
        raise typer.BadParameter("give either one narrative or --input FILE")
    from fenliu.classifier import Classifier

    if bundle == paths.BUNDLE:
        _build_missing_bundle()
    classifier = Classifier.load(bundle)
    if text is not None:
        _predict_one(classifier, text, as_json)
    elif input_file is not None:
        _predict_lines(classifier, input_file, output_file or Path("-"))


@app.command()
def drift(
    days: Annotated[int, typer.Option(min=1, max=3650, help="Decisions of so many days.")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare the service's decisions with what the model was made for; 1 where they drifted."""
    from serving.settings import load_settings
    from serving.watch.drift_command import print_drift

    raise typer.Exit(print_drift(load_settings(), days, as_json))


@app.command()
def taxonomy(
    file: Annotated[Path, typer.Option(help="The lists to show.")] = paths.TAXONOMY,
) -> None:
    """Print the two item lists."""
    from rich.console import Console

    from fenliu.printing import print_taxonomy
    from fenliu.taxonomy import load_taxonomy

    print_taxonomy(Console(), load_taxonomy(file))


@app.command()
def evaluate(
    data: Annotated[
        Path | None,
        typer.Option(
            help="Labelled calls (CSV, Excel, JSON lines); the held-out test split by default."
        ),
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Folder to write the report to.")] = None,
    against: Annotated[Path | None, typer.Option(help="Another bundle to compare with.")] = None,
    baselines: Annotated[
        bool, typer.Option("--baselines", help="Judge simpler means too.")
    ] = False,
    robustness: Annotated[
        bool, typer.Option("--robustness", help="Judge disturbed texts too.")
    ] = False,
    text_column: TextColumn = "text",
    type_column: TypeColumn = "type",
    bundle: BundleOption = paths.BUNDLE,
) -> None:
    """Print accuracy for each category, and write the report."""
    from training.calls import Columns
    from training.evaluate_command import Request
    from training.evaluate_command import evaluate as run

    data = data or bundle.parent / "stages" / "test.jsonl"
    columns = Columns(text_column, type_column)
    run(Request(bundle, data, columns, report, against, baselines, robustness))


@app.command()
def train(
    calls: Annotated[Path, typer.Option(help="Labelled calls (CSV, Excel, JSON lines).")],
    output: Annotated[
        Path, typer.Option(help="Folder of the result; the bundle is in its folder bundle.")
    ] = paths.MODELS / "city",
    alone: Annotated[
        bool, typer.Option("--alone", help="Leave out the corpus of this project.")
    ] = False,
    weight: Annotated[
        float, typer.Option(help="How many narratives of the corpus a call counts as.")
    ] = 1.0,
    text_column: TextColumn = "text",
    type_column: TypeColumn = "type",
) -> None:
    """Train a bundle on a city's labelled calls, beside the corpus."""
    from training.calls import Columns
    from training.retrain import Request
    from training.retrain import train as run

    run(Request(calls, Columns(text_column, type_column), output, alone, weight))


@policy_app.command("sweep")
def policy_sweep(
    data: Annotated[
        Path | None, typer.Option(help="Labelled calls; the calibration batches by default.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="PNG or SVG to draw.")] = None,
    table: Annotated[Path | None, typer.Option(help="CSV to write.")] = None,
    text_column: TextColumn = "text",
    type_column: TypeColumn = "type",
    bundle: BundleOption = paths.BUNDLE,
) -> None:
    """Show what each threshold would divert, at what risk, and what is left to humans."""
    from training.calls import Columns
    from training.policy_command import print_sweep

    print_sweep(bundle, data, Columns(text_column, type_column), plot, table)


@policy_app.command("certify")
def policy_certify(
    data: Annotated[Path, typer.Option(help="The city's own labelled calls, unseen in training.")],
    alpha: Annotated[
        float | None, typer.Option(help="Most police matters among the diverted.")
    ] = None,
    delta: Annotated[
        float | None, typer.Option(help="Chance that the certificate is wrong.")
    ] = None,
    text_column: TextColumn = "text",
    type_column: TypeColumn = "type",
    bundle: BundleOption = paths.BUNDLE,
) -> None:
    """Certify a bundle on a city's own calls, without training it again."""
    from training.calls import Columns
    from training.policy_command import certify_bundle

    for name, value in (("--alpha", alpha), ("--delta", delta)):
        if value is not None and not 0 < value < 1:
            raise InvalidInput(name, "must lie between 0 and 1")
    columns = Columns(text_column, type_column)
    raise typer.Exit(certify_bundle(bundle, data, columns, alpha, delta))


@red_flags_app.command("check")
def red_flags_check(
    rules: Annotated[Path, typer.Option(help="File of the rules.")] = paths.RED_FLAGS,
    data: Annotated[
        Path | None, typer.Option(help="Labelled calls, or a corpus folder, to measure on.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="CSV of missed calls and false alarms.")
    ] = None,
    text_column: TextColumn = "text",
    type_column: TypeColumn = "type",
) -> None:
    """Run the examples of each rule; show what the rules catch and where they are wrong."""
    from training.calls import Columns
    from training.red_flag_command import check

    raise typer.Exit(check(rules, data, Columns(text_column, type_column), output))


@corpus_app.command("check")
def corpus_check(
    folder: Annotated[Path, typer.Option(help="Folder of the corpus.")] = paths.CORPUS,
) -> None:
    """Find bad codes, duplicates, near-duplicates across batches, and thin types."""
    from training.command import check

    raise typer.Exit(check(folder))


@corpus_app.command("import")
def corpus_import(
    drafts: Annotated[Path, typer.Argument(help="Folder of drafts (see docs/corpus-guide.md).")],
    batch: Annotated[str, typer.Option(help="Name of the writing batch.")],
    folder: Annotated[Path, typer.Option(help="Folder of the corpus.")] = paths.CORPUS,
) -> None:
    """Add drafts to the corpus, near-duplicates left out."""
    from training.command import import_drafts

    import_drafts(drafts, batch, folder)


@corpus_app.command("sheet")
def corpus_sheet(
    output: Annotated[Path, typer.Argument(help="CSV to write.")],
    share: Annotated[float, typer.Option(help="Share of the narratives to draw.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Another seed draws others.")] = 1,
    folder: Annotated[Path, typer.Option(help="Folder of the corpus.")] = paths.CORPUS,
) -> None:
    """Draw narratives without their labels, for a second reader."""
    from training.command import write_blind_sheet

    if not 0 < share <= 1:
        raise InvalidInput("--share", "must lie between 0 and 1")
    write_blind_sheet(folder, output, share, seed)


@corpus_app.command("agreement")
def corpus_agreement(
    sheet: Annotated[Path, typer.Argument(help="Sheet with the column reader filled in.")],
    folder: Annotated[Path, typer.Option(help="Folder of the corpus.")] = paths.CORPUS,
) -> None:
    """Say how far a second reader agrees with the writers."""
    from training.command import print_agreement

    print_agreement(folder, sheet)


def main() -> None:
    """Entry point of the command."""
    try:
        app()
    except FenliuError as error:
        print(f"fenliu: {error}", file=sys.stderr)
        sys.exit(2)


def _build_missing_bundle() -> None:
    if (paths.BUNDLE / "manifest.json").exists():
        return
    from training.command import build_missing_bundle

    build_missing_bundle()


def _predict_one(classifier: Any, text: str, as_json: bool) -> None:
    import json

    decision = classifier.decide(text)
    if as_json:
        print(json.dumps(decision.as_dict(), ensure_ascii=False, indent=2))
        return
    from rich.console import Console

    from fenliu.printing import decision_panel

    Console().print(decision_panel(text, decision))


def _predict_lines(classifier: Any, source: Path, target: Path) -> None:
    import json
    from contextlib import ExitStack

    from fenliu.jsonlines import decide_lines

    failed = total = 0
    with ExitStack() as stack:
        try:
            lines = (
                sys.stdin.buffer if source == Path("-") else stack.enter_context(source.open("rb"))
            )
            out = (
                sys.stdout
                if target == Path("-")
                else stack.enter_context(target.open("w", encoding="utf-8"))
            )
        except OSError as error:
            raise InvalidInput(str(error.filename), f"cannot be opened: {error.strerror}") from None
        for result in decide_lines(classifier, lines):
            total += 1
            failed += "error" in result
            out.write(json.dumps(result, ensure_ascii=False) + "\n")
    print(f"{total - failed} of {total} lines decided, {failed} failed", file=sys.stderr)
    if failed:
        raise typer.Exit(SOME_LINES_FAILED)
