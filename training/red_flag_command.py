"""`fenliu red-flags check`: the rules' own examples, and what they do on labelled calls."""

import csv
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from fenliu import paths
from fenliu.red_flags import RedFlag, RedFlags, failed_examples, load_red_flags
from fenliu.taxonomy import EXTRA_LABELS, MEDIATION_CENTRE, POLICE, Taxonomy, load_taxonomy
from fenliu.text import normalise
from training.calls import Columns, read_calls
from training.corpus import read_corpus
from training.params import read_params
from training.rows import Row

EXAMPLES_FAILED = 1


@dataclass
class Findings:
    """What the rules did on labelled calls.

    Groups are the names of the police categories, `mediation_centre`, and the extra labels.
    """

    calls: Counter[str] = field(default_factory=Counter)
    flagged: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    false_alarms: Counter[str] = field(default_factory=Counter)
    worth_reading: list[tuple[str, str, str, str]] = field(default_factory=list)


def check(rules: Path, data: Path | None, columns: Columns, output: Path | None) -> int:
    """Run the examples and, with `data`, measure; returns the exit code.

    `data` is a file of labelled calls or a corpus folder, of which only the batches are read that
    train the model: rules that were fitted to the others could no longer be tested on them.
    """
    flags = load_red_flags(rules)
    failures = failed_examples(flags)
    for failure in failures:
        print(failure)
    examples = sum(len(rule.fires) + len(rule.silent) for rule in flags.rules)
    print(f"{len(flags.rules)} rules, {examples} examples, {len(failures)} failed")
    if data:
        taxonomy = load_taxonomy(paths.TAXONOMY)
        findings = measure(flags, _rows(data, taxonomy, columns), taxonomy)
        _print(findings, flags)
        if output:
            _write(output, findings)
    return EXAMPLES_FAILED if failures else 0


def measure(flags: RedFlags, rows: list[Row], taxonomy: Taxonomy) -> Findings:
    """Count what the rules catch of each police category, and their false alarms."""
    findings = Findings()
    for row in rows:
        hits = flags.find(normalise(row.text))
        group = _group(row.type, taxonomy)
        findings.calls[group] += 1
        findings.flagged[group] += bool(hits)
        _note(
            findings, row, hits, police=row.type not in EXTRA_LABELS and _is_police(row, taxonomy)
        )
    return findings


def _note(findings: Findings, row: Row, hits: list[RedFlag], police: bool) -> None:
    counts = findings.right if police else findings.false_alarms
    counts.update(hit.id for hit in hits)
    if police and not hits:
        findings.worth_reading.append(("missed", row.type, "", row.text))
    if not police:
        findings.worth_reading += [(hit.id, row.type, hit.text, row.text) for hit in hits]


def _is_police(row: Row, taxonomy: Taxonomy) -> bool:
    return taxonomy.owner_of(row.type) == POLICE


def _group(label: str, taxonomy: Taxonomy) -> str:
    if label in EXTRA_LABELS:
        return label
    if taxonomy.owner_of(label) == MEDIATION_CENTRE:
        return MEDIATION_CENTRE
    kind = taxonomy.by_code[label]
    return f"{kind.category_code} {kind.category}"


def _rows(data: Path, taxonomy: Taxonomy, columns: Columns) -> list[Row]:
    if not data.is_dir():
        return read_calls(data, taxonomy, columns).rows
    split = read_params(paths.PARAMS).split
    held_out = (*split.calibration_batches, *split.test_batches)
    return [located.row for located in read_corpus(data) if located.row.batch not in held_out]


def _print(findings: Findings, flags: RedFlags) -> None:
    groups = Table(title="Calls with a red flag")
    for heading in ("label", "calls", "flagged", "share"):
        groups.add_column(heading, justify="left" if heading == "label" else "right")
    for group, calls in sorted(findings.calls.items()):
        flagged = findings.flagged[group]
        groups.add_row(group, str(calls), str(flagged), f"{flagged / calls:.1%}")
    rules = Table(title="Rules")
    for heading in ("rule", "level", "police calls", "false alarms"):
        rules.add_column(heading, justify="right" if heading.endswith("s") else "left")
    for rule in flags.rules:
        counts = (findings.right[rule.id], findings.false_alarms[rule.id])
        rules.add_row(f"{rule.id} {rule.name}", rule.level, *map(str, counts))
    console = Console()
    console.print(groups)
    console.print(rules)


def _write(output: Path, findings: Findings) -> None:
    """Missed police calls and false alarms, for reading."""
    with output.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("rule", "type", "hit", "text"))
        writer.writerows(sorted(findings.worth_reading))
