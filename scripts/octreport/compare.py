# SPDX-License-Identifier: MIT
"""Two report directories side by side: two machines, or two revisions."""

from __future__ import annotations

from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from . import machine, style, summary
from .captions import common_caption
from .derive import Data, alpha_text, geomean
from .html import Column, fixed, general, page, table
from .page import chart_sections
from .reading import ReportError
from .style import Chart, Layout, Missing

SHOWN = ["t_median_ns", "speedup", "speedup_lo", "speedup_hi", "octave_efficiency", "self_efficiency",
         "direct_efficiency"]


def names(first: Data, second: Data) -> tuple[str, str]:
    """What to call the two: their directories' names, told apart."""
    one, two = first.report.name, second.report.name
    return (one, two) if one != two else (f"{one} (1)", f"{two} (2)")


def matched(first: Data, second: Data) -> pd.DataFrame:
    """The cases that both measured, by case_id; columns of the two end in _1 and _2. `ratio` is the first
    median over the second: above 1 where the second is faster."""
    keep = ["case_id", *SHOWN]
    right = second.measured[keep].rename(columns={c: f"{c}_2" for c in SHOWN})
    left = first.measured.rename(columns={c: f"{c}_1" for c in SHOWN})
    both = left.merge(right, on="case_id")
    both["ratio"] = both["t_median_ns_1"] / both["t_median_ns_2"]
    both["apart"] = (both["speedup_hi_1"] < both["speedup_lo_2"]) | (both["speedup_hi_2"] < both["speedup_lo_1"])
    return both


def summary_frame(both: pd.DataFrame, kernels: list[str]) -> pd.DataFrame:
    """Per setting, kernel and set of layers: geometric means of both sides over the cases that both have."""
    rows = []
    for setting in both["setting"].drop_duplicates():
        for kernel in kernels:
            of = both[(both["kernel"] == kernel) & (both["setting"] == setting)]
            for name, part in summary.layer_sets(of):
                if part.empty:
                    continue
                row = {"setting": setting, "kernel": kernel, "layers": name, "cases": len(part),
                       "ratio": geomean(part["ratio"])}
                octave = part[part["bands"] > 1]
                for view in ("octave_efficiency", "self_efficiency", "direct_efficiency"):
                    pair = octave[octave[f"{view}_1"].notna() & octave[f"{view}_2"].notna()]
                    row[f"{view}_1"], row[f"{view}_2"] = (geomean(pair[f"{view}_{i}"]) for i in (1, 2))
                rows.append(row)
    return pd.DataFrame(rows)


def _draw_scatter(both: pd.DataFrame, columns: tuple[str, str], kernels: list[str], labels: tuple[str, str],
                  layout: Layout) -> Figure:
    present = [k for k in kernels if k in set(both["kernel"])]
    handles = [Line2D([], [], linestyle="none", **{k: v for k, v in style.line_style(kernels, kernel).items()
                                                   if k != "linestyle"}) for kernel in present]
    handles.append(Line2D([], [], color=style.INK, linewidth=0.8))
    legend = [*present, "equal"]
    side = min(layout.width - 0.75, 3.6)
    figure, (ax,) = style.panels(layout, 1, 1, side, style.legend_height(legend, layout) + 0.12, 0.42,
                                 left=(layout.width - side) / 2 + 0.25, right=(layout.width - side) / 2 - 0.25)
    low = 0.95 * both[list(columns)].min().min()
    high = 1.05 * both[list(columns)].max().max()
    ax.plot([low, high], [low, high], color=style.INK, linewidth=0.8, label="equal")
    for kernel in present:
        of = both[both["kernel"] == kernel]
        look = style.line_style(kernels, kernel)
        ax.plot(of[columns[0]], of[columns[1]], linestyle="none", marker=look["marker"], color=look["color"],
                markeredgecolor=style.BACK, markeredgewidth=0.3, markersize=4, alpha=0.85, label=kernel)
    ax.set(xlim=(low, high), ylim=(low, high), xlabel=labels[0], ylabel=labels[1])
    style.head_legend(figure, handles, legend, layout)
    return figure


def scatter_chart(both: pd.DataFrame, view: str, kernels: list[str], called: tuple[str, str],
                  measured: str = "") -> Chart | Missing:
    """One point a case: a quantity here against there. `measured`: on what and how often, for the caption."""
    what = view.replace("_", " ")
    name, title = f"compare-{view.replace('_', '-')}", what[0].upper() + what[1:] + ", case by case"
    columns = (f"{view}_1", f"{view}_2")
    points = both[(both["bands"] > 1) & both["kernel"].isin(kernels) & both[columns[0]].notna()
                  & both[columns[1]].notna()]
    if points.empty:
        return Missing(name, title, "no octave case has it on both sides")
    points = points[["kernel", "label", "alpha", "case_id", *columns]].reset_index(drop=True)
    labels = tuple(f"{what}, {where} (ratio)" if len(where) < 24 else f"{what}, {side} (ratio)"
                   for where, side in zip(called, ("first", "second")))
    caption = (f"Each point is one case: {what} in {called[0]} (across) and in {called[1]} (up). Above the line the "
               f"second is better. {measured}").strip()
    return Chart(name, title, caption, points,
                 lambda layout: _draw_scatter(points, columns, kernels, labels, layout))


