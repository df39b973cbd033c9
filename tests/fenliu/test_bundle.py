import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fenliu import paths
from fenliu.bundle import load_bundle, replace_policy
from fenliu.classifier import Classifier
from fenliu.errors import BundleError
from fenliu.policy import Policy


@pytest.fixture
def copy(bundle_path: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundle_path, tmp_path / "bundle"))


def test_a_missing_bundle_names_the_command_that_builds_one(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"no model bundle at .*dvc repro"):
        load_bundle(tmp_path)


@pytest.mark.parametrize(
    "name", ["weights.npy", "words.txt", "policy.json", "red_flags.yaml", "taxonomy.yaml"]
)
def test_a_changed_or_missing_file_is_found(copy: Path, name: str) -> None:
    (copy / name).write_bytes((copy / name).read_bytes()[:-1])
    with pytest.raises(BundleError, match=f"{name} of bundle .* is not what was exported"):
        load_bundle(copy)
    (copy / name).unlink()
    with pytest.raises(BundleError, match=f"{name} of bundle .* cannot be read"):
        load_bundle(copy)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 99}'])
def test_a_broken_manifest_is_found(copy: Path, content: str) -> None:
    (copy / "manifest.json").write_text(content, encoding="utf-8")
    with pytest.raises(BundleError):
        load_bundle(copy)


def test_pickled_arrays_are_refused(copy: Path) -> None:
    np.save(copy / "bias.npy", np.array([{"code": "runs"}], dtype=object), allow_pickle=True)
    manifest = json.loads((copy / "manifest.json").read_text(encoding="utf-8"))
    import hashlib

    digest = hashlib.sha256((copy / "bias.npy").read_bytes()).hexdigest()
    manifest["checksums"]["bias.npy"] = digest
    (copy / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(BundleError, match="damaged"):
        load_bundle(copy)


def test_other_lists_than_those_trained_for_are_refused(copy: Path, tmp_path: Path) -> None:
    lists = paths.TAXONOMY.read_text(encoding="utf-8")
    changed = tmp_path / "taxonomy.yaml"
    changed.write_text(lists.replace('code: "0101"', 'code: "0199"'), encoding="utf-8")
    with pytest.raises(BundleError, match=r"0101.*retrain"):
        load_bundle(copy, changed)
    moved = lists.replace("owner: mediation_centre", "owner: police", 1)
    first, rest = moved.split('- code: "02"', 1)
    for term in ("simple", "ordinary", "complex"):
        first = first.replace(f"term: {term}", "term: prompt")
    changed.write_text(first + '- code: "02"' + rest, encoding="utf-8")
    with pytest.raises(BundleError, match="owner of type 0101"):
        load_bundle(copy, changed)
    assert load_bundle(copy, paths.TAXONOMY).taxonomy.version


def test_a_new_policy_changes_its_version_only(copy: Path) -> None:
    before = load_bundle(copy)
    policy = replace(before.policy, divert_threshold=0.5, certificate={"certified": True})
    replace_policy(copy, policy)
    after = load_bundle(copy)
    assert after.policy == policy
    assert after.model_version == before.model_version
    assert after.policy_version != before.policy_version


def test_the_policy_in_the_bundle_is_the_one_that_decides(copy: Path) -> None:
    text = "楼上漏水泡坏了天花板，要求赔偿，物业协调不下来"
    replace_policy(copy, Policy(divert_threshold=0.3, police_threshold=0.5, clause_threshold=1))
    assert Classifier.load(copy).decide(text).action == "divert"
    replace_policy(copy, Policy(divert_threshold=1.01, police_threshold=0.5, clause_threshold=1))
    assert Classifier.load(copy).decide(text).action == "human_review"
