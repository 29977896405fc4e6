# SPDX-License-Identifier: MIT
"""Charts over alpha and over threads: speedup (1), thread scaling (6), activation memory (7)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from . import paper, style
from .captions import chosen_text, common_caption, layers_text, slow_text, spread_evenly
from .derive import Data, alpha_text, geomean, theory_macs, theory_memory
from .style import Chart, Layout, Missing

MAX_PANELS = 16
CURVE = np.linspace(0, 1, 101)


# ---- 1: speedup over vanilla against alpha ----------------------------------------------------------


def _usual_layers(rows: pd.DataFrame) -> list[str]:
    """The layers that were measured at the most usual set of ratios."""
    octave = rows[(rows["bands"] > 1) & (rows["alpha_in"] == rows["alpha_out"])]
    sets = octave.groupby("label", sort=False)["alpha"].agg(lambda a: tuple(sorted(set(a))))
    return list(sets.index[sets == sets.value_counts().index[0]]) if len(sets) else []


def _mean_points(rows: pd.DataFrame, panel: str, labels: list[str]) -> pd.DataFrame:
    """Of the kernels that ran all of these layers."""
    kept = rows[rows["label"].isin(labels)]
    grouped = kept.groupby(["kernel", "alpha"])
    points = pd.DataFrame({"speedup": grouped["speedup"].agg(geomean),
                           "theory": grouped["theory_speedup"].agg(geomean),
                           "cases": grouped["label"].nunique()}).reset_index()
    return points[points["cases"] == len(labels)].assign(panel=panel, lo=np.nan, hi=np.nan, case_id="",
                                                         table_1=True)


def speedup_points(data: Data) -> pd.DataFrame:
    """What chart 1 plots. Panels of means first, then a layer each."""
    columns = ["panel", "kernel", "alpha", "speedup", "lo", "hi", "theory", "cases", "case_id", "table_1"]
    rows = data.measured[(data.measured["setting"] == data.main_setting)
                         & data.measured["kernel"].isin(data.drawn) & data.measured["speedup"].notna()]
    octave_layers = rows.loc[rows["bands"] > 1, "label"].unique()
    # A vanilla row belongs to every variant of its layer; it is drawn where the labels agree.
    rows = rows[rows["label"].isin(octave_layers)].drop_duplicates(["label", "kernel", "alpha"])
    frames = []
    usual = _usual_layers(rows)
    window = rows.drop_duplicates("label").set_index("label")["k"]
    for k in ["", *sorted(set(window.loc[usual]))]:
        labels = [label for label in usual if k in ("", window[label])]
        if len(labels) < 2 or (k and len(labels) == len(usual)):
            continue
        means = _mean_points(rows, f"mean of {len(labels)} {k + ' ' if k else ''}layers", labels)
        frames += [means] if (means["alpha"] > 0).any() else []
    order = [label for label in rows["label"].drop_duplicates() if label in set(octave_layers)]
    for label in spread_evenly(order, MAX_PANELS - len(frames)):
        of = rows[rows["label"] == label]
        plain = ((of["stride"] == 1) & (of["groups"].isin(["1", ""])) & (of["bands"] <= 2)
                 & (of["alpha_in"] == of["alpha_out"])).all()
        frames.append(of.assign(panel=label, cases=1, lo=of["speedup_lo"], hi=of["speedup_hi"],
                                theory=of["theory_speedup"], table_1=plain)[columns])
    if not frames:
        return pd.DataFrame(columns=columns)
    return pd.concat(frames)[columns].sort_values(["panel", "kernel", "alpha"], kind="stable",
                                                  key=_panel_order(frames)).reset_index(drop=True)


def _panel_order(frames: list[pd.DataFrame]):
    order = {frame["panel"].iloc[0]: i for i, frame in enumerate(frames) if len(frame)}
    return lambda column: column.map(order) if column.name == "panel" else column


PAPER_LOOKS = {"speedup": {"linestyle": "none", "marker": "d", "markersize": 5, "color": style.GREY, "zorder": 3,
                           "markeredgecolor": style.BACK, "markeredgewidth": 0.4},
               "theory_speedup": {"linestyle": "none", "marker": "_", "markersize": 7, "color": style.GREY}}


def _draw_speedup_panel(ax: Axes, of: pd.DataFrame, kernels: list[str], paper_too: bool) -> None:
    if of["table_1"].all():
        ax.plot(CURVE, 1 / theory_macs(CURVE, CURVE), color=style.INK, linewidth=0.8, label="theory (table 1)")
    if paper_too:
        for column, look in PAPER_LOOKS.items():
            ax.plot(paper.RESNET50["alpha"], paper.RESNET50[column], label=f"paper {column}", **look)
    ceiling = of.drop_duplicates("alpha")
    ax.plot(ceiling["alpha"], ceiling["theory"], linestyle="none", marker="_", markersize=7, color=style.INK,
            label="theory (this layer)")
    for kernel, line in of.groupby("kernel", sort=False):
        if line["lo"].notna().any():
            ax.fill_between(line["alpha"], line["lo"], line["hi"], color=style.colour_of(kernels, kernel),
                            alpha=0.25, linewidth=0)
        ax.plot(line["alpha"], line["speedup"], label=kernel, **style.line_style(kernels, kernel))
    ax.axhline(1, color=style.MUTED, linewidth=0.6)
    ax.set_title(of["panel"].iloc[0])


def is_mean(points: pd.DataFrame) -> bool:
    """Whether points of means are among them: the paper's whole network bears comparison with these alone."""
    return bool((points["case_id"] == "").any())


