"""Have the calls changed since the model was made?

A profile counts what a realistic sample of calls looked like to the model when it was exported:
how long the texts were, which share of their words the model did not know, what it decided. Later
decisions are held against it with the population stability index,

    PSI = Σ (observed − expected) · ln(observed / expected)

over the shares of the classes of one input. By the usual rule of thumb (Siddiqi, Credit Risk
Scorecards, 2006) a PSI below 0.1 is no change to speak of and one above 0.25 a large one.

Chance alone makes the PSI of B classes about (B − 1)(1/expected + 1/observed calls) large
(Yurdakul, Statistical Properties of Population Stability Index, 2018), so below MINIMUM decisions
nothing is said: from there on chance stays below 0.1 for two dozen categories.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from fenliu.bundle import Bundle
from fenliu.errors import BundleError
from fenliu.policy import ACTIONS
from fenliu.scorer import Scorer
from fenliu.taxonomy import Taxonomy
from fenliu.text import normalise

LENGTH, UNKNOWN_SHARE, CATEGORY, ACTION = "length", "unknown_share", "category", "action"
INPUTS = (LENGTH, UNKNOWN_SHARE, CATEGORY, ACTION)

SOME = 0.1
LARGE = 0.25
SOURCE = "Siddiqi, Credit Risk Scorecards, 2006"
MINIMUM = 500

STABLE, CHANGED, DRIFTED, TOO_FEW = "stable", "changed", "drifted", "too_few"

# Classes of a histogram, each about equally frequent in the profile.
_CLASSES = 10
# Added to each count, so that a class that is empty on one side has a share all the same.
_SMOOTHING = 0.5


@dataclass(frozen=True, slots=True)
class Seen:
    """What is compared of one call: characters, share of unknown words, and what was decided."""

    length: int
    unknown_share: float
    type_code: str
    action: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of values up to each edge, the last above them all: one count more than edges."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """What calls looked like when the model was exported."""

    calls: int
    length: Histogram
    unknown_share: Histogram
    types: Mapping[str, int]
    actions: Mapping[str, int]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Shift:
    """How far one input moved; `moved` names the class that did most, with its shares."""

    input: str
    psi: float
    moved: str
    expected_share: float
    observed_share: float

    @property
    def state(self) -> str:
        """`stable`, `changed` or `drifted`, by the thresholds."""
        return STABLE if self.psi < SOME else CHANGED if self.psi <= LARGE else DRIFTED


@dataclass(frozen=True, slots=True)
class Drift:
    """What `decisions` decisions show against a profile; no shifts where they are too few."""

    profile_calls: int
    decisions: int
    shifts: tuple[Shift, ...]

    @property
    def state(self) -> str:
        """The state of the input that moved most, or `too_few`."""
        return max(self.shifts, key=lambda shift: shift.psi).state if self.shifts else TOO_FEW


def look_at(text: str, type_code: str, action: str, scorer: Scorer) -> Seen:
    """What is compared of a narrative that was decided on."""
    return Seen(len(text), 1 - scorer.known_share(normalise(text)), type_code, action)


def make_profile(seen: Sequence[Seen]) -> Profile:
    """The profile of a realistic sample of calls."""
    return Profile(
        calls=len(seen),
        length=_histogram([entry.length for entry in seen]),
        unknown_share=_histogram([entry.unknown_share for entry in seen]),
        types=_sorted_counts(entry.type_code for entry in seen),
        actions=_sorted_counts(entry.action for entry in seen),
    )


def profile_of(bundle: Bundle) -> Profile:
    """The profile in a bundle's manifest; raises BundleError for a bundle without one."""
    raw = bundle.manifest.get("profile")
    if raw is None:
        raise BundleError(
            f"bundle {bundle.path} has no profile, for it was exported before drift was watched: "
            "build it again with `uv run dvc repro`"
        )
    try:
        return Profile(
            calls=int(raw["calls"]),
            length=_read_histogram(raw["length"]),
            unknown_share=_read_histogram(raw["unknown_share"]),
            types={str(code): int(count) for code, count in raw["types"].items()},
            actions={str(action): int(count) for action, count in raw["actions"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BundleError(
            f"the profile of bundle {bundle.path} cannot be read ({type(error).__name__}: "
            f"{error}): build it again with `uv run dvc repro`"
        ) from error


def compare(profile: Profile, seen: Sequence[Seen], taxonomy: Taxonomy) -> Drift:
    """Hold decisions against a profile."""
    if len(seen) < MINIMUM:
        return Drift(profile.calls, len(seen), ())
    types = _sorted_counts(entry.type_code for entry in seen)
    shifts = (
        _shift_of_values(LENGTH, profile.length, [entry.length for entry in seen]),
        _shift_of_values(UNKNOWN_SHARE, profile.unknown_share, [e.unknown_share for e in seen]),
        _shift(CATEGORY, _categories(profile.types, taxonomy), _categories(types, taxonomy)),
        _shift(ACTION, profile.actions, _sorted_counts(entry.action for entry in seen), ACTIONS),
    )
    return Drift(profile.calls, len(seen), shifts)


def _shift_of_values(name: str, expected: Histogram, values: Sequence[float]) -> Shift:
    counts = _count(expected.edges, values)
    edges = [f"{edge:.3g}" for edge in expected.edges]
    labels = [f"≤ {edges[0]}", *(f"{a}–{b}" for a, b in pairwise(edges))]
    labels.append(f"> {edges[-1]}")
    return _shift(
        name,
        dict(zip(labels, expected.counts, strict=True)),
        dict(zip(labels, counts, strict=True)),
    )


def _shift(
    name: str,
    expected: Mapping[str, int],
    observed: Mapping[str, int],
    classes: Iterable[str] = (),
) -> Shift:
    names = list(dict.fromkeys((*classes, *expected, *observed)))
    before, now = (
        np.array([counts.get(entry, 0) for entry in names]) + _SMOOTHING
        for counts in (expected, observed)
    )
    before, now = before / before.sum(), now / now.sum()
    parts = (now - before) * np.log(now / before)
    most = int(parts.argmax())
    return Shift(name, float(parts.sum()), names[most], float(before[most]), float(now[most]))


def _histogram(values: Sequence[float]) -> Histogram:
    inner = np.quantile(values, np.arange(1, _CLASSES) / _CLASSES, method="higher")
    edges = tuple(float(edge) for edge in np.unique(inner))
    return Histogram(edges, _count(edges, values))


def _count(edges: Sequence[float], values: Sequence[float]) -> tuple[int, ...]:
    places = np.searchsorted(edges, values, side="left")
    return tuple(np.bincount(places, minlength=len(edges) + 1).tolist())


def _read_histogram(raw: Mapping[str, Any]) -> Histogram:
    edges = tuple(float(edge) for edge in raw["edges"])
    counts = tuple(int(count) for count in raw["counts"])
    if not edges or len(counts) != len(edges) + 1:
        raise ValueError("a histogram needs one count more than edges")
    return Histogram(edges, counts)


def _categories(types: Mapping[str, int], taxonomy: Taxonomy) -> dict[str, int]:
    counts = dict.fromkeys((category.code for category in taxonomy.categories), 0)
    for code, count in types.items():
        counts[taxonomy.category_of(code)] += count
    return counts


def _sorted_counts(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
