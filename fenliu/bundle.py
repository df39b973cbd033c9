"""The model bundle: a directory of plain arrays, rules and a manifest. No pickle.

    manifest.json     format, versions, checksums, training run, metrics, profile
    policy.json       thresholds and certificate
    words.txt         one word a line, in row order
    characters.npy    (m,) uint64, sorted packed n-grams
    idf.npy           (n + m,) float32
    weights.npy       (n + m, k + 3) float32, labels then owners
    bias.npy          (k + 3,) float32
    taxonomy.yaml, red_flags.yaml, questions.yaml, lexicon.txt    as they were at training

A bundle holds all that a decision depends on, so a stored decision can be explained by the three
versions it names.
"""

import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fenliu.errors import BundleError
from fenliu.policy import Policy
from fenliu.questions import Questions, load_questions
from fenliu.red_flags import RedFlags, load_red_flags
from fenliu.scorer import Scorer, Weights
from fenliu.taxonomy import OWNERS, Taxonomy, load_taxonomy
from fenliu.tokens import Tokeniser

FORMAT = 2
_MANIFEST = "manifest.json"
_POLICY = "policy.json"
_ARRAYS = ("characters", "idf", "weights", "bias")
_MODEL_FILES = ("words.txt", *(f"{name}.npy" for name in _ARRAYS), "lexicon.txt")
_POLICY_FILES = (_POLICY, "red_flags.yaml", "questions.yaml")
_TAXONOMY_FILE = "taxonomy.yaml"
_CALIBRATION = ("temperature", "owner_temperature", "owner_weight")
_MEND = "build it again with `uv run dvc repro`, or name another with --bundle"


@dataclass(frozen=True)
class Rules:
    """The files that travel with the weights."""

    taxonomy: Path
    red_flags: Path
    questions: Path
    lexicon: Path


@dataclass(frozen=True)
class Bundle:
    """A loaded bundle."""

    path: Path
    manifest: dict[str, Any]
    taxonomy: Taxonomy
    scorer: Scorer
    policy: Policy
    red_flags: RedFlags
    questions: Questions

    @property
    def model_version(self) -> str:
        """Names the weights: a digest of their content."""
        return str(self.manifest["model_version"])

    @property
    def policy_version(self) -> str:
        """Names thresholds, red flags and questions: a digest of their content."""
        return str(self.manifest["policy_version"])


def save_bundle(
    path: Path, weights: Weights, policy: Policy, rules: Rules, **facts: Any
) -> dict[str, Any]:
    """Write a bundle in one step and return its manifest.

    `facts` (training run, metrics, parameters) go into the manifest as they are. An older bundle
    at `path` is replaced only when the new one is complete.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        _write_files(draft, weights, policy, rules)
        manifest = _manifest(draft, weights, rules, facts)
        write_json(draft / _MANIFEST, manifest)
        draft.chmod(0o755)
        if path.exists():
            shutil.rmtree(path)
        draft.rename(path)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return manifest


def replace_policy(path: Path, policy: Policy) -> dict[str, Any]:
    """Give the bundle at `path` another policy; weights and rules stay. Returns the manifest."""
    manifest = _read_manifest(path)
    write_json(path / _POLICY, policy.as_dict())
    manifest["checksums"][_POLICY] = _sha256(path / _POLICY)
    manifest["policy_version"] = _version("p", path, _POLICY_FILES)
    write_json(path / _MANIFEST, manifest)
    return manifest


def add_facts(path: Path, **facts: Any) -> None:
    """Write further facts into the manifest of the bundle at `path`; versions stay."""
    write_json(path / _MANIFEST, _read_manifest(path) | facts)


def load_bundle(path: Path, taxonomy_file: Path | None = None) -> Bundle:
    """Load and check a bundle; raises BundleError naming what is wrong and the mend.

    With `taxonomy_file` the city's lists must be the ones that the bundle was trained for.
    """
    manifest = verify_bundle(path)
    taxonomy = load_taxonomy(path / _TAXONOMY_FILE)
    if taxonomy_file is not None:
        _check_taxonomy(taxonomy, load_taxonomy(taxonomy_file), taxonomy_file)
    weights = _read_weights(path, manifest["calibration"], taxonomy)
    return Bundle(
        path=path,
        manifest=manifest,
        taxonomy=taxonomy,
        scorer=Scorer(weights, taxonomy.membership, Tokeniser(path / "lexicon.txt")),
        policy=Policy(**json.loads((path / _POLICY).read_text(encoding="utf-8"))),
        red_flags=load_red_flags(path / "red_flags.yaml"),
        questions=load_questions(path / "questions.yaml", [kind.code for kind in taxonomy.types]),
    )


def verify_bundle(path: Path) -> dict[str, Any]:
    """Manifest of a bundle whose files are all as they were exported; raises BundleError."""
    manifest = _read_manifest(path)
    _check_files(path, manifest)
    return manifest


def write_json(path: Path, value: Any) -> None:
    """Write readable JSON, Chinese as it is."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    path.write_text(text + "\n", encoding="utf-8")


