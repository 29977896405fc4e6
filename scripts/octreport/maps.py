# SPDX-License-Identifier: MIT
"""Charts as grids of coloured cells: efficiency by layer and alpha (2), channels by resolution (5)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from . import style
from .captions import chosen_text, common_caption, slow_text, spread_evenly
from .derive import VIEWS, Data, alpha_text
from .style import Chart, Layout, Missing

MAX_ROWS = 30
MAX_FACETS = 8
MAX_WINDOWS, MAX_ALPHAS = 2, 4
DARK_TEXT, LIGHT_TEXT = "#101112", "#fefefe"


def _norm(values: np.ndarray) -> LogNorm:
    """1.0 in the middle, equal ratios at equal distance; at least 0.8 to 1.25, at most a third to three."""
    kept = values[np.isfinite(values)]
    reach = float(np.exp(np.abs(np.log(kept)).max())) if kept.size else 1.25
    reach = min(max(reach, 1.25), 3.0)
    return LogNorm(1 / reach, reach)


def _cells(ax: Axes, table: pd.DataFrame, norm: LogNorm, font: float) -> QuadMesh:
    """Rows downwards. Cells without a value stay empty."""
    values = np.ma.masked_invalid(table.to_numpy(dtype=float))
    mesh = ax.pcolormesh(values, cmap=style.DIVERGING, norm=norm, edgecolors=style.BACK, linewidth=0.8)
    ax.patch.set(facecolor=style.BACK, edgecolor=style.GRID, hatch="//////", linewidth=0)
    ax.grid(False)
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    if font:
        _write_values(ax, values, norm, font)
    return mesh


def _write_values(ax: Axes, values: np.ma.MaskedArray, norm: LogNorm, font: float) -> None:
    light = style.DIVERGING(norm(values))[..., :3] @ (0.299, 0.587, 0.114) > 0.5
    for (row, column), value in np.ndenumerate(values.filled(np.nan)):
        if np.isfinite(value):
            ax.text(column + 0.5, row + 0.5, f"{value:.2f}", ha="center", va="center", fontsize=font,
                    color=DARK_TEXT if light[row, column] else LIGHT_TEXT)


def _colour_bar(figure: Figure, mesh: QuadMesh, layout: Layout, label: str, top: float) -> None:
    """Across the head of the figure; `top` inches from its upper edge."""
    height = figure.get_figheight()
    width = min(0.6, 2.6 / layout.width)
    ax = figure.add_axes((0.5 - width / 2, 1 - top / height, width, 0.09 / height), label="colours")
    bar = figure.colorbar(mesh, cax=ax, orientation="horizontal", extend="both")
    ticks = [t for t in (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2, 2.5)
             if mesh.norm.vmin <= t <= mesh.norm.vmax]
    if len(ticks) > 7:
        ticks = [t for t in ticks if t in (0.4, 0.5, 0.7, 1, 1.5, 2, 2.5)]
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    bar.outline.set_visible(False)
    bar.solids.set(rasterized=False, edgecolor="face", linewidth=0.8)  # vectors, without seams between them
    ax.grid(False)
    ax.set_title(label, fontsize=7.5, pad=3)


# ---- 2: efficiency by layer and alpha ---------------------------------------------------------------


def efficiency_points(data: Data, view: str) -> pd.DataFrame:
    """Kernel, label, alpha, value, case_id: what a heat map of that view plots."""
    rows = data.shown_octave[data.shown_octave[view].notna()].drop_duplicates(["kernel", "label", "alpha"])
    order = list(rows["label"].drop_duplicates())
    rows = rows[rows["label"].isin(spread_evenly(order, MAX_ROWS))]
    points = rows.assign(value=rows[view])[["kernel", "label", "alpha", "value", "case_id"]]
    return points.reset_index(drop=True)


def draw_efficiency(points: pd.DataFrame, kernels: list[str], view: str, layout: Layout) -> Figure:
    labels = list(points["label"].drop_duplicates())
    alphas = sorted(points["alpha"].unique())
    present = [k for k in kernels if k in set(points["kernel"])][:MAX_FACETS]
    left = min(0.075 * max(len(label) for label in labels) + 0.12, 0.42 * layout.width)
    columns = max(1, int((layout.width - left - 0.1) / (max(0.33 * len(alphas), 1.25) + 0.12)))
    columns = min(columns, len(present))
    cell = (layout.width - left - 0.1 - 0.12 * (columns - 1)) / columns / len(alphas)
    figure, axes = style.panels(layout, len(present), columns, 0.19 * len(labels) + 0.02, 0.72, 0.42, left=left,
                                right=0.1, gap=(0.12, 0.4))
    norm = _norm(points["value"].to_numpy())
    for ax, kernel in zip(axes, present):
        of = points[points["kernel"] == kernel]
        table = of.pivot(index="label", columns="alpha", values="value").reindex(labels)
        mesh = _cells(ax, table.reindex(columns=alphas), norm, 6.5 if cell > 0.27 else 0)
        ax.set_title(kernel)
    every = 1 if cell > 0.27 else -(-len(alphas) // 9)
    axes[0].set_xticks(np.arange(len(alphas))[::every] + 0.5, [alpha_text(a) for a in alphas][::every])
    axes[0].set_yticks(np.arange(len(labels)) + 0.5, labels)
    axes[0].set_ylim(len(labels), 0)
    style.hide_inner_axes(axes, columns)
    figure.supxlabel("alpha (share of channels at low resolution)", y=0.04 / figure.get_figheight(),
                     va="bottom", fontsize=7.5)
    _colour_bar(figure, mesh, layout, view.replace("_", " ") + " (ratio)", 0.26)
    return figure


_VIEW_TEXT = {
    "octave_efficiency": "The fastest vanilla kernel of any algorithm in the same rounds is the base: the "
                         "user's question.",
    "self_efficiency": "The same kernel's own vanilla is the base: the paper's question, whether the saving in "
                       "multiply-adds arrives.",
    "direct_efficiency": "The fastest vanilla kernel in the same rounds that is not Winograd is the base, this "
                         "suite's own direct kernels included: direct judged against direct. Computed from the "
                         "paired samples, or from medians where there are none.",
}


def efficiency_chart(data: Data, view: str) -> Chart | Missing:
    name, title = view.replace("_", "-"), VIEWS[view][0].upper() + VIEWS[view][1:]
    points = efficiency_points(data, view)
    if points.empty:
        return Missing(name, title, "no octave case has this efficiency")
    rows = data.shown_octave
    caption = (
        "Speedup over vanilla divided by the saving in multiply-adds: 1.0 means that every multiply-add saved "
        f"became time saved. {_VIEW_TEXT[view]} {common_caption(data, rows)} Hatched: not measured or not "
        "supported." + chosen_text(points["label"].nunique(), rows["label"].nunique(), "layers")
        + chosen_text(min(points["kernel"].nunique(), MAX_FACETS), points["kernel"].nunique(), "kernels")
        + slow_text(data))
    return Chart(name, title, caption, points,
                 lambda layout: draw_efficiency(points, data.kernels, view, layout))


# ---- 5: channels x resolution -----------------------------------------------------------------------


def grid_points(data: Data) -> pd.DataFrame:
    """k, alpha, channels, h, w: the fastest octave kernel's speedup in each cell of stride 1, ungrouped."""
    rows = data.octave[(data.octave["setting"] == data.main_setting) & (data.octave["stride"] == 1)
                       & data.octave["groups"].isin(["1", ""]) & data.octave["speedup"].notna()
                       & (data.octave["alpha_in"] == data.octave["alpha_out"])].copy()
    rows = rows[rows["n"] == rows["n"].min()]
    rows["channels"] = rows["c_in"].astype(str) + "→" + rows["c_out"].astype(str)
    rows = rows.sort_values("speedup", ascending=False, kind="stable")
    rows = rows.drop_duplicates(["k", "alpha", "c_in", "c_out", "h", "w"])
    rows = rows[rows["k"].isin(rows["k"].value_counts().index[:MAX_WINDOWS])
                & rows["alpha"].isin(spread_evenly(sorted(rows["alpha"].unique()), MAX_ALPHAS))]
    rows = rows.sort_values(["k", "alpha", "h", "w", "c_in", "c_out"], kind="stable")
    columns = ["k", "alpha", "c_in", "c_out", "channels", "h", "w", "speedup", "kernel", "case_id"]
    return rows[columns].reset_index(drop=True)


