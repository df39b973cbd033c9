from collections import Counter
from pathlib import Path

import pytest

from fenliu import paths
from fenliu.errors import CorpusError
from fenliu.taxonomy import load_taxonomy
from training.priors import read_priors, realistic_sample
from training.rows import Row

TAXONOMY = load_taxonomy(paths.TAXONOMY)


def test_shares_of_all_labels_sum_to_one_and_police_matters_are_most() -> None:
    priors = read_priors(paths.DATA / "priors.yaml", TAXONOMY)
    assert sum(priors.values()) == pytest.approx(1)
    police = sum(share for label, share in priors.items() if TAXONOMY.owner_of(label) == "police")
    assert 0.53 <= police <= 0.62


def test_a_sample_is_as_mixed_as_life_and_as_large_as_can_be() -> None:
    rows = [Row("x", "a", "short", "b")] * 90 + [Row("x", "c", "short", "b")] * 50
    chosen = realistic_sample(rows, {"a": 0.75, "c": 0.25}, seed=3)
    counts = Counter(rows[place].type for place in chosen)
    assert counts["a"] == 90
    assert counts["c"] in (30, 31)
    assert len(set(chosen)) == len(chosen)


@pytest.mark.parametrize("content", ["", "shares: {}", "shares: {'0101': -1}", "shares: [1]"])
def test_incomplete_priors_are_an_error(tmp_path: Path, content: str) -> None:
    path = tmp_path / "priors.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(CorpusError, match="priors"):
        read_priors(path, TAXONOMY)
