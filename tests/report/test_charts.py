# SPDX-License-Identifier: MIT
"""Every plotted point, read back from the figures, against the CSV files read by the csv module alone."""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict

import numpy as np
import octreport.page
import pytest
import synthetic
from conftest import Plain, geomean
from matplotlib import pyplot as plt
from matplotlib.collections import QuadMesh
from octreport import paper, style
from octreport.charts import all_charts
from octreport.cli import main
from octreport.derive import Data, theory_macs
from octreport.reading import read_report
from octreport.style import Chart, Missing

LAYOUTS = [style.WIDE, style.NARROW]
DRAWN = ("f32_onednn_postop", "f32_onednn_framework", "f32_onednn_winograd", "f32_avx512_direct")


@pytest.fixture(scope="module")
def charts(data) -> dict[str, Chart]:
    return {chart.name: chart for chart in all_charts(data, [])}


@pytest.fixture(params=LAYOUTS, ids=lambda layout: layout.name)
def layout(request):
    yield request.param
    plt.close("all")


def lines(ax) -> dict[str, list]:
    return {line.get_label(): line for line in ax.get_lines()}


def points_of(line) -> dict[float, float]:
    return dict(zip(map(float, line.get_xdata()), map(float, line.get_ydata())))


def single_thread(rows):
    return [row for row in rows if row["threads"] == "1" and row["kernel"] in DRAWN]


def test_theory_is_table_1():
    for alpha, macs, memory in paper.TABLE_1.itertuples(index=False):
        assert theory_macs(alpha, alpha) == pytest.approx(1 - 0.75 * alpha * (2 - alpha), abs=1e-12)
        assert abs(theory_macs(alpha, alpha) - macs) < 0.0051
        assert abs(1 - 0.75 * alpha - memory) < 0.0063  # the paper prints 34.375% as 35%


def test_paper_points_are_the_published_efficiencies():
    assert [round(e, 2) for e in paper.RESNET50["octave_efficiency"]] == [0.90, 0.91, 0.94, 0.90]


def test_speedup_lines(charts, plain, layout):
    figure = charts["speedup"].draw(layout)
    want = defaultdict(dict)
    for row in single_thread(plain.ok):
        want[row["layer"], row["kernel"]][float(row["alpha_in"])] = float(row["speedup"])
    seen = set()
    for ax in figure.axes:
        panel, drawn = ax.get_title(), lines(ax)
        curve = drawn["theory (table 1)"]
        assert np.allclose(curve.get_ydata(), 1 / (1 - 0.75 * curve.get_xdata() * (2 - curve.get_xdata())))
        if panel.startswith("mean of"):
            assert points_of(drawn["paper speedup"]) == pytest.approx({0.125: 119 / 116, 0.25: 119 / 99, 0.5: 119 / 74,
                                                                       0.75: 119 / 61})
            assert points_of(drawn["paper theory_speedup"]) == pytest.approx({0.125: 4.1 / 3.6, 0.25: 4.1 / 3.1,
                                                                              0.5: 4.1 / 2.4, 0.75: 4.1 / 1.9})
            continue
        assert not any(name.startswith("paper") for name in drawn)
        for kernel in set(drawn) & set(DRAWN):
            assert points_of(drawn[kernel]) == want[panel, kernel]
            seen.add((panel, kernel))
        theory = {float(r["alpha_in"]): float(r["theory_speedup"]) for r in plain.ok if r["layer"] == panel}
        assert points_of(drawn["theory (this layer)"]) == theory
    assert seen == set(want)


def test_speedup_bands(charts, plain):
    figure = charts["speedup"].draw(style.WIDE)
    for ax in figure.axes:
        if ax.get_title().startswith("mean of"):
            assert not ax.collections
            continue
        drawn = {v for band in ax.collections for v in map(tuple, band.get_paths()[0].vertices)}
        for row in single_thread(plain.ok):
            if row["layer"] == ax.get_title():
                at = float(row["alpha_in"])
                assert {(at, float(row["speedup_lo"])), (at, float(row["speedup_hi"]))} <= drawn
    plt.close(figure)


