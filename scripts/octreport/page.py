# SPDX-License-Identifier: MIT
"""report.html: warnings, summary, the paper's table 1, charts, results, machine."""

from __future__ import annotations

from html import escape
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd

from . import machine, paper, style, summary
from .charts import all_charts
from .derive import VIEWS, Data, alpha_text, geomean
from .html import Column, fixed, general, page, table
from .inline import inline_svg
from .recording import Recording
from .style import Chart, Missing
from .warnings import all_warnings

_percent = fixed(0, 100)


def _warnings_section(data: Data) -> list[str]:
    found = all_warnings(data)
    words = {"bad": "Wrong", "warn": "Warning", "note": "Note"}
    items = [f'<li class="{w.level}"><b>{words[w.level]}.</b> {escape(w.text)}</li>' for w in found]
    if not items:
        items = ["<li>None: every case was verified and measured, no round was dropped.</li>"]
    return ['<h2 id="warnings">Before you read a number</h2>', '<ul class="warnings">', *items, "</ul>"]


def _answer_section(data: Data) -> list[str]:
    sentences = summary.answer(data)
    if not sentences:
        return []
    return ['<h2 id="answer">In short</h2>', "<p>" + " ".join(map(escape, sentences)) + "</p>"]


def _summary_section(data: Data) -> list[str]:
    out = ['<h2 id="summary">How good each kernel is</h2>',
           "<p>Geometric means over octave cases, and the least case. An efficiency is a speedup over vanilla "
           "divided by the saving in multiply-adds; 1.0 means that every multiply-add saved became time saved. "
           + " ".join(f"<b>{escape(short)}</b>: {escape(VIEWS[view])}." for view, short in summary.SHORT.items())
           + "</p>"]
    for setting in summary.settings(data):
        frame = summary.efficiencies(data, setting)
        if frame.empty:
            continue
        over = summary.over_compositions(data, setting)
        if len(over):
            frame = frame.merge(over.drop(columns="cases"), on=["kernel", "layers"], how="left")
        columns = [Column("kernel", "kernel"), Column("layers", "layers"), Column("cases", "cases", fixed(0))]
        for short in [*summary.SHORT.values(), "over postop", "over framework"]:
            if f"{short} geomean" in frame and frame[f"{short} geomean"].notna().any():
                columns += [Column(short, f"{short} geomean", fixed(3)), Column("least", f"{short} least", fixed(3))]
        over_there = any(column.title.startswith("over ") for column in columns)
        note = "over ...: times faster than oneDNN's compositions on the same problem (ratio)" if over_there else ""
        out += [f"<h3>{escape(setting)}</h3>", table(frame, columns, f"summary-{style.file_stem(setting)}", note=note)]
    return out + _least_section(data) + _scaling_section(data)


def _least_section(data: Data) -> list[str]:
    if data.octave.empty:
        return []
    view = "direct_efficiency" if data.octave["direct_efficiency"].notna().any() else "octave_efficiency"
    frame = summary.least_cases(data, data.main_setting, view)
    if frame.empty:
        return []
    return ["<h3>Where each kernel is weakest</h3>",
            table(frame, [Column("kernel", "kernel"), Column("case", "case"),
                          Column(view.replace("_", " "), view, fixed(3))], "least",
                  note=f"{VIEWS[view]}; {data.main_setting}")]


def _scaling_section(data: Data) -> list[str]:
    scaling = summary.thread_scaling(data) if not data.measured.empty else pd.DataFrame()
    if scaling.empty:
        return []
    columns = [Column("kernel", "kernel"), Column("threads", "threads", fixed(0)), Column("bands", "bands"),
               Column("layers", "layers"), Column("cases", "cases", fixed(0)),
               Column("scaling", "scaling geomean", fixed(3)), Column("least", "scaling least", fixed(3)),
               Column("at", "scaling least case")]
    return ["<h3>Threads</h3>", table(scaling, columns, "scaling", note="median time at one thread over that at "
                                      "more (ratio); measured in different rounds")]


def _table_1_row(what: str, source: str, values: pd.Series, layers: object = "") -> dict[str, object]:
    """`values`: shares of vanilla by ratio."""
    return {"what": what, "source": source, "layers": layers, **{str(alpha): v for alpha, v in values.items()}}


def _layers_text(counts: pd.Series) -> str:
    low, high = int(counts.min()), int(counts.max())
    return str(high) if low == high else f"{low} to {high}"


