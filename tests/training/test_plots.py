import warnings
from pathlib import Path

from matplotlib.font_manager import FontProperties, findfont

from training.report import plots


def chart() -> plots.Figure:
    figure, axes = plots.draw(3, 2)
    axes.plot([0, 1], [1, -1], label="矛调类直接分流（占全部）")
    axes.set(xlabel="报警内容字数", ylabel="比例")
    axes.legend()
    return figure


def test_chinese_is_drawn_and_not_boxes_though_no_font_was_installed() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert plots.to_svg(chart()).startswith("<svg")
    assert Path(findfont(FontProperties(family=plots.FONT))).name.startswith("NotoSansCJK")


def test_a_png_is_small_and_the_same_each_time() -> None:
    picture = plots.to_png(chart())
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 100_000
    assert b"matplotlib" not in picture.lower()
    assert plots.to_png(chart()) == picture