def test_speedup_means(charts, plain):
    figure = charts["speedup"].draw(style.WIDE)
    titles = [ax.get_title() for ax in figure.axes if ax.get_title().startswith("mean of")]
    assert titles == ["mean of 4 layers", "mean of 2 1x1 layers", "mean of 2 3x3 layers"]
    for ax in figure.axes[:3]:
        count, k = re.match(r"mean of (\d+) (\dx\d)?", ax.get_title()).groups()
        groups = defaultdict(list)
        for row in single_thread(plain.ok):
            if k is None or row["kh"] == k[0]:
                groups[row["kernel"], float(row["alpha_in"])].append(float(row["speedup"]))
        want = defaultdict(dict)
        for (kernel, alpha), values in groups.items():
            if len(values) == int(count):
                want[kernel][alpha] = geomean(values)
        drawn = {name: points_of(line) for name, line in lines(ax).items() if name in DRAWN}
        theory = {float(r["alpha_in"]): [float(o["theory_speedup"]) for o in single_thread(plain.ok)
                                         if o["kernel"] == DRAWN[0] and o["alpha_in"] == r["alpha_in"]
                                         and (k is None or o["kh"] == k[0])] for r in plain.ok}
        assert points_of(lines(ax)["theory (this layer)"]) == pytest.approx({a: geomean(v) for a, v in theory.items()})
        assert set(drawn) == set(want)
        for kernel, points in want.items():
            assert drawn[kernel] == pytest.approx(points)
    plt.close(figure)


def test_the_paper_is_beside_a_single_layer_too(tmp_path):
    path = synthetic.make_report(tmp_path / "r", layers={"conv3_3x3": synthetic.NINE["conv3_3x3"]}, rounds=6)
    chart = {c.name: c for c in all_charts(Data(read_report(path)), [])}["speedup"]
    figure = chart.draw(style.WIDE)
    assert [ax.get_title() for ax in figure.axes] == ["conv3_3x3"]
    assert {"paper speedup", "paper theory_speedup"} <= set(lines(figure.axes[0]))
    plt.close(figure)


@pytest.mark.parametrize("name", ["octave-efficiency", "self-efficiency", "direct-efficiency"])
def test_heat_maps(charts, plain, name, layout):
    figure = charts[name].draw(layout)
    column = name.replace("-", "_")
    seen = 0
    for ax in figure.axes:
        meshes = [c for c in ax.collections if isinstance(c, QuadMesh)]
        if not meshes or ax.get_label() == "colours":
            continue
        values = np.ma.filled(meshes[0].get_array().reshape(meshes[0]._coordinates.shape[0] - 1, -1), np.nan)
        layers = list(dict.fromkeys(r["layer"] for r in plain.octave))
        alphas = sorted({float(r["alpha_in"]) for r in plain.octave})
        assert values.shape == (len(layers), len(alphas))
        there = {(r["layer"], float(r["alpha_in"])): r for r in single_thread(plain.octave)
                 if r["kernel"] == ax.get_title()}
        for (i, j), value in np.ndenumerate(values):
            row = there.get((layers[i], alphas[j]))
            if row is None:
                assert math.isnan(value)
                continue
            want = plain.direct(row) if column == "direct_efficiency" else float(row[column])
            assert value == pytest.approx(want)
            seen += 1
        written = {(int(t.get_position()[1]), int(t.get_position()[0])): t.get_text() for t in ax.texts}
        assert written == {at: f"{v:.2f}" for at, v in np.ndenumerate(values) if not math.isnan(v)}
        assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == layers
        if any(t.get_visible() and t.get_text() for t in ax.get_xticklabels()):
            assert [float(t.get_text()) for t in ax.get_xticklabels()] == alphas
    assert seen == len(single_thread(plain.octave))


