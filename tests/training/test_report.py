"""The report as its readers meet it: one file, safe, and saying what a supervisor must know."""

import re
from html.parser import HTMLParser
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from fenliu.bundle import Bundle, load_bundle
from training.certify import Point
from training.evaluate import judge_bundle
from training.report import plots
from training.report.names import NAMES
from training.report.page import Extras, headline, render
from training.robustness import measure
from training.rows import Row, read_rows
from training.scoring import Scores
from training.stages import Workspace

EVIL = "<script>alert('x')</script>老板欠三个月工资不给<img src=x onerror=alert(1)>"
VOID = {"meta", "br", "path", "use"}


@pytest.fixture(scope="module")
def bundle(small_workspace: Workspace) -> Bundle:
    return load_bundle(small_workspace.bundle)


@pytest.fixture(scope="module")
def scores(small_workspace: Workspace, bundle: Bundle) -> Scores:
    rows = read_rows(small_workspace.stages / "test.jsonl")[::9]
    # Wrong on purpose, so that the narrative comes among the worst errors.
    return judge_bundle(bundle, [*rows, Row(EVIL, "1601", "medium", "x")])


@pytest.fixture(scope="module")
def page(bundle: Bundle, scores: Scores) -> str:
    rows = [Row(text, "0601", "", "") for text in ("老板欠薪", "工资不发", "拖欠工钱")]
    return render(bundle, scores, "<b>calls.csv", Extras(robustness=measure(bundle, rows, 1)))


class Elements(HTMLParser):
    """Tags with their attributes, and tags that are not closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_refers_to_nothing_outside(page: str) -> None:
    elements = Elements(page)
    assert elements.open == []
    assert not {"script", "link", "iframe", "img", "object"} & {tag for tag, _ in elements.found}
    for tag, attributes in elements.found:
        for name in ("src", "href", "xlink:href", "action", "poster"):
            value = attributes.get(name)
            assert value is None or value.startswith("#"), (tag, name, value)
        assert not [name for name in attributes if name.startswith("on")]
    assert not re.search(r"@import|url\((?!#)", page)


def test_narratives_and_file_names_are_escaped(page: str) -> None:
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(" in page
    assert "&lt;b&gt;calls.csv" in page


def test_a_supervisor_reads_the_dangerous_error_first(page: str, scores: Scores) -> None:
    top = page[page.index("要点") : page.index('class="cards"')]
    shown = headline(scores)
    assert f"{shown['police']:,} 条公安类警情" in top
    assert f"{shown['police_diverted']} 条" in top
    assert "95% 置信上界" in top
    assert shown["divert"] + shown["dispatch_police"] + shown["human_review"] in (99, 100, 101)


def test_headline_figures_have_intervals_and_errors_are_shown(page: str, scores: Scores) -> None:
    assert page.count("95% 区间 ") >= 4
    low, high = map(float, re.findall(r"95% 区间 ([\d.]+)% – ([\d.]+)%", page)[0])
    assert low <= 100 * scores.summary()["type_top1"] <= high
    assert "最严重的错误" in page
    assert "1601 盗窃" in page


def test_a_provisional_certificate_warns_and_a_missing_one_too(
    bundle: Bundle, scores: Scores, page: str
) -> None:
    assert "暂定" in page
    assert "须用本市已标注警情重新认证" in page
    certificate = bundle.policy.certificate
    kept = dict(certificate)
    try:
        certificate["provisional"] = False
        own = render(bundle, scores, "x", Extras())
        assert "暂定" not in own
        assert "风险证书已用本市警情认证" in own
        certificate["certified"] = False
        assert "没有证书：此策略不自动分流任何警情" in render(bundle, scores, "x", Extras())
    finally:
        certificate.update(kept)


def test_everything_is_named_in_chinese(page: str) -> None:
    text = re.sub(r"<style>.*?</style>|<svg.*?</svg>|<[^>]+>", " ", page, flags=re.DOTALL)
    for english in (set(NAMES) | {"outside", "vague"}) - {"fastText"}:
        assert english not in text.split(), english
    assert "长篇家常后才说正事" in text


@pytest.mark.filterwarnings("error")
def test_every_character_of_the_pictures_is_in_the_font(scores: Scores) -> None:
    """A font that lacks one warns, and the reader sees a box."""
    for draw in (plots.categories, plots.reliability, plots.risk_coverage, plots.lengths):
        svg = plots.to_svg(draw(scores))
        assert svg.startswith("<svg")
    points = [Point(t, int(900 * (1 - t)) + 300, 2, 300, 90) for t in np.arange(0.99, 0.5, -0.05)]
    figure = plots.sweep(points, 1000, 500, 0.015, 0.9)
    assert plots.to_svg(figure) == plots.to_svg(plots.sweep(points, 1000, 500, 0.015, 0.9))


def test_one_call_is_enough_for_a_report(bundle: Bundle) -> None:
    one = judge_bundle(bundle, [Row("电瓶车被偷", "1601", "short", "x")])
    assert "评测数据中没有的情形" in render(bundle, one, "x", Extras())
    assert plt.get_fignums() == []


def test_the_page_goes_with_the_package() -> None:
    assert (Path(plots.__file__).parent / "templates" / "report.html").exists()
