"""The profile that `export` leaves in the bundle, and the one that a city's calls bring."""

import csv
import json
import shutil
from collections import Counter
from pathlib import Path

from fenliu.bundle import load_bundle
from fenliu.classifier import Classifier
from fenliu.drift import profile_of
from fenliu.taxonomy import OUTSIDE
from training.calls import Columns
from training.policy_command import certify_bundle
from training.priors import read_priors, realistic_sample
from training.rows import read_rows
from training.stages import Workspace


def test_the_bundle_has_the_profile_of_its_certificates_sample(small_workspace: Workspace) -> None:
    bundle = load_bundle(small_workspace.bundle)
    profile = profile_of(bundle)
    rows = read_rows(small_workspace.stages / "calibration.jsonl")
    priors = read_priors(small_workspace.data / "priors.yaml", bundle.taxonomy)
    sample = realistic_sample(rows, priors, small_workspace.params.certify.seed)
    classifier = Classifier(bundle)
    decided = [classifier.decide(rows[place].text) for place in sample]
    assert profile.calls == len(sample) == bundle.policy.certificate["calls"]
    assert profile.actions == Counter(decision.action for decision in decided)
    assert profile.types == Counter(decision.type.code for decision in decided)
    assert sum(profile.length.counts) == sum(profile.unknown_share.counts) == len(sample)


def test_a_profile_quotes_no_narrative(small_workspace: Workspace) -> None:
    manifest = json.loads((small_workspace.bundle / "manifest.json").read_text(encoding="utf-8"))
    assert json.dumps(manifest["profile"], ensure_ascii=False).isascii()


def test_certifying_on_a_citys_calls_renews_the_profile(
    small_workspace: Workspace, tmp_path: Path
) -> None:
    path = shutil.copytree(small_workspace.bundle, tmp_path / "bundle")
    rows = read_rows(small_workspace.stages / "test.jsonl")[:300]
    rows = [row for row in rows if row.type != OUTSIDE]
    data = tmp_path / "calls.csv"
    with data.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "type"))
        writer.writerows((row.text, row.type) for row in rows)
    certify_bundle(path, data, Columns("text", "type"), 0.9, 0.05)
    bundle = load_bundle(path)
    profile = profile_of(bundle)
    actions = Counter(Classifier(bundle).decide(row.text).action for row in rows)
    assert profile.calls == len(rows)
    assert profile.actions == actions
