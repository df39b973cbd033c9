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
from matplotlib.ticker import PercentFormatter

from fenliu.errors import ConfigurationError
from training.certify import Point, exact_upper_bound
from training.scoring import Scores

FONT = "Noto Sans CJK SC"
_FONT_FILE = Path(mplfonts.__file__).parent / "fonts" / "NotoSansCJKsc-Regular.otf"
Shares = npt.NDArray[np.float64]

_BLUE, _ORANGE, _RED, _GREY = "#2563a8", "#d97706", "#b3261e", "#8a8f98"
_DELTA = 0.05  # of the upper bounds that are drawn
_LENGTHS = ((1, 8), (9, 12), (13, 16), (17, 30), (31, 59), (60, 100), (101, 10_000))


def draw(width: float, height: float) -> tuple[Figure, Axes]:
    """An empty chart in the style of the report, size in inches."""
    figure, (axes,) = draw_rows(width, height, 1)
    return figure, axes


def draw_rows(width: float, height: float, rows: int) -> tuple[Figure, list[Axes]]:
    """Empty charts below each other with one x axis, size in inches."""
    _register_font()
    mpl.rcParams.update({"font.family": FONT, "font.size": 9, "axes.unicode_minus": False})
    mpl.rcParams.update({"axes.spines.top": False, "axes.spines.right": False})
    mpl.rcParams.update({"svg.fonttype": "path"})
    figure, grid = plt.subplots(
        rows, figsize=(width, height), layout="constrained", sharex=True, squeeze=False
    )
    return figure, list(grid[:, 0])


def _percent(axes: Axes, *directions: str, decimals: int = 0) -> None:
    for direction in directions:
        axis = axes.xaxis if direction == "x" else axes.yaxis
        axis.set_major_formatter(PercentFormatter(1.0, decimals=decimals))


@cache
def _register_font() -> None:
    """Make the font in the wheel known: matplotlib sees only its own and the system's fonts."""
    font_manager.fontManager.addfont(_FONT_FILE)