def draw_speedup(points: pd.DataFrame, kernels: list[str], layout: Layout) -> Figure:
    present = [k for k in kernels if k in set(points["kernel"])]
    labels = [*present, "theory (table 1)", "theory (these layers)", "paper's ResNet-50", "its theory"]
    handles = [Line2D([], [], **style.line_style(kernels, k)) for k in present]
    handles += [Line2D([], [], color=style.INK, linewidth=0.8),
                Line2D([], [], color=style.INK, marker="_", markersize=7, linestyle="none"),
                *(Line2D([], [], **look) for look in PAPER_LOOKS.values())]
    names = list(points["panel"].drop_duplicates())
    any_mean = is_mean(points)
    figure, axes = style.panels(layout, len(names), layout.columns, 1.35,
                                style.legend_height(labels, layout) + 0.22, 0.42)
    for ax, name in zip(axes, names):
        of = points[points["panel"] == name]
        _draw_speedup_panel(ax, of, kernels, is_mean(of) or not any_mean)
    axes[0].set_xlim(0, 1 if points["alpha"].max() > 0.8 else 0.8)
    axes[0].set_xticks([0, 0.25, 0.5, 0.75, *([1] if points["alpha"].max() > 0.8 else [])])
    axes[0].xaxis.set_major_formatter(lambda value, _: alpha_text(value))
    top = np.nanmax(points[["speedup", "hi", "theory"]].to_numpy(dtype=float))
    axes[0].set_ylim(0, 1.06 * top)
    axes[0].yaxis.set_major_locator(MaxNLocator(4, integer=True))
    figure.supxlabel("alpha (share of channels at low resolution)", y=0.04 / figure.get_figheight(),
                     va="bottom", fontsize=7.5)
    figure.supylabel("speedup over the fastest vanilla (ratio)", x=0.03 / layout.width, ha="left",
                     fontsize=7.5)
    style.head_legend(figure, handles, labels, layout)
    return figure