def _facts(first: Data, second: Data) -> pd.DataFrame:
    """Facts of run.json in which the two differ, and the machine in any case."""
    left, right = (dict(machine.flatten(d.report.run)) for d in (first, second))
    keys = [k for k in [*left, *(k for k in right if k not in left)]
            if left.get(k) != right.get(k) or k.endswith("model")]
    return pd.DataFrame({"key": keys, "one": [left.get(k, "") for k in keys],
                         "two": [right.get(k, "") for k in keys]})


def _notes(first: Data, second: Data, both: pd.DataFrame) -> list[str]:
    only = [len(d.measured) - len(both) for d in (first, second)]
    called = names(first, second)
    out = ["The two were not measured in the same rounds: on shared machines times of identical code differ by "
           "10 to 30% between runs. Ratios of times are advice; speedups and efficiencies were paired within "
           "their own run and bear comparison."]
    for name, count in zip(called, only):
        if count:
            out.append(f"{count} measured cases are in {name} alone and are left out.")
    models = [machine.model(d.report.run) for d in (first, second)]
    if models[0] != models[1]:
        out.append(f"Different machines: {models[0] or 'not recorded'}, and {models[1] or 'not recorded'}.")
    apart = int(both["apart"].sum())
    out.append(f"In {apart} of {len(both)} cases the intervals of the speedup over vanilla do not overlap.")
    return out


def _tables(first: Data, second: Data, both: pd.DataFrame, called: tuple[str, str]) -> list[str]:
    kernels = [k for k in first.drawn if k in set(second.drawn)]
    pair = ("first", "second")
    short = {"octave_efficiency": "octave eff.", "self_efficiency": "self eff.", "direct_efficiency": "direct eff."}
    views = [Column(f"{text}, {side}", f"{view}_{i}", fixed(3)) for view, text in short.items()
             for i, side in enumerate(pair, start=1)]
    head = summary_frame(both, kernels)
    out = ['<h2 id="summary">Geometric means</h2>',
           f"<p>First: <b>{escape(called[0])}</b>. Second: <b>{escape(called[1])}</b>. Time ratio: first over "
           "second, above 1 where the second is faster, of all cases; efficiencies are of the octave cases among "
           "them.</p>"]
    if len(head):
        out.append(table(head, [Column("setting", "setting"), Column("kernel", "kernel"), Column("layers", "layers"),
                                Column("cases", "cases", fixed(0)), Column("time ratio", "ratio", fixed(3)), *views],
                         "compare-summary"))
    both = both.assign(ratios=both["alpha"].map(alpha_text), differ=np.where(both["apart"], "yes", ""))
    columns = [Column("layer", "label"), Column("alpha", "ratios"), Column("threads", "threads", fixed(0)),
               Column("kernel", "kernel"), Column("time, first (µs)", "t_median_ns_1", general(4, 1e-3)),
               Column("second (µs)", "t_median_ns_2", general(4, 1e-3)), Column("time ratio", "ratio", fixed(3)),
               Column("speedup, first", "speedup_1", fixed(2)), Column("second", "speedup_2", fixed(2)),
               Column("intervals apart", "differ"), *views, Column("run again", "rerun", css="rerun")]
    facts = _facts(first, second)
    return [*out, '<h2 id="charts">Charts</h2>', "", '<h2 id="results">Case by case</h2>',
            table(both, columns, "results", sortable=True, row_key="case_id"),
            '<h2 id="machine">In what the runs differ</h2>',
            table(facts, [Column("run.json", "key"), Column("first", "one", css="wrap"),
                          Column("second", "two", css="wrap")], "facts")]


def write_comparison(first: Data, second: Data) -> Path:
    """Writes compare.html and charts/compare-* into the second directory."""
    both = matched(first, second)
    if both.empty:
        raise ReportError(f"{second.report.path}: no measured case in common with {first.report.path}")
    called = names(first, second)
    kernels = [k for k in first.drawn if k in set(second.drawn)]
    charts = second.report.path / "charts"
    charts.mkdir(exist_ok=True)
    measured = " ".join(f"{side}: {common_caption(data, data.measured)}"
                        for side, data in (("First", first), ("Second", second)))
    drawn = [scatter_chart(both, view, kernels, called, measured) for view in ("speedup", "octave_efficiency",
                                                                     "self_efficiency", "direct_efficiency")]
    sections = _tables(first, second, both, called)
    sections[sections.index("")] = "\n".join(chart_sections(drawn, charts))
    notes = "".join(f'<li class="note">{escape(text)}</li>' for text in _notes(first, second, both))
    body = [f'<p class="muted">{len(both)} cases measured in both.</p>', '<h2 id="warnings">Before you read a '
            "number</h2>", f'<ul class="warnings">{notes}</ul>', *sections]
    path = second.report.path / "compare.html"
    path.write_text(page(f"Octave convolution: {called[0]} and {called[1]}", body), encoding="utf-8")
    return path