def table_1(data: Data) -> pd.DataFrame:
    """The paper's table 1 and what the run's layers give, as shares of vanilla, a column for each ratio: least and
    greatest layer for what is counted, geometric mean for times. Cases with equal ratios, of the main setting."""
    rows = data.rows[(data.rows["bands"] > 1) & (data.rows["alpha_in"] == data.rows["alpha_out"])]
    measured = data.octave[(data.octave["alpha_in"] == data.octave["alpha_out"]) & data.octave["speedup"].notna()]
    if len(measured):
        measured = measured[measured["setting"] == data.main_setting]
    printed = paper.TABLE_1.set_index("alpha")
    out = []
    for what, name, part in (("multiply-adds", "macs", "macs"), ("memory", "memory", "act_bytes")):
        out.append(_table_1_row(what, "paper, table 1", printed[name]))
        share = (rows[part] / rows[f"{part}_vanilla"]).groupby(rows["alpha"])
        layers = _layers_text(rows.groupby("alpha")["label"].nunique()) if len(rows) else ""
        out += [_table_1_row(what, f"this run, {which} layer", values, layers)
                for which, values in (("least", share.min()), ("greatest", share.max()))]
    out.append(_table_1_row("time", "paper, ResNet-50", 1 / paper.RESNET50.set_index("alpha")["speedup"]))
    for kernel in data.drawn:
        speedups = measured[measured["kernel"] == kernel].groupby("alpha")["speedup"]
        if len(speedups):
            out.append(_table_1_row("time", kernel, 1 / speedups.agg(geomean), _layers_text(speedups.count())))
    alphas = sorted({*paper.TABLE_1["alpha"], *rows["alpha"]})
    return pd.DataFrame(out).reindex(columns=["what", "source", "layers", *map(str, alphas)])


def _table_1_section(data: Data) -> list[str]:
    frame = table_1(data)
    columns = [Column("% of vanilla", "what"), Column("of", "source"), Column("layers", "layers")]
    columns += [Column(f"alpha {alpha_text(float(alpha))}", alpha, _percent) for alpha in frame.columns[3:]]
    where = f"{data.main_setting}; " if not data.measured.empty else ""
    return ['<h2 id="table-1">The paper\'s table 1 beside this run</h2>',
            "<p>In percent of the vanilla layer, of layers with equal ratios. Multiply-adds and memory of the run are "
            "computed from its layers; they differ from the paper's where extents are odd, channels do not divide, "
            "or the stride is 2. Times are geometric means, over the fastest vanilla kernel of any algorithm. The "
            f"paper's are of a whole ResNet-50: {escape(paper.MEASURED)}.</p>",
            table(frame, columns, "table1", note=f"{where}empty: not in the paper, or not in this run")]


def _render(chart: Chart, charts: Path) -> str:
    """Writes the chart's files; returns it as a <figure>."""
    figure = chart.draw(style.WIDE)
    figure.savefig(charts / f"{chart.name}.png", dpi=160)
    recording = Recording(figure)
    recording.savefig(charts / f"{chart.name}.pdf", metadata={"CreationDate": None, "Creator": style.CREATOR})
    outlined, svg = recording.svg_texts()
    (charts / f"{chart.name}.svg").write_text(outlined, encoding="utf-8")
    wide = inline_svg(svg, f"{chart.name}-w-", chart.title)
    tall = figure.get_figheight() > 6
    style.plt.close(figure)
    figure = chart.draw(style.NARROW)
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        narrow = inline_svg(style.svg_text(figure), f"{chart.name}-n-", chart.title)
    style.plt.close(figure)
    links = ", ".join(f'<a href="charts/{chart.name}.{kind}">{kind.upper()}</a>' for kind in ("svg", "pdf", "png"))
    return (f'<figure{" class=tall" if tall else ""}>\n<div class="wide">{wide}</div>\n'
            f'<div class="narrow">{narrow}</div>\n<figcaption>{escape(chart.caption)} {links}</figcaption>\n'
            "</figure>")


def chart_sections(drawn: list[Chart | Missing], charts: Path) -> list[str]:
    """Renders all charts, on as many processors as there are, into `charts`; removes what an earlier run with
    other data left there."""
    there = [chart for chart in drawn if isinstance(chart, Chart)]
    for missing in (chart for chart in drawn if isinstance(chart, Missing)):
        for kind in ("svg", "pdf", "png"):
            (charts / f"{missing.name}.{kind}").unlink(missing_ok=True)
    figures = dict(zip([c.name for c in there], style.in_parallel(lambda c: _render(c, charts), there)))
    return [f'<h3 id="chart-{c.name}">{escape(c.title)}</h3>\n'
            + (figures[c.name] if isinstance(c, Chart) else f'<p class="missing">Not drawn: {escape(c.why)}.</p>')
            for c in drawn]


