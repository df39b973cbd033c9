"""`fenliu drift`: have the calls changed since the model was made?"""

import json
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from fenliu.bundle import Bundle, load_bundle
from fenliu.drift import (
    CATEGORY,
    DRIFTED,
    LARGE,
    MINIMUM,
    SOME,
    SOURCE,
    Drift,
    Shift,
    compare,
    profile_of,
)
from serving.db import open_database
from serving.settings import Settings
from serving.watch.drift import Window, look, read_window

_STYLES = {"stable": "green", "changed": "yellow", "drifted": "bold red"}
_NAMES = {
    "length": "length of the text",
    "unknown_share": "share of unknown words",
    "category": "category decided on",
    "action": "action",
}


def print_drift(settings: Settings, days: int, as_json: bool) -> int:
    """Print the drift of the last days; 1 where an input has drifted, else 0.

    Raises BundleError for a bundle without a profile, and StoreUnavailable.
    """
    bundle = load_bundle(settings.bundle, settings.taxonomy)
    profile = profile_of(bundle)
    engine = open_database(settings.database_url)
    try:
        window = read_window(engine, bundle, days)
    finally:
        engine.dispose()
    drift = compare(profile, list(look(window.sample, bundle)), bundle.taxonomy)
    if as_json:
        report = _report(drift, window, days, bundle)
        print(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        _print(Console(), drift, window, days, bundle)
    return 1 if drift.state == DRIFTED else 0


def _report(drift: Drift, window: Window, days: int, bundle: Bundle) -> dict[str, Any]:
    return {
        "days": days,
        "state": drift.state,
        "decisions": window.in_force,
        "compared": drift.decisions,
        "decisions_of_other_versions": window.other_versions,
        "profile_calls": drift.profile_calls,
        "model_version": bundle.model_version,
        "policy_version": bundle.policy_version,
        "inputs": {
            shift.input: {"state": shift.state}
            | {name: _rounded(value) for name, value in asdict(shift).items() if name != "input"}
            for shift in drift.shifts
        },
        "thresholds": {"changed": SOME, "drifted": LARGE, "source": SOURCE},
    }


def _print(console: Console, drift: Drift, window: Window, days: int, bundle: Bundle) -> None:
    if drift.shifts:
        part = "" if drift.decisions == window.in_force else f"{drift.decisions} of "
        title = (
            f"{part}{window.in_force} decisions of {days} days, profile of {drift.profile_calls}"
        )
        console.print(_table(drift, title, bundle))
        console.print(
            f"PSI below {SOME:g}: stable; up to {LARGE:g}: changed, look into it; above: drifted, "
            f"certify and retrain ({SOURCE})."
        )
    else:
        console.print(
            f"{drift.decisions} decisions of {days} days are too few to tell, {MINIMUM} are "
            "needed: give more --days."
        )
    if window.other_versions:
        console.print(
            f"{window.other_versions} decisions of other models or policies are left out; in force "
            f"are {bundle.model_version} and {bundle.policy_version}."
        )


def _table(drift: Drift, title: str, bundle: Bundle) -> Table:
    table = Table(title=title)
    table.add_column("input")
    table.add_column("PSI", justify="right")
    table.add_column("state")
    table.add_column("moved most")
    table.add_column("profile", justify="right")
    table.add_column("now", justify="right")
    names = {category.code: category.name for category in bundle.taxonomy.categories}
    for shift in drift.shifts:
        table.add_row(
            _NAMES[shift.input],
            f"{shift.psi:.3f}",
            f"[{_STYLES[shift.state]}]{shift.state}",
            _moved(shift, names),
            f"{shift.expected_share:.1%}",
            f"{shift.observed_share:.1%}",
        )
    return table


def _moved(shift: Shift, names: dict[str, str]) -> str:
    return f"{shift.moved} {names[shift.moved]}" if shift.input == CATEGORY else shift.moved


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value