def test_breakdown_bars(charts, plain, layout):
    figure = charts["paths"].draw(layout)
    ax = figure.axes[0]
    drawn = defaultdict(float)
    for bars in ax.containers:
        for bar in bars:
            drawn[round(bar.get_y() + bar.get_height() / 2, 6), bars.get_label()] += bar.get_width()
    drawn = {at: width for at, width in drawn.items() if width}
    ticks = {round(at, 6): t.get_text() for at, t in zip(ax.get_yticks(), ax.get_yticklabels())}
    layers = [t.get_text() for t in ax.texts if t.get_fontweight() == "bold"]
    assert layers == list(dict.fromkeys(r["layer"] for r in plain.octave))
    parts = defaultdict(dict)
    for row in plain.read("paths.csv"):
        parts[row["case_id"]][row["path"]] = row
    layer = -1
    wholes = [line for line in ax.get_lines() if line.get_label() == "whole"]
    for y in sorted(ticks):
        if round(y - 1, 6) not in ticks:
            layer += 1
        kernel = ticks[y]
        rows = [r for r in single_thread(plain.octave) if r["layer"] == layers[layer] and r["alpha_in"] == "0.5"]
        base = float(rows[0]["vanilla_median_ns"])
        got = {part: width for (at, part), width in drawn.items() if at == y}
        if kernel == "ideal":
            macs = next(parts[r["case_id"]] for r in rows if "hl" in parts[r["case_id"]])
            want = {p: 100 * float(v["macs"]) / float(rows[0]["macs_vanilla"]) for p, v in macs.items() if v["macs"]}
        else:
            case = next(r for r in rows if r["kernel"] == kernel)
            want = {p: 100 * float(v["ns"]) / base for p, v in parts[case["case_id"]].items() if float(v["ns"]) > 0}
            whole = sum(float(v["ns"]) for v in parts[case["case_id"]].values())
            mark = next(line for line in wholes if abs(np.mean(line.get_ydata()) - y) < 1e-6)
            assert mark.get_xdata()[0] == pytest.approx(100 * whole / base)
            label = next(t for t in ax.texts if t.get_text().endswith("µs") and abs(t.xy[1] - y) < 1e-6)
            assert label.get_text() == f"{whole / 1000:.4g} µs"
        assert got == pytest.approx(want)
    assert layer == len(layers) - 1


def test_roofline(charts, plain, layout):
    figure = charts["roofline"].draw(layout)
    peaks = {p["threads"]: p for p in json.loads((plain.path / "run.json").read_text())["peaks"]}
    for threads, ax in zip((1, 2), figure.axes):
        assert ax.get_title().startswith(f"{threads} thread")
        drawn = lines(ax)
        for kernel in DRAWN:
            for kind, bands in (("octave", "2"), ("vanilla", "1")):
                want = sorted((2 * float(r["macs"]) / (float(r["act_bytes"]) + float(r["weight_bytes"])),
                               float(r["gflops"])) for r in plain.ok
                              if r["kernel"] == kernel and r["bands"] == bands and r["threads"] == str(threads))
                line = drawn[f"{kernel} {kind}"]
                assert sorted(zip(line.get_xdata(), line.get_ydata())) == pytest.approx(want)
        text = " ".join(t.get_text() for t in ax.texts)
        for name, key in (("AVX-512 FMA", "fma_avx512_gflops"), ("AVX2 FMA", "fma_avx2_gflops")):
            assert list(drawn[name].get_ydata()) == [peaks[threads][key]] * 2
            assert f"{name} {peaks[threads][key]:.0f} GFLOP/s" in text
        for name, key in (("L1", "l1_gbs"), ("L2", "l2_gbs"), ("L3", "l3_gbs"), ("memory", "memory_gbs")):
            assert drawn[name].get_ydata() / drawn[name].get_xdata() == pytest.approx([peaks[threads][key]] * 2)
            assert drawn[name].get_ydata()[1] == pytest.approx(peaks[threads]["fma_avx512_gflops"])
            assert f"{name} {peaks[threads][key]:.0f} GB/s" in text
        assert "FMA without AVX" not in drawn and len(drawn) == 2 * len(DRAWN) + 6


