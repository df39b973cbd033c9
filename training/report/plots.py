"""The pictures of the report, as SVG with the glyphs drawn in: they look the same everywhere.

The Chinese font comes inside a wheel (mplfonts), so no machine needs one installed.
"""

import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import mplfonts
import numpy as np
import numpy.typing as npt
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.certify import Point
from training.scoring import Scores

_FONT_FILE = Path(mplfonts.__file__).parent / "fonts" / "NotoSansCJKsc-Regular.otf"
Shares = npt.NDArray[np.float64]

_BLUE, _ORANGE, _RED, _GREY = "#2563a8", "#d97706", "#b3261e", "#8a8f98"
_LENGTHS = ((1, 8), (9, 12), (13, 16), (17, 30), (31, 59), (60, 100), (101, 10_000))


def draw(width: float, height: float) -> tuple[Figure, Axes]:
    """An empty chart in the style of the report, size in inches."""
    mpl.rcParams.update({"font.family": _font(), "font.size": 9, "axes.unicode_minus": False})
    mpl.rcParams.update({"axes.spines.top": False, "axes.spines.right": False})
    mpl.rcParams.update({"svg.fonttype": "path"})
    figure, axes = plt.subplots(figsize=(width, height), layout="constrained")
    return figure, axes


@cache
def _font() -> str:
    """Name of the font in the wheel, made known to matplotlib: it does not look there by itself."""
    font_manager.fontManager.addfont(_FONT_FILE)
    return font_manager.FontProperties(fname=_FONT_FILE).get_name()


def to_svg(figure: Figure) -> str:
    """The picture as an SVG element for a page; closes the figure."""
    buffer = io.StringIO()
    # Without a date and with a fixed salt, equal figures give equal files.
    with mpl.rc_context({"svg.hashsalt": "fenliu"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    plt.close(figure)
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def categories(scores: Scores) -> Figure:
    """Accuracy of each category with a 95 % interval (Wilson), and of the very type."""
    table = scores.per_category().sort_values("accuracy")
    figure, axes = draw(8, 7.5)
    places = np.arange(len(table))
    shares = table["accuracy"].to_numpy(dtype=float)
    low, high = _wilson(shares, table["calls"].to_numpy(dtype=float))
    axes.barh(places, shares, color=_BLUE, label="类别准确率")
    axes.errorbar(
        shares,
        places,
        xerr=[np.maximum(shares - low, 0), np.maximum(high - shares, 0)],
        fmt="none",
        ecolor="black",
        elinewidth=0.8,
    )
    axes.plot(table["type_accuracy"], places, "o", color=_ORANGE, label="情形准确率")
    axes.set_yticks(places, [f"{r.code} {r.name}" for r in table.itertuples(index=False)])
    axes.set_xlim(min(0.5, float(table["type_accuracy"].min()) - 0.05), 1.0)
    axes.set_xlabel("该类别警情中判对的比例")
    axes.legend(loc="lower left")
    return figure


def reliability(scores: Scores) -> Figure:
    """Confidence against accuracy for types and categories; the diagonal is perfect."""
    figure, axes = draw(4.6, 4.2)
    axes.plot([0, 1], [0, 1], color=_GREY, linewidth=0.8)
    levels = (
        ("情形", scores.probabilities, scores.target, _ORANGE),
        ("类别", scores.category_probability, scores.category_target, _BLUE),
    )
    for name, probabilities, target, colour in levels:
        best = probabilities.argmax(axis=1)
        confidence = probabilities[np.arange(len(best)), best]
        bins = np.minimum((confidence * 10).astype(int), 9)
        filled = [b for b in range(10) if (bins == b).sum() >= 10]
        axes.plot(
            [confidence[bins == b].mean() for b in filled],
            [(best == target)[bins == b].mean() for b in filled],
            "o-",
            color=colour,
            label=name,
        )
    axes.set(xlabel="模型给出的把握", ylabel="实际判对的比例", xlim=(0, 1), ylim=(0, 1))
    axes.legend()
    return figure


def risk_coverage(scores: Scores) -> Figure:
    """Error among the kept calls when the least sure are left out."""
    figure, axes = draw(4.6, 4.2)
    confidence = scores.probabilities.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    kept = np.arange(1, len(order) + 1)
    levels = (
        ("情形", scores.predicted != scores.target, _ORANGE),
        ("类别", scores.category_probability.argmax(axis=1) != scores.category_target, _BLUE),
        ("权属", scores.owner_probability.argmax(axis=1) != scores.owner_target, _RED),
    )
    for name, wrong, colour in levels:
        axes.plot(kept / len(order), wrong[order].cumsum() / kept, color=colour, label=name)
    axes.set(xlabel="自动处理的比例（最有把握者先）", ylabel="其中判错的比例", xlim=(0, 1))
    axes.set_ylim(bottom=0)
    axes.legend()
    return figure


def lengths(scores: Scores) -> Figure:
    """Type accuracy by length of the narrative."""
    figure, axes = draw(4.6, 3.2)
    count = np.array([len(text) for text in scores.judged.texts])
    right = scores.predicted == scores.target
    shown = [(a, b) for a, b in _LENGTHS if ((count >= a) & (count <= b)).any()]
    members = [(count >= a) & (count <= b) for a, b in shown]
    bars = axes.bar(range(len(shown)), [right[m].mean() for m in members], color=_BLUE)
    axes.bar_label(bars, [f"{m.sum()} 条" for m in members], fontsize=8)
    names = [f"{a}–{b}" if b < 10_000 else f">{a - 1}" for a, b in shown]
    axes.set_xticks(range(len(shown)), names)
    axes.set(xlabel="报警内容字数", ylabel="情形准确率", ylim=(0, 1.05))
    return figure


def sweep(
    points: Sequence[Point], calls: int, mediation: int, alpha: float, threshold: float
) -> Figure:
    """What each threshold would do: risk, diverted mediation matters, human workload."""
    figure, axes = draw(7.5, 4.2)
    at = [point.threshold for point in points]
    risk = [point.police_diverted / max(point.diverted, 1) for point in points]
    axes.plot(
        at, [p.mediation_diverted / mediation for p in points], color=_BLUE, label="矛调类直接分流"
    )
    axes.plot(
        at, [p.human_review / calls for p in points], color=_ORANGE, label="转人工审核（占全部）"
    )
    axes.set(xlabel="分流阈值", ylabel="比例", ylim=(0, 1))
    other = axes.twinx()
    other.plot(at, risk, color=_RED, label="分流中的公安类（右轴）")
    other.axhline(alpha, color=_RED, linewidth=0.8, linestyle="--", label=f"上限 α = {alpha:g}")
    other.set_ylim(0, max(5 * alpha, 1.05 * max(risk)))
    other.spines["right"].set_visible(True)
    if threshold <= 1:
        axes.axvline(threshold, color=_GREY, linestyle=":", label=f"在用阈值 {threshold:g}")
    handles = [*axes.get_lines(), *other.get_lines()]
    axes.legend(handles, [str(h.get_label()) for h in handles], loc="center left", fontsize=8)
    return figure


def _wilson(share: Shares, calls: Shares) -> tuple[Shares, Shares]:
    """Wilson's 95 % interval of a proportion."""
    z = 1.959964
    centre = (share + z**2 / (2 * calls)) / (1 + z**2 / calls)
    half = z * np.sqrt(share * (1 - share) / calls + z**2 / (4 * calls**2)) / (1 + z**2 / calls)
    return centre - half, centre + half