def _grid_axes(ks: list[str], channels: dict[str, list[str]], alphas: list[float], sizes: int,
               layout: Layout) -> tuple[Figure, np.ndarray, float]:
    """A column for each window, as wide as it has channel pairs, and a row for each ratio; the cell's width."""
    counts = [len(channels[k]) for k in ks]
    head, left, right, gap = 0.72, 0.62, 0.1, 0.16
    cell = (layout.width - left - right - gap * (len(ks) - 1)) / sum(counts)
    longest = max(len(c) for k in ks for c in channels[k])
    foot = 0.36 + (0.1 if cell > 0.066 * longest else 0.062 * longest)
    height, between = 0.22 * sizes, 0.28
    total = head + foot + height * len(alphas) + between * (len(alphas) - 1)
    figure, axes = plt.subplots(len(alphas), len(ks), figsize=(layout.width, total), squeeze=False,
                                sharex="col", sharey=True, gridspec_kw={"width_ratios": counts})
    mean = (layout.width - left - right - gap * (len(ks) - 1)) / len(ks)
    figure.subplots_adjust(left=left / layout.width, right=1 - right / layout.width, top=1 - head / total,
                           bottom=foot / total, wspace=gap / mean, hspace=between / height)
    for ax in axes.flat:
        ax.tick_params(axis="x", labelrotation=0 if cell > 0.066 * longest else 90)
    return figure, axes, cell