def to_svg(figure: Figure) -> str:
    """The picture as an SVG element for a page; closes the figure."""
    buffer = io.StringIO()
    # Without a date and with a fixed salt, equal figures give equal files.
    with mpl.rc_context({"svg.hashsalt": "fenliu"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    plt.close(figure)
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def to_png(figure: Figure, dpi: int = 100) -> bytes:
    """The picture as a small PNG file, as notebooks show it; closes the figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    plt.close(figure)
    return buffer.getvalue()


def save(figure: Figure, path: Path) -> None:
    """Write the picture in the kind that the file's name says (PNG, SVG, PDF), and close it.

    Raises ConfigurationError for a name of no such kind and a folder that cannot be written.
    """
    try:
        figure.savefig(path, dpi=150)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ConfigurationError(f"--plot {path} cannot be drawn: {reason}") from None
    finally:
        plt.close(figure)


def categories(scores: Scores) -> Figure:
    """Accuracy of each category with a 95 % interval (Wilson), and of the very type."""
    table = scores.per_category()
    table = table[table["calls"] > 0].sort_values("accuracy")
    figure, axes = draw(9.6, 0.27 * len(table) + 1.2)
    places = np.arange(len(table))
    shares = table["accuracy"].to_numpy(dtype=float)
    low, high = _wilson(shares, table["calls"].to_numpy(dtype=float))
    reach = [np.maximum(shares - low, 0), np.maximum(high - shares, 0)]
    axes.errorbar(shares, places, xerr=reach, fmt="o", color=_BLUE, label="类别准确率及 95% 区间")
    axes.plot(table["type_accuracy"], places, "D", color=_ORANGE, ms=4, label="情形准确率")
    names = [f"{scores.shown(str(r.code))}（{r.calls} 条）" for r in table.itertuples(index=False)]
    axes.set_yticks(places, names)
    axes.set_ylim(-0.8, len(table) - 0.2)
    axes.set_xlim(right=1.005)
    axes.grid(axis="x", color="#e6e9ee")
    axes.set_xlabel("该类别警情中判对的比例")
    _percent(axes, "x")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)
    return figure


def reliability(scores: Scores) -> Figure:
    """Confidence against accuracy for types and categories; the diagonal is perfect."""
    figure, axes = draw(4.8, 4.2)
    axes.plot([0, 1], [0, 1], color=_GREY, linewidth=0.8, label="完全可信")
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
            clip_on=False,
        )
    axes.set(xlabel="模型给出的把握", ylabel="实际判对的比例", xlim=(0, 1.02), ylim=(0, 1.02))
    _percent(axes, "x", "y")
    axes.legend(loc="upper left")
    return figure


def risk_coverage(scores: Scores) -> Figure:
    """Error among the kept calls when the least sure are left out."""
    figure, axes = draw(4.8, 4.2)
    confidence = scores.probabilities.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    kept = np.arange(1, len(order) + 1)
    names = (("情形", "type", _ORANGE), ("类别", "category", _BLUE), ("权属", "owner", _RED))
    for name, level, colour in names:
        wrong = ~scores.right()[level]
        axes.plot(kept / len(order), wrong[order].cumsum() / kept, color=colour, label=name)
    axes.set(xlabel="自动处理的比例（最有把握者先）", ylabel="其中判错的比例", xlim=(0, 1.02))
    axes.set_ylim(bottom=0)
    _percent(axes, "x")
    _percent(axes, "y", decimals=1)
    axes.legend(loc="upper left")
    return figure


def lengths(scores: Scores) -> Figure:
    """Type accuracy by length of the narrative."""
    figure, axes = draw(9.6, 3.0)
    count = np.array([len(text) for text in scores.judged.texts])
    right = scores.right()["type"]
    shown = [(a, b) for a, b in _LENGTHS if ((count >= a) & (count <= b)).any()]
    members = [(count >= a) & (count <= b) for a, b in shown]
    shares = [float(right[m].mean()) for m in members]
    bars = axes.bar(range(len(shown)), shares, color=_BLUE, width=0.6)
    labels = [f"{s:.1%}\n{m.sum()} 条" for s, m in zip(shares, members, strict=True)]
    axes.bar_label(bars, labels, fontsize=8, padding=2)
    names = [f"{a}–{b}" if b < 10_000 else f"{a} 以上" for a, b in shown]
    axes.set_xticks(range(len(shown)), names)
    axes.set(xlabel="报警内容字数", ylabel="情形准确率", ylim=(0, 1.22))
    axes.set_yticks(np.arange(0, 1.01, 0.2))
    _percent(axes, "y")
    return figure


def sweep(
    points: Sequence[Point], calls: int, mediation: int, alpha: float, threshold: float
) -> Figure:
    """What each threshold would do: gain and workload above, risk with its exact bound below."""
    figure, (gain, risk) = draw_rows(9.6, 5.6, rows=2)
    at = [point.threshold for point in points]
    diverted = [p.mediation_diverted / mediation for p in points]
    gain.plot(at, diverted, color=_BLUE, label="直接分流（占矛调类）")
    reviewed = [p.human_review / calls for p in points]
    gain.plot(at, reviewed, color=_ORANGE, label="转人工审核（占全部）")
    gain.set(ylabel="比例", ylim=(0, 1))
    seen = [p.police_diverted / max(p.diverted, 1) for p in points]
    bound = [exact_upper_bound(p.police_diverted, max(p.diverted, 1), _DELTA) for p in points]
    risk.plot(at, seen, color=_RED, label="分流中的公安类，实测")
    risk.plot(at, bound, color=_RED, linewidth=0.8, alpha=0.6, label="同上，95% 置信上界")
    risk.axhline(alpha, color="black", linewidth=0.8, linestyle="--", label=f"上限 {alpha:.2%}")
    risk.set(xlabel="分流阈值（越高越严）", ylabel="分流中的公安类")
    risk.set_ylim(0, max(3 * alpha, 1.15 * max(seen)))
    _percent(gain, "y")
    _percent(risk, "y", decimals=1)
    for axes in (gain, risk):
        if threshold <= 1:
            axes.axvline(threshold, color=_GREY, linestyle=":", label=f"在用阈值 {threshold:g}")
        axes.grid(axis="y", color="#e6e9ee")
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return figure


def _wilson(share: Shares, calls: Shares) -> tuple[Shares, Shares]:
    """Wilson's 95 % interval of a proportion."""
    z = 1.959964
    centre = (share + z**2 / (2 * calls)) / (1 + z**2 / calls)
    half = z * np.sqrt(share * (1 - share) / calls + z**2 / (4 * calls**2)) / (1 + z**2 / calls)
    return centre - half, centre + half