def test_channels_by_resolution(charts, plain, layout):
    figure = charts["channels-resolution"].draw(layout)
    best = defaultdict(float)
    for row in plain.octave:
        if row["threads"] == "1":
            at = (f"{row['kh']}x{row['kw']}", float(row["alpha_in"]), int(row["h"]), f"{row['c_in']}→{row['c_out']}")
            best[at] = max(best[at], float(row["speedup"]))
    seen = {}
    sizes = sorted({int(r["h"]) for r in plain.octave})
    maps = [ax for ax in figure.axes if ax.get_label() != "colours"]
    for ax in maps:
        k, alpha = re.match(r"(\dx\d), alpha (\S+)", ax.get_title()).groups()
        mesh = next(c for c in ax.collections if isinstance(c, QuadMesh))
        lowest = [other for other in maps if other.get_title().startswith(k)][-1]
        channels = [t.get_text() for t in lowest.get_xticklabels()]
        values = np.ma.filled(mesh.get_array().reshape(len(sizes), len(channels)), np.nan)
        for (i, j), value in np.ndenumerate(values):
            if not math.isnan(value):
                seen[k, float(alpha), sizes[i], channels[j]] = value
        written = {(int(t.get_position()[1]), int(t.get_position()[0])): t.get_text() for t in ax.texts}
        assert written == {at: f"{v:.2f}" for at, v in np.ndenumerate(values) if not math.isnan(v)}
    assert [int(t.get_text()) for t in figure.axes[0].get_yticklabels()] == sizes
    assert seen == dict(best)


def test_threads(charts, plain, layout):
    figure = charts["threads"].draw(layout)
    for ax, bands in zip(figure.axes, ("2", "1")):
        ratios = defaultdict(list)
        for row in plain.ok:
            if row["bands"] != bands or row["threads"] != "2":
                continue
            one = next(r for r in plain.ok if r["threads"] == "1" and all(
                r[key] == row[key] for key in ("layer", "kernel", "alpha_in")))
            ratios[row["kernel"]].append(float(one["t_median_ns"]) / float(row["t_median_ns"]))
        drawn = lines(ax)
        assert points_of(drawn["ideal"]) == {1: 1, 2: 2}
        for kernel in DRAWN:
            assert points_of(drawn[kernel]) == pytest.approx({1: 1, 2: geomean(ratios[kernel])})
        ends = {v for band in ax.collections for v in map(tuple, band.get_paths()[0].vertices)}
        for kernel in DRAWN:
            assert {(2.0, min(ratios[kernel])), (2.0, max(ratios[kernel]))} <= ends
        assert len(ax.collections) == len(DRAWN)
        assert ax.get_title() == f"{'octave' if bands == '2' else 'vanilla'} ({len(ratios[DRAWN[0]])} cases)"


def test_memory(charts, plain, layout):
    tensors, scratch = charts["memory"].draw(layout).axes
    for ax in (tensors, scratch):
        curve = lines(ax)["theory (table 1)"]
        assert np.allclose(curve.get_ydata(), 100 * (1 - 0.75 * curve.get_xdata()))
    held = defaultdict(dict)
    for row in plain.read("counters.csv"):
        held[row["case_id"]][row["counter"]] = row["per_iter"]

    def percent(row, *parts):
        return 100 * sum(float(held[row["case_id"]][part]) for part in parts) / float(row["act_bytes_vanilla"])

    drawn = lines(tensors)
    assert set(zip(drawn["computed"].get_xdata(), drawn["computed"].get_ydata())) == {
        (float(r["alpha_in"]), 100 * float(r["act_bytes"]) / float(r["act_bytes_vanilla"]))
        for r in plain.rows if r["bands"] == "2"}
    assert sorted(set(zip(drawn["as allocated"].get_xdata(), drawn["as allocated"].get_ydata()))) == pytest.approx(
        sorted({(float(r["alpha_in"]), percent(r, "tensor_bytes")) for r in plain.octave}))
    assert scratch.get_yscale() == "log" and tensors.get_ylim()[0] == 0
    edges = {v for band in scratch.collections for v in map(tuple, band.get_paths()[0].vertices)}
    for kernel in DRAWN:
        ratios = defaultdict(list)
        for row in single_thread(plain.ok):
            if row["kernel"] == kernel:
                ratios[float(row["alpha_in"])].append(percent(row, "tensor_bytes", "scratch_bytes"))
        assert points_of(lines(scratch)[kernel]) == pytest.approx({a: geomean(v) for a, v in ratios.items()})
        for alpha, values in ratios.items():
            for end in (min(values), max(values)):
                assert any(at == alpha and y == pytest.approx(end) for at, y in edges)


