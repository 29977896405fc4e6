# SPDX-License-Identifier: MIT
"""Geometric means over cases: how good each kernel is, in one table. For the page and for --summary."""

from __future__ import annotations

from typing import Iterator

import numpy as np
import pandas as pd

from .captions import layers_text
from .derive import FRAMEWORK, LIBRARY, POSTOP, VIEWS, Data, alpha_text, geomean, paired_ratios, usual_alpha

SHORT = {"octave_efficiency": "octave", "self_efficiency": "self", "direct_efficiency": "direct",
         "library_efficiency": "oneDNN direct"}


def layer_sets(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """All rows, those of 1x1 and of 3x3 windows, and where there are several suites those of each."""
    yield "all", rows
    for k in ("1x1", "3x3"):
        yield k, rows[rows["k"] == k]
    suites = rows["suite"].unique()
    for suite in suites if len(suites) > 1 else []:
        yield f"suite {suite}", rows[rows["suite"] == suite]


def case_text(row: pd.Series) -> str:
    return f"{row['label']} a={alpha_text(row['alpha'])}"


def _least(rows: pd.DataFrame, column: str) -> tuple[float, str]:
    kept = rows[rows[column].notna()]
    if kept.empty:
        return np.nan, ""
    row = kept.loc[kept[column].idxmin()]
    return row[column], case_text(row)


def _aggregate(rows: pd.DataFrame, columns: dict[str, str]) -> dict[str, object]:
    """Geometric mean, number and least case of each column, under its short name."""
    out: dict[str, object] = {"cases": len(rows)}
    for column, short in columns.items():
        least, case = _least(rows, column)
        out[f"{short} n"] = int(rows[column].notna().sum())
        out[f"{short} geomean"] = geomean(rows[column])
        out[f"{short} least"] = least
        out[f"{short} least case"] = case
    return out


def _by_kernel(data: Data, rows: pd.DataFrame, columns: dict[str, str], setting: str) -> pd.DataFrame:
    of = rows[rows["setting"] == setting]
    table = []
    for kernel in data.drawn:
        for name, part in layer_sets(of[of["kernel"] == kernel]):
            if len(part):
                table.append({"kernel": kernel, "layers": name, **_aggregate(part, columns)})
    return pd.DataFrame(table)


def efficiencies(data: Data, setting: str) -> pd.DataFrame:
    """Per kernel and set of layers: the four efficiencies of its octave cases."""
    return _by_kernel(data, data.octave, SHORT, setting)


def over_compositions(data: Data, setting: str) -> pd.DataFrame:
    """Per kernel and set of layers: times faster than the two oneDNN compositions, on the same problem in the
    same rounds."""
    rows = data.octave
    columns = {}
    for other, short in ((POSTOP, "over postop"), (FRAMEWORK, "over framework")):
        ratios = data.over(other).set_index("case_id")["ratio"]
        rows = rows.assign(**{short: rows["case_id"].map(ratios).astype(float)})
        columns[short] = short
    return _by_kernel(data, rows[rows[list(columns)].notna().any(axis=1)], columns, setting)


def vanilla_speeds(data: Data, setting: str) -> pd.DataFrame:
    """Per kernel and set of layers: times faster its one-band rows are than oneDNN's fastest direct ones, and
    their share of the measured FMA peak."""
    rows = data.vanilla
    pairs = pd.DataFrame({"case_id": rows["case_id"], "base_id": data.fastest_direct(rows, LIBRARY)})
    ratios = paired_ratios(data.report, pairs[pairs["base_id"].notna()])["ratio"]
    rows = rows.assign(against=ratios.reindex(rows.index))
    return _by_kernel(data, rows, {"against": "over oneDNN direct", "pct_peak": "% of peak"}, setting)


def best_cases(data: Data) -> pd.DataFrame:
    """At one ratio (one half where measured, else that of most rows) the fastest octave case of each layer with
    equal ratios, in the main setting."""
    rows = data.octave[(data.octave["setting"] == data.main_setting) & data.octave["speedup"].notna()
                       & (data.octave["alpha_in"] == data.octave["alpha_out"])]
    if rows.empty:
        return rows
    rows = rows[rows["alpha"] == usual_alpha(rows)].sort_values("speedup", ascending=False, kind="stable")
    return rows.drop_duplicates("label")


def answer(data: Data) -> list[str]:
    """Whether OctConv delivers here what table 1 promises, in three sentences; empty where nothing tells."""
    best = best_cases(data) if not data.measured.empty else pd.DataFrame()
    if best.empty:
        return []
    layers = layers_text(len(best))
    where = f" of {layers}" if len(best) > 1 else ""
    faster, slower = int((best["speedup_lo"] > 1).sum()), int((best["speedup_hi"] < 1).sum())
    least, most = (best.loc[best["octave_efficiency"].agg(pick)] for pick in ("idxmin", "idxmax"))
    out = [f"At alpha {alpha_text(best['alpha'].iloc[0])} ({data.main_setting}) the fastest octave kernel takes "
           f"{100 / geomean(best['speedup']):.0f}% of the time of the fastest vanilla kernel of any algorithm "
           f"(geometric mean{where}); by the multiply-adds it would be "
           f"{100 / geomean(best['theory_speedup']):.0f}%.",
           f"The octave is faster in {faster} of {layers}, slower in {slower}, and within the 95% interval of equal "
           f"in {len(best) - faster - slower}."]
    if len(best) > 1:
        out.append(f"It delivers least in {least['label']} (octave efficiency {least['octave_efficiency']:.2f} with "
                   f"{least['kernel']}, vanilla being {least['vanilla_kernel']}) and most in {most['label']} "
                   f"({most['octave_efficiency']:.2f} with {most['kernel']}).")
    return out


def thread_scaling(data: Data) -> pd.DataFrame:
    """Per kernel, thread count and set of layers: median time at one thread over that at more."""
    if not (data.measured["threads"] > 1).any():
        return pd.DataFrame()
    rows = data.thread_pairs(1)
    rows = rows[rows["threads"] > 1]
    table = []
    for kernel in data.drawn:
        for (threads, octave), of in rows[rows["kernel"] == kernel].groupby(["threads", rows["bands"] > 1]):
            for name, part in layer_sets(of):
                if len(part):
                    table.append({"kernel": kernel, "threads": threads, "bands": "octave" if octave else "vanilla",
                                  "layers": name, **_aggregate(part, {"scaling": "scaling"})})
    return pd.DataFrame(table)


def least_cases(data: Data, setting: str, view: str, count: int = 5) -> pd.DataFrame:
    """Per kernel the `count` octave cases of least efficiency."""
    rows = data.octave[(data.octave["setting"] == setting) & data.octave[view].notna()]
    rows = rows[rows["kernel"].isin(data.drawn)].sort_values(view, kind="stable")
    rows = rows.groupby("kernel").head(count)
    return rows.assign(case=[case_text(row) for _, row in rows.iterrows()])[["kernel", "case", view]]


def settings(data: Data) -> list[str]:
    rows = data.measured.sort_values(["threads", "dtype", "cache"], kind="stable")
    return list(rows["setting"].drop_duplicates())


# ---- plain text -------------------------------------------------------------------------------------


def _number(value: object) -> str:
    if isinstance(value, (float, np.floating)):
        return "-" if np.isnan(value) else f"{value:.3f}"
    return str(value)


def text_table(table: pd.DataFrame) -> list[str]:
    """Columns by spaces: text to the left, numbers to the right."""
    cells = [[str(c) for c in table.columns]] + [[_number(v) for v in row] for row in
                                                 table.itertuples(index=False)]
    left = [table[c].dtype == object and not str(c).endswith("n") for c in table.columns]
    widths = [max(len(row[i]) for row in cells) for i in range(len(table.columns))]
    return ["  ".join(cell.ljust(w) if to_left else cell.rjust(w) for cell, w, to_left in zip(row, widths, left)).rstrip()
            for row in cells]


def _measure_columns(table: pd.DataFrame, shorts: list[str]) -> pd.DataFrame:
    """Drops what says nothing more: columns that no row has, and counts that equal `cases` everywhere."""
    keep = [c for c in table.columns if not any(c.startswith(f"{s} ") for s in shorts)]
    for short in shorts:
        if table[f"{short} n"].sum() == 0:
            continue
        if not (table[f"{short} n"] == table["cases"]).all():
            keep.append(f"{short} n")
        keep += [f"{short} geomean", f"{short} least", f"{short} least case"]
    return table[keep]


def unpaired_count(data: Data) -> int:
    """Octave rows whose direct efficiency had to be taken from medians."""
    rounds = data.octave["direct_rounds"]
    return int((rounds == 0).sum())


def summary_text(data: Data) -> str:
    """What --summary prints."""
    lines = [f"{data.report.path}: {len(data.measured)} of {len(data.rows)} cases measured"
             + (f" ({data.note})" if data.note else "")]
    if data.measured.empty:
        return lines[0]
    source = "medians of results.csv" if data.report.samples.empty else "samples, paired by round"
    lines.append("octave, self: columns octave_efficiency and self_efficiency of results.csv. direct, oneDNN "
                 f"direct, over ...: from {source}; geometric means.")
    lines += [f"  {short}: {VIEWS[view]}" for view, short in SHORT.items()]
    if unpaired_count(data) and not data.report.samples.empty:
        lines.append(f"  {unpaired_count(data)} cases without common rounds: ratio of medians")
    if data.slow:
        lines.append(f"  left out, slower than a quarter of the fastest vanilla: {', '.join(data.slow)}")
    for setting in settings(data):
        for title, table, shorts in (
                ("efficiency", efficiencies(data, setting), list(SHORT.values())),
                ("octave cases, times faster than the compositions", over_compositions(data, setting),
                 ["over postop", "over framework"]),
                ("vanilla (one band)", vanilla_speeds(data, setting),
                 ["over oneDNN direct", "% of peak"])):
            if len(table) and any(table[f"{short} n"].sum() for short in shorts):
                lines += ["", f"== {title}: {setting}", *text_table(_measure_columns(table, shorts))]
    scaling = thread_scaling(data)
    if len(scaling):
        lines += ["", "== thread scaling: median at 1 thread over median at more (different rounds)",
                  *text_table(_measure_columns(scaling, ["scaling"]))]
    for setting in settings(data):
        least = least_cases(data, setting, "direct_efficiency")
        if len(least):
            lines += ["", f"== least direct efficiency: {setting}", *text_table(least)]
    return "\n".join(lines)