def _interval(frame: pd.DataFrame) -> pd.Series:
    half = (frame["t_ci_hi_ns"] - frame["t_ci_lo_ns"]) / 2 / frame["t_median_ns"]
    return 100 * half


def results_frame(data: Data) -> pd.DataFrame:
    """Every row of results.csv with what the table of results shows."""
    extra = [c for c in data.measured.columns if c.startswith(("direct_", "library_"))]
    frame = data.rows.join(data.measured[extra])
    frame["half"] = _interval(frame)
    frame["shape"] = (frame["c_in"].astype(str) + "→" + frame["c_out"].astype(str) + " @" + frame["h"].astype(str)
                      + "x" + frame["w"].astype(str) + np.where(frame["stride"] > 1, " /2", ""))
    both = frame["alpha_in"] == frame["alpha_out"]
    frame["ratios"] = np.where(both, frame["alpha_in"].map(alpha_text),
                               frame["alpha_in"].map(alpha_text) + "/" + frame["alpha_out"].map(alpha_text))
    return frame


def _result_columns(frame: pd.DataFrame) -> list[Column]:
    columns = [
        Column("layer", "label"), Column("window", "k"), Column("channels, size", "shape"),
        Column("alpha", "ratios"), Column("threads", "threads", fixed(0)), Column("kernel", "kernel"),
        Column("status", "status"), Column("time (µs)", "t_median_ns", general(4, 1e-3), hint="median of samples"),
        Column("± (%)", "half", fixed(1), hint="half-width of the median's 95% interval"),
        Column("GFLOP/s", "gflops", fixed(0)), Column("peak (%)", "pct_peak", fixed(0)),
        Column("speedup", "speedup", fixed(2), hint="over the fastest vanilla of any algorithm"),
        Column("from", "speedup_lo", fixed(2), hint="95% interval"), Column("to", "speedup_hi", fixed(2)),
        Column("theory", "theory_speedup", fixed(2)),
        Column("octave eff.", "octave_efficiency", fixed(2), hint=VIEWS["octave_efficiency"]),
        Column("self eff.", "self_efficiency", fixed(2), hint=VIEWS["self_efficiency"]),
        Column("direct eff.", "direct_efficiency", fixed(2), hint=VIEWS["direct_efficiency"]),
        Column("oneDNN direct eff.", "library_efficiency", fixed(2), hint=VIEWS["library_efficiency"]),
        Column("IPC", "ipc", fixed(2)), Column("GHz", "freq_ghz", fixed(2)),
        Column("LLC misses", "llc_misses", general(3)), Column("steal (%)", "steal_pct", fixed(1)),
        Column("error", "max_abs_err", general(2), hint="greatest absolute difference from the reference"),
        Column("reason", "reason", css="wrap"), Column("run again", "rerun", css="rerun"),
    ]
    return [c for c in columns if c.key in ("label", "kernel", "status", "rerun")
            or not frame[c.key].replace("", np.nan).isna().all()]


def _results_section(data: Data) -> list[str]:
    frame = results_frame(data)
    columns = _result_columns(frame)
    shown = {c.key for c in columns}
    lost = [name for key, name in (("ipc", "instructions per cycle"), ("freq_ghz", "frequency"),
                                   ("llc_misses", "cache misses"), ("pct_peak", "share of the peak"),
                                   ("steal_pct", "stolen time")) if key not in shown]
    note = f'<p class="missing">Not measured in this run, so not shown: {", ".join(lost)}.</p>' if lost else ""
    return ['<section class="wide-page">', '<h2 id="results">Results by layer</h2>',
            f"<p>All {len(frame)} rows of results.csv; a click on a heading sorts. The last column runs a case "
            "alone.</p>", note,
            table(frame, columns, "results", sortable=True, row_key="case_id"), "</section>"]


def counter_frame(data: Data) -> pd.DataFrame:
    """Counter, how it came about, and for how many cases."""
    counters = data.report.counters
    if counters.empty:
        return pd.DataFrame(columns=["counter", "how", "cases", "median"])
    return counters.groupby(["counter", "how"], sort=False).agg(
        cases=("case_id", "nunique"), median=("per_iter", "median")).reset_index()


