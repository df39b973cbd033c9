"""A small but real model for the whole suite: the corpus thinned out, every stage run."""

import os
import shutil
from collections import Counter
from pathlib import Path

import pytest
import yaml

from fenliu import paths
from fenliu.classifier import Classifier
from training.corpus import read_corpus, write_corpus
from training.rows import Row
from training.stages import Workspace, build

# Enough for sensible decisions, few enough to train in seconds.
ROWS_PER_TYPE_AND_BATCH = 14


@pytest.fixture(scope="session")
def small_workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace in a folder of its own with every stage done."""
    home = tmp_path_factory.mktemp("fenliu")
    workspace = small_project(home)
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{home / 'mlflow.db'}"
    build(workspace)
    return workspace


@pytest.fixture(scope="session")
def bundle_path(small_workspace: Workspace) -> Path:
    """The bundle of the small model; not to be changed."""
    return small_workspace.bundle


@pytest.fixture(scope="session")
def classifier(bundle_path: Path) -> Classifier:
    """The small model at work."""
    return Classifier.load(bundle_path)


def small_project(home: Path) -> Workspace:
    """Data and parameters of a quick training run below `home`."""
    shutil.copytree(paths.DATA, home / "data", ignore=shutil.ignore_patterns("corpus"))
    workspace = Workspace(
        home / "data",
        home / "params.yaml",
        home / "models" / "stages",
        home / "models" / "bundle",
        home / "reports",
    )
    kept: Counter[tuple[str, str]] = Counter()
    rows: list[Row] = []
    for entry in read_corpus(paths.CORPUS):
        key = (entry.row.type, entry.row.batch)
        if kept[key] < ROWS_PER_TYPE_AND_BATCH:
            kept[key] += 1
            rows.append(entry.row)
    write_corpus(home / "data" / "corpus", rows, workspace.taxonomy)
    params = yaml.safe_load(paths.PARAMS.read_text(encoding="utf-8"))
    params["fit"] |= {"tolerance": 0.0005, "max_iterations": 60}
    # A small model cannot reach what the real one must; what gates do is tested by itself.
    params["gates"] = {"type_top1": 0.4}
    params["corpus"]["minimum_per_type"] = 10
    params["certify"]["alpha"] = 0.05
    workspace.params_file.write_text(yaml.safe_dump(params), encoding="utf-8")
    return workspace