def _write_files(draft: Path, weights: Weights, policy: Policy, rules: Rules) -> None:
    (draft / "words.txt").write_text("\n".join(weights.words) + "\n", encoding="utf-8")
    for name, array in (
        ("characters", weights.character_keys),
        ("idf", weights.idf),
        ("weights", weights.weights),
        ("bias", weights.bias),
    ):
        np.save(draft / f"{name}.npy", np.ascontiguousarray(array), allow_pickle=False)
    write_json(draft / _POLICY, policy.as_dict())
    shutil.copyfile(rules.taxonomy, draft / _TAXONOMY_FILE)
    shutil.copyfile(rules.red_flags, draft / "red_flags.yaml")
    shutil.copyfile(rules.questions, draft / "questions.yaml")
    shutil.copyfile(rules.lexicon, draft / "lexicon.txt")


def _manifest(draft: Path, weights: Weights, rules: Rules, facts: dict[str, Any]) -> dict[str, Any]:
    files = (*_MODEL_FILES, *_POLICY_FILES, _TAXONOMY_FILE)
    calibration = {name: getattr(weights, name) for name in _CALIBRATION}
    return {
        "format": FORMAT,
        "model_version": _version("m", draft, _MODEL_FILES, repr(calibration)),
        "policy_version": _version("p", draft, _POLICY_FILES),
        "taxonomy_version": load_taxonomy(rules.taxonomy).version,
        "calibration": calibration,
        "checksums": {name: _sha256(draft / name) for name in files},
        **facts,
    }


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((path / _MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BundleError(f"no model bundle at {path}: {_MEND}") from None
    except (OSError, ValueError) as error:
        raise BundleError(f"manifest of bundle {path} cannot be read ({error}): {_MEND}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise BundleError(f"bundle {path} is not of format {FORMAT}: {_MEND}")
    return manifest


def _check_files(path: Path, manifest: dict[str, Any]) -> None:
    for name in (*_MODEL_FILES, *_POLICY_FILES, _TAXONOMY_FILE):
        try:
            digest = _sha256(path / name)
        except OSError as error:
            reason = error.strerror
            raise BundleError(
                f"{name} of bundle {path} cannot be read ({reason}): {_MEND}"
            ) from None
        if digest != manifest.get("checksums", {}).get(name):
            raise BundleError(f"{name} of bundle {path} is not what was exported: {_MEND}")


def _check_taxonomy(trained: Taxonomy, wanted: Taxonomy, file: Path) -> None:
    """The order counts as well: it is the order of the model's labels."""
    if trained.labels != wanted.labels:
        differing = sorted(set(trained.labels) ^ set(wanted.labels))
        what = f"types {', '.join(differing[:5])} differ" if differing else "the order differs"
        raise BundleError(f"the bundle was trained for other lists than {file} ({what}): retrain")
    moved = [c for c in trained.labels if trained.owner_of(c) != wanted.owner_of(c)]
    if moved:
        raise BundleError(
            f"the owner of type {moved[0]} in {file} is not the one that the bundle was certified "
            "for: retrain"
        )


def _read_weights(path: Path, calibration: dict[str, float], taxonomy: Taxonomy) -> Weights:
    try:
        arrays = {name: np.load(path / f"{name}.npy", allow_pickle=False) for name in _ARRAYS}
        words = tuple((path / "words.txt").read_text(encoding="utf-8").split("\n")[:-1])
        numbers = {name: float(calibration[name]) for name in _CALIBRATION}
    except (OSError, ValueError, KeyError) as error:
        raise BundleError(f"an array of bundle {path} is damaged ({error}): {_MEND}") from error
    shape = (len(words) + len(arrays["characters"]), len(taxonomy.labels) + len(OWNERS))
    if arrays["weights"].shape != shape or arrays["idf"].shape != shape[:1]:
        raise BundleError(f"the arrays of bundle {path} do not fit each other: {_MEND}")
    return Weights(
        words,
        arrays["characters"],
        arrays["idf"],
        arrays["weights"],
        arrays["bias"],
        numbers["temperature"],
        numbers["owner_temperature"],
        numbers["owner_weight"],
    )


def _version(prefix: str, path: Path, names: tuple[str, ...], extra: str = "") -> str:
    digest = hashlib.sha256(extra.encode())
    for name in names:
        digest.update(_sha256(path / name).encode())
    return f"{prefix}-{digest.hexdigest()[:12]}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
