# SPDX-License-Identifier: MIT
"""Charts of single cases: time by path (3), roofline (4), samples (8)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, LogLocator, NullFormatter

from . import machine, style
from .captions import chosen_text, common_caption, slow_text, spread_evenly
from .derive import Data, alpha_text, usual_alpha
from .style import Chart, Layout, Missing

MAX_BAR_LAYERS = 9
MAX_STRIPS = 14
PART_ORDER = list(style.PART_COLOURS)
IDEAL = "ideal"
LABEL_BOX = {"boxstyle": "square,pad=0.12", "facecolor": style.BACK, "edgecolor": "none"}


# ---- 3: time by path --------------------------------------------------------------------------------


def breakdown_points(data: Data) -> pd.DataFrame:
    """Label, bar (a kernel or "ideal"), part, share: time of the part in % of the fastest vanilla's. `whole` and
    `whole_ns`: the case timed without looking inside, in the same moments: all its parts and what paths.csv
    calls other, which may be negative and is no bar of its own then."""
    columns = ["label", "bar", "part", "ns", "share", "whole", "whole_ns", "alpha", "case_id"]
    rows = data.shown_octave[data.shown_octave["vanilla_median_ns"].notna()]
    parts = data.report.paths
    rows = rows[rows["case_id"].isin(parts.loc[parts["ns"].notna(), "case_id"])]
    if rows.empty:
        return pd.DataFrame(columns=columns)
    rows = rows[rows["alpha"] == usual_alpha(rows)].drop_duplicates(["label", "kernel"])
    keep = spread_evenly(list(rows["label"].drop_duplicates()), MAX_BAR_LAYERS)
    rows = rows[rows["label"].isin(keep)]
    wanted = ["case_id", "label", "kernel", "alpha", "vanilla_median_ns", "macs_vanilla"]
    joined = parts.rename(columns={"macs": "part_macs"}).merge(rows[wanted], on="case_id")
    base = joined["vanilla_median_ns"]
    whole_ns = joined["case_id"].map(joined.groupby("case_id")["ns"].sum())
    measured = joined.assign(bar=joined["kernel"], part=joined["path"], share=100 * joined["ns"] / base,
                             whole=100 * whole_ns / base, whole_ns=whole_ns)
    measured = measured[measured["ns"].notna() & ((measured["ns"] > 0) | (measured["part"] != "other"))]
    return pd.concat([measured[columns], _ideal_bars(joined)[columns]], ignore_index=True)


def _ideal_bars(joined: pd.DataFrame) -> pd.DataFrame:
    """Each path's multiply-adds at the vanilla kernel's speed, from the case that tells most paths apart."""
    paths = joined[joined["part_macs"] > 0]
    counts = paths.groupby(["label", "case_id"]).size().reset_index(name="count")
    best = counts.sort_values("count", ascending=False, kind="stable").drop_duplicates("label")
    ideal = paths[paths["case_id"].isin(best["case_id"])].copy()
    share = ideal["part_macs"] / ideal["macs_vanilla"]
    return ideal.assign(bar=IDEAL, part=ideal["path"], ns=share * ideal["vanilla_median_ns"], share=100 * share,
                        whole=np.nan, whole_ns=np.nan)


def part_style(part: str) -> dict[str, object]:
    """A path's colour; two paths fused have the first one's, hatched; anything else is grey."""
    first, *fused = part.split("+")
    colour = style.PART_COLOURS.get(first, "#b5b6b8")
    return {"facecolor": colour, "hatch": "////" if fused else "", "edgecolor": style.BACK, "linewidth": 0.5}


def _part_order(parts: list[str]) -> list[str]:
    def key(part: str) -> tuple[int, str]:
        first = part.split("+")[0]
        return (PART_ORDER.index(first) if first in PART_ORDER else len(PART_ORDER), part)
    return sorted(parts, key=key)


def _draw_bar(ax: Axes, y: float, bar: pd.DataFrame, order: list[str]) -> None:
    left, shares = 0.0, bar.groupby("part")["share"].sum()
    for part in order:
        share = shares.get(part)
        if share:
            ax.barh(y, share, left=left, height=0.78, label=part, **part_style(part))
            left += share
    whole = bar["whole"].iloc[0]
    if not np.isfinite(whole):
        return
    ax.plot([whole, whole], [y - 0.46, y + 0.46], color=style.INK, linewidth=1.4, label="whole")
    ax.annotate(f"{bar['whole_ns'].iloc[0] / 1000:.4g} µs", (max(left, whole), y), xytext=(4, 0),
                textcoords="offset points", va="center", fontsize=6.5, bbox=LABEL_BOX)


def draw_breakdown(points: pd.DataFrame, kernels: list[str], layout: Layout) -> Figure:
    order = _part_order(list(points["part"].drop_duplicates()))
    present = [k for k in kernels if k in set(points["bar"])] + [IDEAL]
    labels = list(points["label"].drop_duplicates())
    bars = [(label, bar) for label in labels for bar in present
            if ((points["label"] == label) & (points["bar"] == bar)).any()]
    handles = [Patch(**part_style(part)) for part in order] + [Line2D([], [], color=style.INK, linewidth=1.4)]
    names = [*order, "whole"]
    left = min(0.065 * max(len(bar) for _, bar in bars) + 0.12, 0.42 * layout.width)
    height = 0.145 * len(bars) + 0.24 * len(labels)
    figure, (ax,) = style.panels(layout, 1, 1, height, style.legend_height(names, layout) + 0.2, 0.42,
                                 left=left, right=0.15)
    y, ticks = 0.0, []
    for label in labels:
        y += 1.65
        ax.annotate(label, (0, y - 0.85), xytext=(3, 0), textcoords="offset points", va="center",
                    fontsize=7.5, fontweight="bold")
        for bar in (bar for of, bar in bars if of == label):
            _draw_bar(ax, y, points[(points["label"] == label) & (points["bar"] == bar)], order)
            ticks.append((y, bar))
            y += 1
    ax.set_ylim(y - 0.3, 0.3)
    ends = points.groupby(["label", "bar"])["share"].sum()
    ax.set_xlim(0, 1.22 * max(100, ends.max(), points["whole"].max(skipna=True) or 0))
    ax.axvline(100, color=style.MUTED, linewidth=0.8, label="vanilla", zorder=1)
    ax.annotate("vanilla", (100, 0.3), xytext=(0, 2), textcoords="offset points", ha="center", fontsize=6.5)
    ax.set_yticks([at for at, _ in ticks], [bar for _, bar in ticks])
    ax.tick_params(axis="y", length=0)
    ax.grid(False, axis="y")
    ax.set_xlabel("time (% of the fastest vanilla)")
    style.head_legend(figure, handles, names, layout)
    return figure


def breakdown_chart(data: Data) -> Chart | Missing:
    name, title = "paths", "Time by path, beside the ideal"
    points = breakdown_points(data)
    if points.empty:
        return Missing(name, title, "paths.csv has no time for an octave case with a vanilla baseline")
    alpha = points["alpha"].iloc[0]
    rows = data.octave[data.octave["case_id"].isin(points["case_id"])]
    everything = data.octave[(data.octave["setting"] == data.main_setting)
                             & data.octave["case_id"].isin(data.report.paths["case_id"])]
    caption = (
        f"Where the time of an octave convolution goes at alpha {alpha_text(alpha)}, in percent of the fastest "
        "vanilla kernel's time (line at 100). Ideal: each path's multiply-adds at that kernel's speed, pooling, "
        "upsampling and additions free. Black tick and figure: the case timed in the same moments without "
        f"looking inside; parts that go beyond it show what looking costs. Grey: what no part explains. "
        f"{common_caption(data, rows)}"
        + chosen_text(points["label"].nunique(), everything["label"].nunique(), "layers") + slow_text(data))
    return Chart(name, title, caption, points, lambda layout: draw_breakdown(points, data.kernels, layout))


# ---- 4: roofline ------------------------------------------------------------------------------------


def roofline_points(data: Data) -> pd.DataFrame:
    """Threads, kernel, kind, intensity in flop/byte by compulsory bytes, gflops; every measured case."""
    rows = data.measured[data.measured["gflops"].notna() & data.measured["kernel"].isin(data.drawn)]
    size = rows["act_bytes"] + rows["weight_bytes"]
    points = rows.assign(intensity=2 * rows["macs"] / size, kind=np.where(rows["bands"] > 1, "octave", "vanilla"))
    points = points[np.isfinite(points["intensity"]) & (points["intensity"] > 0) & (points["gflops"] > 0)]
    counts = sorted(points["threads"].unique())
    keep = counts if len(counts) <= 4 else [counts[0], counts[-1]]
    points = points[points["threads"].isin(keep)]
    return points[["threads", "kernel", "kind", "intensity", "gflops", "case_id"]].reset_index(drop=True)


def _nice_log(low: float, high: float) -> FixedLocator:
    """Ticks at 1, 2, 5, or at finer steps where the range is short."""
    for digits in ((1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7), tuple(1 + i / 10 for i in range(90))):
        ticks = [m * 10.0 ** e for e in range(-3, 7) for m in digits if low <= m * 10.0 ** e <= high]
        if len(ticks) >= 3:
            break
    return FixedLocator(ticks)


def _clusters(peaks: pd.DataFrame) -> list[pd.DataFrame]:
    """Ceilings so close that their labels would cover each other, the highest first."""
    ordered = peaks.sort_values("value", ascending=False, kind="stable")
    apart = ordered["value"] < ordered["value"].shift() / 1.2
    return [of for _, of in ordered.groupby(apart.cumsum())]


def _names(peaks: pd.DataFrame, unit: str) -> str:
    """ "AVX-512 FMA, AVX2 FMA 118 GFLOP/s", or with a value each where these differ."""
    values = [f"{value:.0f}" for value in peaks["value"]]
    if len(set(values)) == 1:
        return f"{', '.join(peaks['name'])} {values[0]} {unit}"
    return ", ".join(f"{name} {value}" for name, value in zip(peaks["name"], values)) + f" {unit}"


def _draw_ceilings(ax: Axes, peaks: pd.DataFrame) -> None:
    left, right = ax.get_xlim()
    compute, bandwidth = (peaks[peaks["kind"] == kind] for kind in ("compute", "bandwidth"))
    top = compute["value"].max() if len(compute) else np.inf
    for _, peak in bandwidth.iterrows():
        x = np.array([left, min(right, top / peak["value"])])
        if x[1] > x[0]:
            ax.plot(x, x * peak["value"], color=style.MUTED, linewidth=0.9, linestyle="--", label=peak["name"])
    for _, peak in compute.iterrows():
        ax.plot([left, right], [peak["value"]] * 2, color=style.INK, linewidth=0.9, label=peak["name"])
    for of in _clusters(bandwidth):
        _label_slope(ax, _names(of, "GB/s"), of["value"].max(), min(right, top / of["value"].max()))
    for i, of in enumerate(_clusters(compute)):  # the highest to the left, where no slope crosses it
        ax.annotate(_names(of, "GFLOP/s"), (right if i else left, of["value"].max()), xytext=(-2 if i else 3, 2),
                    textcoords="offset points", fontsize=6.5, ha="right" if i else "left")


def _label_slope(ax: Axes, text: str, value: float, end: float) -> None:
    """Along the slope, from where it enters the axes, if it is to be seen for long enough."""
    start = max(1.3 * ax.get_xlim()[0], 1.04 * ax.get_ylim()[0] / value)
    to_inches = ax.figure.dpi_scale_trans.inverted().transform
    first, last = (to_inches(ax.transData.transform((x, x * value))) for x in (start, end))
    across, up = last - first
    if end <= start or np.hypot(across, up) < 0.055 * len(text):
        return
    angle = np.arctan2(up, across)
    ax.annotate(text, (start, start * value), textcoords="offset points",
                xytext=(-3 * np.sin(angle), 3 * np.cos(angle)), fontsize=6.5, color=style.MUTED,
                rotation=np.degrees(angle), rotation_mode="anchor")


def _roof_limits(points: pd.DataFrame, peaks: pd.DataFrame) -> tuple[tuple[float, float], tuple[float, float]]:
    """Of both axes: all points, every flat ceiling, and of every slope enough to read its label."""
    low, high = points["intensity"].min() / 1.6, points["intensity"].max() * 1.6
    bottom, top = points["gflops"].min() / 1.6, points["gflops"].max() * 1.7
    compute, bandwidth = (peaks.loc[peaks["kind"] == kind, "value"] for kind in ("compute", "bandwidth"))
    if len(compute):
        bottom, top = min(bottom, compute.min() / 1.6), max(top, compute.max() * 1.7)
    if len(compute) and len(bandwidth):
        bottom = min(bottom, compute.max() / 12)
        low = min(low, 1.2 * bottom / bandwidth.max())
    return (low, high), (bottom, top)


def _draw_roof(ax: Axes, of: pd.DataFrame, kernels: list[str]) -> None:
    for (kernel, kind), points in of.groupby(["kernel", "kind"], sort=False):
        look = style.line_style(kernels, kernel)
        ax.plot(points["intensity"], points["gflops"], linestyle="none", marker=look["marker"], markersize=3.5,
                color=look["color"], markerfacecolor=look["color"] if kind == "octave" else style.BACK,
                markeredgewidth=0.7, alpha=0.85, label=f"{kernel} {kind}")


def draw_roofline(points: pd.DataFrame, peaks: pd.DataFrame, kernels: list[str], layout: Layout) -> Figure:
    counts = sorted(points["threads"].unique())
    present = [k for k in kernels if k in set(points["kernel"])]
    labels = [*present, "hollow: vanilla"]
    handles = [Line2D([], [], color=style.colour_of(kernels, k), linestyle="none",
                      marker=style.line_style(kernels, k)["marker"]) for k in present]
    handles.append(Line2D([], [], color=style.MUTED, marker="o", linestyle="none", markerfacecolor=style.BACK))
    figure, axes = style.panels(layout, len(counts), 2 if layout.columns > 2 else 1, 2.6,
                                style.legend_height(labels, layout) + 0.24, 0.42, left=0.55)
    shown = peaks[peaks["threads"].isin(counts)]
    for ax in axes:
        ax.set_xscale("log")
        ax.set_yscale("log")
    across, up = _roof_limits(points, shown)
    axes[0].set_xlim(across)
    axes[0].set_ylim(up)
    for ax, threads in zip(axes, counts):
        _draw_ceilings(ax, shown[shown["threads"] == threads])
        _draw_roof(ax, points[points["threads"] == threads], kernels)
        ax.set_title(f"{threads} thread{'s' if threads > 1 else ''}")
    for axis, limits in ((axes[0].xaxis, axes[0].get_xlim()), (axes[0].yaxis, axes[0].get_ylim())):
        axis.set_major_locator(_nice_log(*limits))
        axis.set_minor_locator(LogLocator(subs=[]))
        axis.set_minor_formatter(NullFormatter())
        axis.set_major_formatter(lambda value, _: f"{value:g}")
    figure.supxlabel("arithmetic intensity by compulsory bytes (flop/byte)", y=0.04 / figure.get_figheight(),
                     va="bottom", fontsize=7.5)
    figure.supylabel("speed (GFLOP/s)", x=0.03 / layout.width, ha="left", fontsize=7.5)
    style.head_legend(figure, handles, labels, layout)
    return figure


def roofline_chart(data: Data) -> Chart | Missing:
    name, title = "roofline", "Roofline"
    points = roofline_points(data)
    if points.empty:
        return Missing(name, title, "no case has a speed and its bytes")
    peaks = machine.peaks(data.report.run)
    shown = peaks[peaks["threads"].isin(points["threads"])]
    ceilings = ("Ceilings: peaks measured in the same run, in GFLOP/s and GB/s." if len(shown)
                else "No ceilings: run.json holds no measured peaks for these thread counts.")
    rows = data.measured[data.measured["case_id"].isin(points["case_id"])]
    caption = (
        "Every measured case. Intensity is 2 x multiply-adds over the compulsory bytes: inputs, outputs and "
        "weights, each moved once. The traffic at each cache level is larger, so a point above a slope is no "
        "contradiction. Nor is one above a flat line: Winograd multiplies less than is counted, and a direct kernel "
        "may skip the padding's zeros, which are counted. "
        f"{ceilings} {common_caption(data, rows)}" + slow_text(data))
    return Chart(name, title, caption, points,
                 lambda layout: draw_roofline(points, peaks, data.kernels, layout))


# ---- 8: distribution of samples ---------------------------------------------------------------------


def _spread(data: Data) -> pd.Series:
    """90th percentile over minimum of each measured case with samples, greatest first."""
    rows = data.measured[data.measured["case_id"].isin(data.report.samples["case_id"])]
    spread = (rows["t_p90_ns"] / rows["t_min_ns"]).set_axis(rows["case_id"])
    return spread.sort_values(ascending=False, kind="stable", na_position="last")


def sample_points(data: Data, cases: list[str]) -> pd.DataFrame:
    """Case, round, time of a sample over the case's undisturbed median. Without `cases`: the noisiest half,
    then an even choice of the others."""
    columns = ["case_id", "title", "launch", "round", "relative", "disturbed", "lo", "hi"]
    order = list(_spread(data).index)
    if not cases:
        noisy = order[:MAX_STRIPS // 2]
        cases = noisy + spread_evenly(order[len(noisy):], MAX_STRIPS - len(noisy))
    samples = data.report.samples
    samples = samples[samples["case_id"].isin(cases)]
    if samples.empty:
        return pd.DataFrame(columns=columns)
    rows = data.measured.set_index("case_id")
    times = samples.assign(per=samples["ns"] / samples["iters"])
    median = times[times["disturbed"] == 0].groupby("case_id")["per"].median()
    times["relative"] = times["per"] / times["case_id"].map(median)
    for end in ("lo", "hi"):
        times[end] = times["case_id"].map(rows[f"t_ci_{end}_ns"]) / times["case_id"].map(median)
    times["title"] = times["case_id"].map(_strip_titles(rows.loc[[c for c in cases if c in rows.index]]))
    times["at"] = times["case_id"].map({case: i for i, case in enumerate(cases)})
    times = times[times["relative"].notna() & times["title"].notna()]
    return times.sort_values(["at", "launch", "round"])[columns].reset_index(drop=True)


def _strip_titles(rows: pd.DataFrame) -> pd.Series:
    kind = np.where(rows["bands"] > 1, "a=" + rows["alpha"].map(alpha_text), "vanilla")
    return rows["label"] + " " + kind + " t=" + rows["threads"].astype(str) + "\n" + rows["kernel"]


def draw_samples(points: pd.DataFrame, layout: Layout) -> Figure:
    cases = list(points["case_id"].drop_duplicates())
    titles = points.drop_duplicates("case_id").set_index("case_id")["title"]
    longest = max(len(part) for title in titles for part in title.split("\n"))
    left = min(0.062 * longest + 0.15, 0.48 * layout.width)
    labels = ["sample", "disturbed: dropped", "median with its 95% interval"]
    handles = [Line2D([], [], linestyle="none", marker="o", color=style.PALETTE[0], markersize=3, alpha=0.6),
               Line2D([], [], linestyle="none", marker="x", color=style.PALETTE[1], markersize=4),
               Line2D([], [], color=style.INK, marker="|", markersize=9)]
    figure, (ax,) = style.panels(layout, 1, 1, 0.33 * len(cases) + 0.1,
                                 style.legend_height(labels, layout) + 0.12, 0.42, left=left, right=0.2)
    for y, case in enumerate(cases):
        of = points[points["case_id"] == case]
        shift = 0.28 * np.sin(2.4 * np.arange(len(of)))  # so that equal times do not hide each other
        for dropped, look in ((False, handles[0]), (True, handles[1])):
            mask = (of["disturbed"] != 0).to_numpy() == dropped
            ax.plot(of["relative"][mask], (y + shift)[mask], linestyle="none", marker=look.get_marker(),
                    color=look.get_color(), markersize=look.get_markersize(), alpha=look.get_alpha(),
                    markeredgewidth=0.8 if dropped else 0, label=f"{case} {'dropped' if dropped else 'kept'}")
        ax.plot([of["lo"].iloc[0], 1, of["hi"].iloc[0]], [y] * 3, color=style.INK, marker="|", markersize=9,
                label=f"{case} median")
    ax.set_yticks(range(len(cases)), [titles[case] for case in cases])
    ax.set_ylim(len(cases) - 0.4, -0.6)
    ax.grid(False, axis="y")
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("time of a sample over the median (ratio)")
    style.head_legend(figure, handles, labels, layout)
    return figure


def samples_chart(data: Data, cases: list[str]) -> Chart | Missing:
    name, title = "samples", "Distribution of samples"
    points = sample_points(data, cases)
    if points.empty:
        return Missing(name, title, "samples.csv has no sample of a measured case")
    which = "the cases asked for" if cases else (
        f"{points['case_id'].nunique()} of {len(_spread(data))} cases, the noisiest (90th percentile over "
        "minimum) first; report.py --case ID draws any other")
    rows = data.measured[data.measured["case_id"].isin(points["case_id"])]
    caption = (f"Each dot is one sample, for {which}. Crosses were disturbed and are in no figure. "
               f"{common_caption(data, rows)}")
    return Chart(name, title, caption, points, lambda layout: draw_samples(points, layout))