def draw_grid(points: pd.DataFrame, layout: Layout) -> Figure:
    ks, alphas = list(points["k"].drop_duplicates()), sorted(points["alpha"].unique())
    by_size = points.sort_values(["c_in", "c_out"])
    channels = {k: list(by_size.loc[by_size["k"] == k, "channels"].drop_duplicates()) for k in ks}
    sizes = pd.MultiIndex.from_frame(points.sort_values(["h", "w"])[["h", "w"]].drop_duplicates())
    figure, axes, cell = _grid_axes(ks, channels, alphas, len(sizes), layout)
    norm = _norm(points["speedup"].to_numpy())
    for (row, column), ax in np.ndenumerate(axes):
        k, alpha = ks[column], alphas[row]
        of = points[(points["k"] == k) & (points["alpha"] == alpha)]
        table = of.pivot(index=["h", "w"], columns="channels", values="speedup")
        mesh = _cells(ax, table.reindex(index=sizes, columns=channels[k]), norm, 6.5 if cell > 0.27 else 0)
        ax.set_title(f"{k}, alpha {alpha_text(alpha)}")
        every = -(-len(channels[k]) // max(1, int(cell * len(channels[k]) / 0.14)))
        ax.set_xticks(np.arange(len(channels[k]))[::every] + 0.5, channels[k][::every])
    axes[0, 0].set_yticks(np.arange(len(sizes)) + 0.5, [f"{h}" if h == w else f"{h}x{w}" for h, w in sizes])
    axes[0, 0].set_ylim(len(sizes), 0)
    style.hide_inner_axes(list(axes.flat), len(ks))
    figure.supxlabel("channels (in→out)", y=0.04 / figure.get_figheight(), va="bottom", fontsize=7.5)
    figure.supylabel("resolution (pixels)", x=0.03 / layout.width, ha="left", fontsize=7.5)
    _colour_bar(figure, mesh, layout, "speedup of the fastest octave kernel (ratio)", 0.26)
    return figure


def grid_chart(data: Data) -> Chart | Missing:
    name, title = "channels-resolution", "Where OctConv wins: channels by resolution"
    points = grid_points(data)
    if points["h"].nunique() < 2 or points["channels"].nunique() < 2:
        return Missing(name, title, "it needs two resolutions and two channel counts, at stride 1, of octave "
                                    "cases with equal ratios")
    rows = data.octave[data.octave["case_id"].isin(points["case_id"])]
    caption = (
        "Speedup of the fastest octave kernel over the fastest vanilla kernel of any algorithm: blue is where "
        f"OctConv wins, orange where it does not. {common_caption(data, rows)} Hatched: not measured. At most "
        f"{MAX_WINDOWS} windows and {MAX_ALPHAS} ratios are shown.")
    return Chart(name, title, caption, points, lambda layout: draw_grid(points, layout))