def speedup_chart(data: Data) -> Chart | Missing:
    name, title = "speedup", "Speedup over vanilla against alpha"
    points = speedup_points(data)
    if points.empty:
        return Missing(name, title, "no octave case has a speedup over a vanilla case")
    rows = data.measured[data.measured["setting"] == data.main_setting]
    layers = rows.loc[(rows["bands"] > 1) & rows["kernel"].isin(data.drawn), "label"].nunique()
    shown = points.loc[points["case_id"] != "", "panel"].nunique()
    caption = (
        "Time of the fastest vanilla convolution of any algorithm over the time of the octave convolution. "
        f"{common_caption(data, rows)} Bands: 95% interval of the paired median, by layer. Lines join measured "
        "points; means are geometric, of the kernels that ran all of those layers. Black curve: "
        "table 1 of the paper, for even extents; black dashes: the layers' own saving in multiply-adds. Grey "
        f"diamonds{', beside the means' if is_mean(points) else ''}: the paper's whole ResNet-50, {paper.MEASURED}; "
        "grey dashes: that network's own saving, by the multiply-adds that the paper prints."
        + chosen_text(shown, layers, "layers") + slow_text(data))
    return Chart(name, title, caption, points, lambda layout: draw_speedup(points, data.kernels, layout))


# ---- 6: thread scaling ------------------------------------------------------------------------------


def thread_points(data: Data) -> pd.DataFrame:
    """Panel, kernel, threads; geometric mean, least and greatest speedup over the fewest threads."""
    counts = sorted(data.measured["threads"].unique())
    columns = ["panel", "kernel", "threads", "scaling", "lo", "hi", "cases"]
    if len(counts) < 2:
        return pd.DataFrame(columns=columns)
    rows = data.thread_pairs(counts[0])
    rows = rows[rows["kernel"].isin(data.drawn)].copy()
    rows = rows[rows.groupby("few_id")["threads"].transform("nunique") == len(counts)]
    rows["panel"] = np.where(rows["bands"] > 1, "octave", "vanilla")
    grouped = rows.groupby(["panel", "kernel", "threads"])["scaling"]
    return pd.DataFrame({"scaling": grouped.agg(geomean), "lo": grouped.min(), "hi": grouped.max(),
                         "cases": grouped.size()}).reset_index()[columns]


