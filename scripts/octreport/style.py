# SPDX-License-Identifier: MIT
"""How charts look: colours, fonts, sizes, files."""

from __future__ import annotations

import io
import multiprocessing
import os
import re
from dataclasses import dataclass
from typing import Callable, TypeVar

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402  (the backend comes first)
import pandas as pd  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.colors import LinearSegmentedColormap  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

INK, MUTED, GRID, GREY, BACK = "#1b1c1d", "#5e6062", "#dcddde", "#8c8d8f", "#ffffff"

# Okabe and Ito's colours for the colour-blind, without black (text) and yellow (invisible on white).
PALETTE = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
DASHES = ["-", "--", "-.", (0, (1, 1)), (0, (5, 1, 1, 1, 1, 1))]

PART_COLOURS = {"hh": "#0072b2", "hl": "#56b4e9", "lh": "#009e73", "ll": "#cc79a7", "pool": "#e69f00",
                "upsample": "#d55e00", "add": "#f0e442"}

# Orange below, blue above, near-white in the middle: ordered in lightness on both sides.
DIVERGING = LinearSegmentedColormap.from_list(
    "octave", ["#8c3b00", "#d55e00", "#f4b183", "#f7f7f7", "#7fb8da", "#0072b2", "#00395a"])
DIVERGING.set_bad(BACK, 0.0)

FONT = "DejaVu Sans"
CREATOR = "octbench report.py"  # in the files' metadata
RC = {
    "font.family": FONT, "font.size": 7.5, "axes.titlesize": 7.5, "axes.labelsize": 7.5,
    "xtick.labelsize": 7, "ytick.labelsize": 7, "legend.fontsize": 7, "figure.titlesize": 8.5,
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": MUTED, "xtick.color": MUTED,
    "ytick.color": MUTED, "xtick.labelcolor": INK, "ytick.labelcolor": INK, "axes.titlecolor": INK,
    "axes.linewidth": 0.6, "grid.color": GRID, "grid.linewidth": 0.5, "axes.grid": True,
    "axes.axisbelow": True, "axes.titley": 1.0,  # given, it is not computed anew in every drawing
    "axes.spines.top": False, "axes.spines.right": False, "lines.linewidth": 1.2,
    "lines.markersize": 3.5, "legend.frameon": False, "figure.facecolor": BACK, "axes.facecolor": BACK,
    "savefig.facecolor": BACK, "hatch.linewidth": 0.6,
    "pdf.fonttype": 42, "svg.fonttype": "path", "svg.hashsalt": "octbench",
}


@dataclass(frozen=True)
class Layout:
    """Where a figure will be seen: in a paper and on a wide page, or on a telephone."""

    name: str
    width: float  # inches
    columns: int  # of small panels


WIDE = Layout("wide", 7.2, 4)
NARROW = Layout("narrow", 3.7, 2)


@dataclass
class Chart:
    """A chart that the data allow: what is drawn (`data`), and how."""

    name: str
    title: str
    caption: str
    data: pd.DataFrame
    draw: Callable[[Layout], Figure]


@dataclass
class Missing:
    """A chart that the data do not allow."""

    name: str
    title: str
    why: str


def colour_of(names: list[str], name: str) -> str:
    return PALETTE[names.index(name) % len(PALETTE)]


def line_style(names: list[str], name: str) -> dict[str, object]:
    """Colour, marker and dash, so that no series is told by colour alone."""
    i = names.index(name)
    return {"color": PALETTE[i % len(PALETTE)], "marker": MARKERS[i % len(MARKERS)],
            "linestyle": DASHES[i // len(PALETTE) % len(DASHES)], "markeredgecolor": BACK,
            "markeredgewidth": 0.4}


def panels(layout: Layout, count: int, columns: int, height: float, head: float, foot: float,
           left: float = 0.5, right: float = 0.12, gap: tuple[float, float] = (0.16, 0.34),
           share: bool = True) -> tuple[Figure, list[Axes]]:
    """`count` axes in rows, all sizes in inches. `head` and `foot` leave room for legend and axis label; the
    left and the lowest panels of each column keep their tick labels where the axes are shared."""
    columns = max(1, min(columns, count))
    rows = -(-count // columns)
    total = head + foot + rows * height + (rows - 1) * gap[1]
    figure, grid = plt.subplots(rows, columns, figsize=(layout.width, total), squeeze=False, sharex=share,
                                sharey=share)
    across = (layout.width - left - right - (columns - 1) * gap[0]) / columns
    figure.subplots_adjust(left=left / layout.width, right=1 - right / layout.width, bottom=foot / total,
                           top=1 - head / total, wspace=gap[0] / across, hspace=gap[1] / height)
    axes = list(grid.flat)
    for i, ax in enumerate(axes[count:], start=count):
        ax.remove()
        if share and i >= columns:
            axes[i - columns].tick_params(labelbottom=True)
    return figure, axes[:count]


def hide_inner_axes(axes: list[Axes], columns: int) -> None:
    """For panels without grid and tick marks: an axis without labels shows nothing then, but costs as much to draw."""
    for i, ax in enumerate(axes):
        ax.xaxis.set_visible(i + columns >= len(axes))
        ax.yaxis.set_visible(i % columns == 0)


def head_legend(figure: Figure, handles: list[object], labels: list[str], layout: Layout,
                top: float = 0.02) -> None:
    """A legend across the top, in as many columns as fit. `top` in inches."""
    figure.legend(handles, labels, loc="upper center", ncols=legend_columns(labels, layout),
                  bbox_to_anchor=(0.5, 1 - top / figure.get_figheight()), borderaxespad=0,
                  handlelength=2.2, columnspacing=1.2)


def legend_columns(labels: list[str], layout: Layout) -> int:
    """The most columns in which the entries, which go down each column, fit side by side."""
    widths = [len(label) * 0.06 + 0.5 for label in labels]
    for columns in range(len(labels), 1, -1):
        deep, more = divmod(len(labels), columns)
        at, total = 0, 0.0
        for column in range(columns):
            size = deep + (column < more)
            total += max(widths[at:at + size])
            at += size
        if total <= layout.width - 0.1:
            return columns
    return 1


def legend_height(labels: list[str], layout: Layout) -> float:
    """Inches."""
    return 0.16 * -(-len(labels) // legend_columns(labels, layout)) + 0.06


def file_stem(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-")


def svg_text(figure: Figure) -> str:
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": CREATOR})
    return out.getvalue()


In, Out = TypeVar("In"), TypeVar("Out")
_work: Callable[[int], object] | None = None  # what the forked workers inherit: closures do not pickle


def _call(index: int) -> object:
    assert _work is not None
    return _work(index)


def in_parallel(function: Callable[[In], Out], items: list[In]) -> list[Out]:
    """[function(item) for item in items], in forked processes where there are processors for them."""
    global _work
    count = min(len(os.sched_getaffinity(0)), len(items), 8)
    if count < 2:
        return [function(item) for item in items]
    _work = lambda index: function(items[index])  # noqa: E731
    try:
        with multiprocessing.get_context("fork").Pool(count) as pool:
            return pool.map(_call, range(len(items)), chunksize=1)
    finally:
        _work = None
