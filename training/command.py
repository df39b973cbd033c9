"""What the commands of the training side print and return."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from fenliu import paths
from fenliu.errors import CorpusError
from fenliu.taxonomy import load_taxonomy
from training.corpus import check_corpus, read_corpus, write_corpus
from training.drafts import add_drafts, read_drafts
from training.params import read_params
from training.relabelling import agreement, read_sheet, write_sheet
from training.stages import STAGES, Stage, Workspace, build


def build_with_progress(work: Workspace, title: str, stages: Mapping[str, Stage] = STAGES) -> None:
    """Run the stages with a bar that names the one under way."""
    console = Console(stderr=True)
    console.print(title)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("start", total=len(stages))

        def started(name: str) -> None:
            done = list(stages).index(name)
            progress.update(task, description=f"{name:10s}", completed=done)

        build(work, started, stages)
        progress.update(task, description="done", completed=len(stages))


def build_missing_bundle() -> None:
    """Build the bundle of the corpus, as on the first start."""
    title = "No model yet: building it from the corpus (once, a minute or two)."
    build_with_progress(Workspace(), title)


def check(folder: Path) -> int:
    """Print all findings of a corpus; 0 where there are none, else 1."""
    settings = read_params(paths.PARAMS).corpus
    taxonomy = load_taxonomy(paths.TAXONOMY)
    located = read_corpus(folder)
    findings = check_corpus(located, taxonomy, settings.minimum_per_type, settings.near_duplicate)
    for finding in findings:
        print(finding)
    styles = Counter(entry.row.style for entry in located)
    batches = Counter(entry.row.batch for entry in located)
    print(
        f"{len(located)} narratives, {len(findings)} findings; "
        + ", ".join(f"{style} {count}" for style, count in styles.most_common())
        + "; batches "
        + ", ".join(f"{batch} {count}" for batch, count in batches.most_common())
    )
    return 1 if findings else 0


def import_drafts(drafts: Path, batch: str, folder: Path) -> None:
    """Add a draft folder to the corpus and print what was taken."""
    settings = read_params(paths.PARAMS).corpus
    taxonomy = load_taxonomy(paths.TAXONOMY)
    present = [entry.row for entry in read_corpus(folder)] if any(folder.glob("*.jsonl")) else []
    if any(row.batch == batch for row in present):
        raise CorpusError(f"batch {batch!r} is in the corpus already: choose another name")
    drafted = read_drafts(drafts, batch, taxonomy)
    imported = add_drafts(present, drafted, settings.near_duplicate)
    write_corpus(folder, imported.rows, taxonomy)
    print(f"{len(drafted) - imported.left_out} narratives taken, {imported.left_out} left out")


def write_blind_sheet(folder: Path, output: Path, share: float, seed: int) -> None:
    """Write a sheet for a second reader and say how it goes on."""
    rows = [entry.row for entry in read_corpus(folder)]
    count = write_sheet(output, rows, share, seed)
    print(f"{count} narratives in {output}: fill in the column reader with the code of each")


def print_agreement(folder: Path, sheet: Path) -> None:
    """Print agreement and kappa at each level, and every narrative that was read differently."""
    taxonomy = load_taxonomy(paths.TAXONOMY)
    rows = [entry.row for entry in read_corpus(folder)]
    read = read_sheet(sheet, rows, taxonomy)
    for entry in read:
        if entry.type != entry.reader:
            print(f"{entry.type} {entry.reader} {entry.text}")
    table = agreement(read, taxonomy)
    print(table.to_string(index=False, float_format=lambda share: f"{share:.4f}"))