def _counters_section(data: Data) -> list[str]:
    out = ['<h2 id="counters">Counters</h2>']
    frame = counter_frame(data)
    if frame.empty:
        why = "there is no counters.csv" if "counters.csv" in data.report.absent else "counters.csv has no row"
        return [*out, f'<p class="missing">Not shown: {why}.</p>']
    columns = [Column("counter", "counter"), Column("how", "how"), Column("cases", "cases", fixed(0)),
               Column("median over cases, an iteration", "median", general(4))]
    return [*out, table(frame, columns, "counters", note="unavailable: this machine could not count it")]


def noise_frame(data: Data) -> pd.DataFrame:
    """The ledger of noise, one row a setting."""
    rows = data.measured.assign(half=_interval(data.measured),
                                spread=data.measured["t_p90_ns"] / data.measured["t_min_ns"])
    samples = data.report.samples.merge(rows[["case_id", "setting"]], on="case_id")
    out = rows.groupby("setting", sort=False).agg(
        cases=("case_id", "size"), half=("half", "median"), widest=("half", "max"),
        spread=("spread", "median"), greatest=("spread", "max"), steal=("steal_pct", "max"))
    out["taken"] = samples.groupby("setting").size()
    out["dropped"] = (samples["disturbed"] != 0).groupby(samples["setting"]).sum()
    return out.reset_index()


def _machine_section(data: Data) -> list[str]:
    out = ['<h2 id="noise">Ledger of noise</h2>']
    if not data.measured.empty:
        columns = [Column("setting", "setting"), Column("cases", "cases", fixed(0)),
                   Column("samples", "taken", fixed(0)), Column("dropped", "dropped", fixed(0)),
                   Column("interval, median (± %)", "half", fixed(2)), Column("widest (± %)", "widest", fixed(2)),
                   Column("p90 / minimum, median", "spread", fixed(3)),
                   Column("greatest", "greatest", fixed(3)), Column("steal, greatest (%)", "steal", fixed(1))]
        out.append(table(noise_frame(data), columns, "noise"))
    out.append('<h2 id="machine">Machine, versions, run</h2>')
    if not data.report.run:
        return [*out, '<p class="missing">Not shown: there is no run.json.</p>']
    peaks = machine.peaks(data.report.run)
    if len(peaks):
        peaks["unit"] = np.where(peaks["kind"] == "compute", "GFLOP/s", "GB/s")
        out.append(table(peaks, [Column("threads", "threads", fixed(0)), Column("measured peak", "name"),
                                 Column("value", "value", general(4)), Column("unit", "unit")], "peaks"))
    facts = pd.DataFrame(machine.flatten(data.report.run), columns=["key", "value"])
    return [*out, table(facts, [Column("run.json", "key"), Column("value", "value", css="wrap")], "run")]


def _runs_text(data: Data) -> str:
    runs = list(data.rows["run_id"].drop_duplicates())
    started = data.report.run.get("started")
    when = f" of {started}" if isinstance(started, str) and len(runs) == 1 else ""
    return ", ".join(runs[:3]) + (f" and {len(runs) - 3} more" if len(runs) > 3 else "") + when


def write_page(data: Data, cases: list[str]) -> Path:
    """Writes charts/ and report.html into the report's directory."""
    charts = data.report.path / "charts"
    charts.mkdir(exist_ok=True)
    where = machine.model(data.report.run)
    drawn = all_charts(data, cases)
    counts = data.rows["status"].value_counts()
    body = [f'<p class="muted">{escape(where + "; " if where else "")}run {escape(_runs_text(data))}; '
            f"{len(data.rows)} cases: {escape(', '.join(f'{n} {s}' for s, n in counts.items()))}. "
            '<a href="#answer">In short</a>, <a href="#summary">summary</a>, <a href="#table-1">table 1</a>, '
            '<a href="#charts">charts</a>, '
            '<a href="#results">results</a>, <a href="#machine">machine</a>.</p>',
            *_warnings_section(data), *_answer_section(data), *_summary_section(data), *_table_1_section(data),
            '<h2 id="charts">Charts</h2>', *chart_sections(drawn, charts), *_results_section(data),
            *_counters_section(data), *_machine_section(data)]
    path = data.report.path / "report.html"
    path.write_text(page(f"Octave convolution: {data.report.name}", body), encoding="utf-8")
    return path