def test_samples(charts, plain, layout):
    ax = charts["samples"].draw(layout).axes[0]
    raw = defaultdict(list)
    for row in plain.read("samples.csv"):
        raw[row["case_id"]].append((int(row["ns"]) / int(row["iters"]), row["disturbed"] != "0"))
    cases = {line.get_label().split()[0] for line in ax.get_lines()}
    assert len(cases) == 14
    for line in ax.get_lines():
        case, kind = line.get_label().split()
        middle = np.median([t for t, dropped in raw[case] if not dropped])
        if kind == "median":
            row = plain.by_id[case]
            assert list(line.get_xdata()) == pytest.approx([float(row["t_ci_lo_ns"]) / middle, 1,
                                                            float(row["t_ci_hi_ns"]) / middle])
        else:
            want = sorted(t / middle for t, dropped in raw[case] if dropped == (kind == "dropped"))
            assert sorted(line.get_xdata()) == pytest.approx(want)
    spread = {r["case_id"]: float(r["t_p90_ns"]) / float(r["t_min_ns"]) for r in plain.ok}
    assert max(spread, key=spread.get) in cases


def test_every_chart_has_its_test_and_says_how_often(charts, plain):
    assert set(charts) == {"speedup", "octave-efficiency", "self-efficiency", "direct-efficiency", "paths", "roofline",
                           "channels-resolution", "threads", "memory", "samples"}
    for name, chart in charts.items():
        if name == "memory":  # which is counted, not timed
            continue
        rows = [r for r in plain.ok if name in ("roofline", "threads", "samples") or r["threads"] == "1"]
        counts = sorted({int(r["samples"]) for r in rows})
        if name in ("paths", "channels-resolution"):
            assert re.search(r"; \d+( to \d+)? samples a case", chart.caption)
        elif name != "samples":
            text = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"{counts[0]}"
            assert f"; {text} samples a case" in chart.caption, name
        assert chart.caption.count("Synthetic Xeon; 1 thread, f32, warm") == 1


def test_samples_of_a_case_asked_for(data, plain):
    case = plain.octave[3]["case_id"]
    chart = {c.name: c for c in all_charts(data, [case])}["samples"]
    assert set(chart.data["case_id"]) == {case}


# ---- how they look ----------------------------------------------------------------------------------


def visible_texts(figure):
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    for text in figure.findobj(lambda a: hasattr(a, "get_window_extent") and hasattr(a, "get_text")):
        if text.get_visible() and text.get_text().strip() and text.get_window_extent(renderer).width > 0:
            yield text, text.get_window_extent(renderer)


def tick_labels(figure):
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            low, high = sorted(axis.get_view_interval())
            yield [tick.label1 for tick in axis.get_major_ticks() if tick.label1.get_visible()
                   and tick.label1.get_text() and low - 1e-9 <= tick.get_loc() <= high + 1e-9]


def assert_legible(figure, name):
    width, height = figure.canvas.get_width_height()
    hidden = {id(label) for ax in figure.axes for axis in (ax.xaxis, ax.yaxis) for tick in axis.get_major_ticks()
              for label in (tick.label1, tick.label2)} - {id(t) for labels in tick_labels(figure) for t in labels}
    for text, box in visible_texts(figure):
        if id(text) in hidden:
            continue
        assert box.x0 > -1 and box.y0 > -1 and box.x1 < width + 1 and box.y1 < height + 1, \
            f"{name}: {text.get_text()!r} is clipped"
    renderer = figure.canvas.get_renderer()
    rows = [*tick_labels(figure), [ax.title for ax in figure.axes if ax.get_title()],
            [t for legend in figure.legends for t in legend.get_texts()]]
    for labels in rows:
        boxes = [label.get_window_extent(renderer).shrunk(0.96, 0.8) for label in labels]
        for i, box in enumerate(boxes):
            for other, at in zip(labels[i + 1:], boxes[i + 1:]):
                assert not box.overlaps(at), f"{name}: {labels[i].get_text()!r} overlaps {other.get_text()!r}"


def assert_axes(figure, name):
    for ax in figure.axes:
        assert ax.has_data(), f"{name}: empty axes"


