from pathlib import Path

import pytest
import yaml

from fenliu import paths
from fenliu.errors import TaxonomyError
from fenliu.taxonomy import load_taxonomy, near_codes

SMALL = {
    "version": "1",
    "categories": [
        {
            "code": "01",
            "name": "邻里",
            "owner": "mediation_centre",
            "types": [
                {
                    "code": "0101",
                    "name": "漏水",
                    "definition": "漏水。",
                    "department": "住建局",
                    "term": "simple",
                }
            ],
        },
        {
            "code": "02",
            "name": "违法",
            "owner": "police",
            "types": [
                {
                    "code": "0201",
                    "name": "盗窃",
                    "definition": "偷。",
                    "department": "刑侦",
                    "term": "prompt",
                }
            ],
        },
    ],
}


def write(tmp_path: Path, lists: object) -> Path:
    path = tmp_path / "taxonomy.yaml"
    path.write_text(yaml.safe_dump(lists, allow_unicode=True), encoding="utf-8")
    return path


def test_the_published_lists_have_their_published_size() -> None:
    taxonomy = load_taxonomy(paths.TAXONOMY)
    by_owner = {
        owner: [c for c in taxonomy.categories if c.owner == owner]
        for owner in ("mediation_centre", "police")
    }
    sizes = {o: (len(c), sum(len(x.types) for x in c)) for o, c in by_owner.items()}
    assert sizes == {"mediation_centre": (15, 72), "police": (8, 42)}


def test_another_city_may_have_lists_of_any_size(tmp_path: Path) -> None:
    taxonomy = load_taxonomy(write(tmp_path, SMALL))
    assert taxonomy.labels == ("0101", "0201", "outside", "vague")
    assert taxonomy.owner_of("0201") == "police"
    assert taxonomy.owner_of("vague") == "outside"
    assert taxonomy.by_code["0101"].due_days == 7
    assert taxonomy.by_code["0201"].due_days is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda lists: lists.pop("version"), "`version` is missing"),
        (lambda lists: lists["categories"][1].update(code="01"), "category code 01 stands twice"),
        (lambda lists: lists["categories"][0].update(owner="court"), "owner 'court'"),
        (lambda lists: lists["categories"][0].update(types=[]), "category 01 has no types"),
        (lambda lists: lists["categories"].pop(), "both owners"),
        (lambda lists: lists["categories"][0]["types"][0].update(term="soon"), "term 'soon'"),
        (lambda lists: lists["categories"][0]["types"][0].update(name=""), "type 0101: `name`"),
        (
            lambda lists: lists["categories"][0]["types"][0].update(code=101),
            "`code` must be a text",
        ),
        (lambda lists: lists["categories"][0]["types"][0].update(code="outside"), "reserved"),
    ],
)
def test_a_mistake_in_the_lists_is_named(tmp_path: Path, change, says: str) -> None:  # type: ignore[no-untyped-def]
    lists = yaml.safe_load(yaml.safe_dump(SMALL))
    change(lists)
    with pytest.raises(TaxonomyError, match=says):
        load_taxonomy(write(tmp_path, lists))


@pytest.mark.parametrize("content", [b"a: [", b"\xff\xfe", b"just text"])
def test_a_broken_file_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "taxonomy.yaml"
    path.write_bytes(content)
    with pytest.raises(TaxonomyError) as caught:
        load_taxonomy(path)
    assert "\n" not in str(caught.value)


def test_near_names_types_of_the_lists() -> None:
    taxonomy = load_taxonomy(paths.TAXONOMY)
    assert list(near_codes(taxonomy.by_code["2001"], taxonomy)) == ["0803", "0902", "0704"]
    assert all(list(near_codes(kind, taxonomy)) for kind in taxonomy.types)