def draw_threads(points: pd.DataFrame, kernels: list[str], layout: Layout) -> Figure:
    names = list(points["panel"].drop_duplicates())
    present = [k for k in kernels if k in set(points["kernel"])]
    labels = [*present, "ideal"]
    handles = [Line2D([], [], **style.line_style(kernels, k)) for k in present]
    handles.append(Line2D([], [], color=style.INK, linewidth=0.8))
    figure, axes = style.panels(layout, len(names), 2, 1.9 if layout.columns > 2 else 1.5,
                                style.legend_height(labels, layout) + 0.22, 0.42)
    counts = sorted(points["threads"].unique())
    for ax, name in zip(axes, names):
        ax.plot(counts, [t / counts[0] for t in counts], color=style.INK, linewidth=0.8, label="ideal")
        of = points[points["panel"] == name]
        for kernel, line in of.groupby("kernel", sort=False):
            ax.fill_between(line["threads"], line["lo"], line["hi"], color=style.colour_of(kernels, kernel),
                            alpha=0.15, linewidth=0)
            ax.plot(line["threads"], line["scaling"], label=kernel, **style.line_style(kernels, kernel))
        ax.set_title(f"{name} ({of['cases'].max()} cases)")
        ax.set_ylim(0, None)
    axes[0].set_xticks(counts if len(counts) <= 8 else counts[::len(counts) // 8 + 1])
    figure.supxlabel("threads", y=0.04 / figure.get_figheight(), va="bottom", fontsize=7.5)
    plural = "s" if counts[0] > 1 else ""
    figure.supylabel(f"speedup over {counts[0]} thread{plural} (ratio)", x=0.03 / layout.width, ha="left",
                     fontsize=7.5)
    style.head_legend(figure, handles, labels, layout)
    return figure


def threads_chart(data: Data) -> Chart | Missing:
    name, title = "threads", "Thread scaling"
    points = thread_points(data)
    if points.empty:
        return Missing(name, title, "no case was measured at two thread counts")
    caption = (
        "Median time at the fewest threads over the median at more; geometric mean over the cases measured at "
        "every thread count (in the title the most of any kernel), band: least to greatest case. The "
        "two were measured in different rounds, so "
        f"drift of the machine is in these figures. {common_caption(data, data.measured)}"
        + slow_text(data))
    return Chart(name, title, caption, points, lambda layout: draw_threads(points, data.kernels, layout))


# ---- 7: activation memory ---------------------------------------------------------------------------


COMPUTED, HELD = "computed", "as allocated"


def memory_points(data: Data) -> pd.DataFrame:
    """Kind, alpha, ratio to the vanilla layer's computed activations, for cases with equal ratios. Kinds:
    computed; as allocated (in the layouts of the kernels), one row a shape; and for each kernel tensors and
    scratch together, geometric mean, least and greatest over the layers, at alpha 0 of their vanilla cases."""
    columns = ["kind", "label", "alpha", "ratio", "lo", "hi", "cases", "case_id"]
    rows = data.rows[(data.rows["alpha_in"] == data.rows["alpha_out"]) & data.rows["act_bytes"].notna()]
    octave = rows[rows["bands"] > 1]
    rows = rows[(rows["bands"] > 1) | rows["group_id"].isin(octave["group_id"])]
    computed = octave.assign(kind=COMPUTED, ratio=octave["act_bytes"] / octave["act_bytes_vanilla"])
    counters = data.report.counters
    held = counters[counters["counter"].isin(["tensor_bytes", "scratch_bytes"])]
    held = held.drop_duplicates(["case_id", "counter"]).pivot(index="case_id", columns="counter", values="per_iter")
    held = rows.merge(held.reindex(columns=["tensor_bytes", "scratch_bytes"]), on="case_id")
    tensors = held[held["bands"] > 1]
    tensors = tensors.assign(kind=HELD, ratio=tensors["tensor_bytes"] / tensors["act_bytes_vanilla"])
    points = pd.concat([of[["kind", "label", "alpha", "ratio", "case_id"]] for of in (computed, tensors)])
    points = points[points["ratio"].notna()].drop_duplicates(["kind", "label", "alpha", "ratio"])
    points = points.assign(lo=np.nan, hi=np.nan, cases=1)
    return pd.concat([points[columns], _scratch_points(data, held)[columns]], ignore_index=True)


def _scratch_points(data: Data, held: pd.DataFrame) -> pd.DataFrame:
    setting = "" if data.measured.empty else data.main_setting
    held = held[(held["setting"] == setting) & held["kernel"].isin(data.drawn)]
    ratio = (held["tensor_bytes"] + held["scratch_bytes"]) / held["act_bytes_vanilla"]
    grouped = ratio.groupby([held["kernel"], held["alpha"]])
    out = pd.DataFrame({"ratio": grouped.agg(geomean), "lo": grouped.min(), "hi": grouped.max(),
                        "cases": grouped.count()}).reset_index()
    return out[out["ratio"].notna()].rename(columns={"kernel": "kind"}).assign(label="", case_id="")


MEMORY_LOOKS = {COMPUTED: {"marker": "o", "markersize": 5, "markerfacecolor": "none", "color": style.INK},
                HELD: {"marker": "+", "markersize": 7, "markeredgewidth": 1.2, "color": style.GREY}}


def _draw_tensors(ax: Axes, points: pd.DataFrame) -> None:
    for kind, look in MEMORY_LOOKS.items():
        of = points[points["kind"] == kind].sort_values("alpha")
        if len(of):
            ax.plot(of["alpha"], 100 * of["ratio"], label=kind, linestyle="none", **look)
    tensors = points[points["kind"].isin(MEMORY_LOOKS)]
    ax.set_ylim(0, max(105.0, 105 * tensors["ratio"].max()))
    ax.set_title("tensors")


def _draw_scratch(ax: Axes, points: pd.DataFrame, kernels: list[str]) -> None:
    """On a logarithmic axis: scratch may be many times the tensors."""
    for kernel in kernels:
        of = points[points["kind"] == kernel].sort_values("alpha")
        look = style.line_style(kernels, kernel)
        ax.fill_between(of["alpha"], 100 * of["lo"], 100 * of["hi"], color=look["color"], alpha=0.12, linewidth=0)
        ax.plot(of["alpha"], 100 * of["ratio"], label=kernel, **look)
    ax.set_yscale("log")
    of = points[points["kind"].isin(kernels)]
    ax.set_ylim(85 * min(of["lo"].min(), 0.25), 120 * max(of["hi"].max(), 1))
    ax.yaxis.set_major_locator(FixedLocator([v for v in (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
                                             if ax.get_ylim()[0] <= v <= ax.get_ylim()[1]]))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.set_title("tensors and scratch (logarithmic)")


def draw_memory(points: pd.DataFrame, kernels: list[str], layout: Layout) -> Figure:
    present = [k for k in kernels if k in set(points["kind"])]
    looks = {kind: {"linestyle": "none", **look} for kind, look in MEMORY_LOOKS.items() if kind in set(points["kind"])}
    looks |= {kernel: style.line_style(kernels, kernel) for kernel in present}
    labels = ["table 1", *looks]
    handles = [Line2D([], [], color=style.INK, linewidth=0.8)] + [Line2D([], [], **look) for look in looks.values()]
    figure, axes = style.panels(layout, 2 if present else 1, 2 if layout.columns > 2 else 1, 2.0,
                                style.legend_height(labels, layout) + 0.26, 0.42, left=0.55, right=0.12,
                                gap=(0.42, 0.5), share=False)
    _draw_tensors(axes[0], points)
    if present:
        _draw_scratch(axes[1], points, kernels)
    for ax in axes:
        ax.plot(CURVE, 100 * theory_memory(CURVE), color=style.INK, linewidth=0.8, label="theory (table 1)")
        ax.set_xlim(-0.02, 1.02)
        ax.set_xticks([0, 0.25, 0.5, 0.75, 1])
        ax.xaxis.set_major_formatter(lambda value, _: alpha_text(value))
    figure.supxlabel("alpha (share of channels at low resolution)", y=0.04 / figure.get_figheight(), va="bottom",
                     fontsize=7.5)
    figure.supylabel("memory (% of the vanilla layer's tensors)", x=0.03 / layout.width, ha="left", fontsize=7.5)
    style.head_legend(figure, handles, labels, layout)
    return figure


def _memory_held_text(data: Data, points: pd.DataFrame) -> str:
    if not (points["kind"] == HELD).any():
        return "What was allocated is not in this report's counters.csv."
    text = "As allocated: in the kernels' layouts, with the padding of channel blocks."
    scratch = points[(points["case_id"] == "") & points["kind"].isin(data.drawn)]
    if scratch.empty:
        return text
    low, high = int(scratch["cases"].min()), int(scratch["cases"].max())
    layers = layers_text(high) if low == high else f"{low} to {layers_text(high)}"
    return (f"{text} Scratch: what a kernel's plan owns beside its weights ({data.main_setting}; geometric mean of "
            f"{layers}, band: least to greatest; at alpha 0 the kernel's vanilla case).")


def memory_chart(data: Data) -> Chart | Missing:
    name, title = "memory", "Activation memory against alpha"
    points = memory_points(data)
    if not (points["kind"] == COMPUTED).any():
        return Missing(name, title, "no octave case with equal ratios states its activation bytes")
    count = points.loc[points["kind"] == COMPUTED, "label"].nunique()
    caption = (f"Inputs and outputs of {layers_text(count)} over those of the same layer with one band. Computed: from the "
               "extents, no measurement; odd extents and channel counts that do not divide lie off the curve. "
               f"{_memory_held_text(data, points)}{slow_text(data)}")
    return Chart(name, title, caption, points, lambda layout: draw_memory(points, data.drawn, layout))