def with_units(figure) -> set[str]:
    """All axis labels: of axes and of figures."""
    labels = {label for ax in figure.axes for label in (ax.get_xlabel(), ax.get_ylabel()) if label}
    return labels | {text.get_text() for text in (figure._supxlabel, figure._supylabel) if text}


KINDS = {
    "one kernel": {"layers": {"conv3_3x3": synthetic.NINE["conv3_3x3"]}, "kernels": ("f32_onednn_postop",)},
    "nine layers": {"threads": (1, 2)},
    "sixteenths": {"layers": {k: synthetic.NINE[k] for k in ("conv3_3x3", "conv3_1x1a")},
                   "alphas": tuple(i / 16 for i in range(1, 17))},
    "many layers": {"layers": synthetic.many_layers(50), "alphas": (0.25, 0.5, 0.75), "rounds": 6,
                    "kernels": ("f32_onednn_postop", "f32_avx512_direct")},
}


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_overlaps_or_is_clipped(tmp_path, kind, layout):
    path = synthetic.make_report(tmp_path / "r", **KINDS[kind])
    for chart in all_charts(Data(read_report(path)), []):
        if isinstance(chart, Missing):
            continue
        figure = chart.draw(layout)
        figure.set_dpi(100)
        assert_legible(figure, f"{chart.name}, {layout.name}")
        assert_axes(figure, chart.name)
        for label in with_units(figure):
            assert re.search(r"\(.+\)$|^threads$", label), f"{chart.name}: no unit in {label!r}"
        plt.close(figure)


def test_few_charts_however_many_rows(tmp_path):
    path = synthetic.make_report(tmp_path / "r", layers=synthetic.many_layers(120), rounds=6)
    for chart in all_charts(Data(read_report(path)), []):
        if isinstance(chart, Chart):
            assert len(chart.data) < 4000
        if chart.name in ("speedup", "octave-efficiency", "paths"):
            assert re.search(r"Shown are \d+ of 120 layers", chart.caption)


def test_what_the_data_do_not_allow_is_missing_with_a_reason(tiny):
    for name in ("samples.csv", "paths.csv", "counters.csv"):
        (tiny / name).unlink()
    missing = {c.name: c.why for c in all_charts(Data(read_report(tiny)), []) if isinstance(c, Missing)}
    assert set(missing) == {"paths", "channels-resolution", "threads", "samples"}
    assert all(missing.values())


def test_fonts_are_embedded(small):
    for file in sorted((small / "charts").iterdir()):
        content = file.read_bytes()
        if file.suffix == ".pdf":
            assert b"/FontFile2" in content and b"/Type3" not in content
        if file.suffix == ".svg":
            assert b"<text" not in content and b"<image" not in content
    assert len(list((small / "charts").iterdir())) == 30


def test_drawn_again_files_are_the_same_and_stale_ones_go(tiny, monkeypatch):
    few = ("memory", "paths", "octave-efficiency")
    monkeypatch.setattr(octreport.page, "all_charts", lambda *a: [c for c in all_charts(*a) if c.name in few])
    assert main([str(tiny)]) == 0
    before = {f.name: f.read_bytes() for f in (tiny / "charts").iterdir()}
    (tiny / "paths.csv").unlink()
    assert main([str(tiny)]) == 0
    after = {f.name: f.read_bytes() for f in (tiny / "charts").iterdir()}
    assert after == {name: content for name, content in before.items() if not name.startswith("paths.")}
    assert len(after) == len(before) - 3


def test_medians_stand_in_where_there_are_no_samples(small, tmp_path):
    bare = synthetic.make_report(tmp_path / "bare", layers={"conv3_3x3": synthetic.NINE["conv3_3x3"]})
    (bare / "samples.csv").unlink()
    data, plain = Data(read_report(bare)), Plain(bare)
    assert not plain.times
    for _, row in data.octave.iterrows():
        case = plain.by_id[row["case_id"]]
        base = plain.direct_base(case)
        want = float(base["t_median_ns"]) / float(case["t_median_ns"]) / float(case["theory_speedup"])
        assert row["direct_efficiency"] == pytest.approx(want)
        assert row["direct_rounds"] == 0
