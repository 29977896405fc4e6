#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The tables of README.md (layers, means), docs/kernels.md (model), docs/ci.md (power) and docs/measuring.md
(distance), from a report, as Markdown.

layers: medians of every way to compute a layer, in microseconds; speedup and efficiency of the fused kernel
        against the fastest direct vanilla kernel, as ratios of medians.
means:  geometric means of the fused kernel over the layers of suite `bottleneck` and every ratio.
model:  what the arithmetic of docs/kernels.md predicts beside what was measured: the time of the FMAs that meet
        data at the measured peak and, nothing overlapping, one pass over every tensor at the measured bandwidth
        of the smallest cache that holds them all.
power:  how often the gate alarms and catches in simulation; the directory is reports/gate.
distance: what it costs a team of two that its cores are apart; the path is reports/distance.csv.
networks: a whole network, vanilla and octave; the path is a CSV file of octbench net.
fill:   rewrites the tables in documents: those between a comment that holds such a command and <!-- end -->."""

import argparse
import csv
import json
import math
import re
import shlex
import sys
from pathlib import Path


def read(directory):
    with open(directory / "results.csv", newline="") as f:
        rows = list(csv.DictReader(f))
    with open(directory / "run.json") as f:
        return rows, json.load(f)


def bandwidth(run, threads, size):
    """Of the level that holds `size` bytes: its name, and bytes a nanosecond."""
    peaks = next(p for p in run["peaks"] if p["threads"] == threads)
    machine = run["machine"]
    for level, room in (("L2", machine["l2_bytes"] * threads), ("L3", machine["l3_bytes"])):
        if room and size <= room:
            return level, peaks[f"{level.lower()}_gbs"]
    return "memory", peaks["memory_gbs"]


def predict(row, run):
    measured = float(row["t_median_ns"])
    fma = measured * float(row["pct_peak"]) / 100
    size = int(row["act_bytes"]) + int(row["weight_bytes"])
    level, gbs = bandwidth(run, int(row["threads"]), size)
    return {"fma": fma, "bytes": size, "level": level, "pass": size / gbs, "measured": measured}


def chosen(rows, args, alpha):
    """Rows with both ratios at alpha, measured with args.threads threads."""
    for row in rows:
        if row["status"] != "ok" or row["threads"] != str(args.threads) or row["alpha_in"] != row["alpha_out"]:
            continue
        if float(row["alpha_in"]) == alpha:
            yield row


def model(rows, run, args):
    yield "| layer | FMAs, us | bytes, MB | a pass over them, us | predicted, us | measured, us | measured / predicted |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for row in chosen(rows, args, args.alpha):
        if row["kernel"] != args.kernel or not row["pct_peak"]:
            continue
        p = predict(row, run)
        predicted = p["fma"] + p["pass"]
        yield (f"| {row['layer']} | {p['fma'] / 1e3:.0f} | {p['bytes'] / 1e6:.2f} | {p['pass'] / 1e3:.0f} ({p['level']}) "
               f"| {predicted / 1e3:.0f} | {p['measured'] / 1e3:.0f} | {p['measured'] / predicted:.2f} |")


def medians(rows):
    """layer -> kernel -> (median in ns, row)"""
    found = {}
    for row in rows:
        found.setdefault(row["layer"], {}).setdefault(row["kernel"], (float(row["t_median_ns"]), row))
    return found


def geometric(values):
    values = list(values)
    return math.exp(sum(map(math.log, values)) / len(values)) if values else math.nan


def is_direct(kernel):
    return "winograd" not in kernel


class Case:
    """One layer at one ratio: medians of every kernel, and of the vanilla ones of the same group."""

    def __init__(self, octave, vanilla, kernel):
        self.ns = {k: ns for k, (ns, _) in octave.items()}
        self.vanilla = {k: ns for k, (ns, _) in vanilla.items() if is_direct(k)}
        row = octave[kernel][1]
        self.small = int(row["kh"]) == 1
        self.theory = float(row["theory_speedup"])
        self.fused = self.ns[kernel]
        self.own = self.vanilla[kernel]
        self.library = min(ns for k, ns in self.vanilla.items() if "onednn" in k)
        self.peak = float(vanilla[kernel][1]["pct_peak"] or "nan")

    def efficiency(self):
        return min(self.vanilla.values()) / self.fused / self.theory

    def self_efficiency(self):
        return self.own / self.fused / self.theory


def cases(rows, args, threads):
    """(layer, ratio) -> Case"""
    rows = [r for r in rows if r["suite"] in ("bottleneck", "two_threads") and r["status"] == "ok"
            and r["threads"] == str(threads)]
    vanilla = medians(r for r in rows if float(r["alpha_in"]) == 0)
    found = {}
    for alpha in sorted({float(r["alpha_in"]) for r in rows} - {0.0}):
        for layer, octave in medians(r for r in rows if float(r["alpha_in"]) == alpha).items():
            if args.kernel in octave:
                found[layer, alpha] = Case(octave, vanilla[layer], args.kernel)
    return found


def means(rows, run, args):
    del run
    one, two = cases(rows, args, 1), cases(rows, args, 2)
    every = list(one.values())
    small = [c for c in every if c.small]
    layers_seen = {layer: c for (layer, _), c in one.items()}.values()
    both = [one[k].fused / two[k].fused for k in one.keys() & two.keys()]

    def over(name, of):
        return [c.ns[name] / c.fused for c in of if name in c.ns]

    yield f"| `{args.kernel}` | geometric mean | least |"
    yield "| --- | --- | --- |"
    for what, values in (
            ("efficiency against the fastest direct vanilla kernel", [c.efficiency() for c in every]),
            ("the same, 1x1 layers", [c.efficiency() for c in small]),
            ("the same, 3x3 layers", [c.efficiency() for c in every if not c.small]),
            ("self-efficiency", [c.self_efficiency() for c in every]),
            ("times faster than `f32_onednn_postop`", over("f32_onednn_postop", every)),
            ("the same, 1x1 layers", over("f32_onednn_postop", small)),
            ("times faster than `f32_onednn_framework`, 1x1 layers", over("f32_onednn_framework", small)),
            ("own vanilla against oneDNN's direct one", [c.library / c.own for c in layers_seen]),
            ("own vanilla, % of the FMA peak", [c.peak for c in layers_seen]),
            ("two threads against one", both)):
        if values:
            yield f"| {what} | {geometric(values):.3f} | {min(values):.3f} |"


def us(of, kernel):
    return f"{of[kernel][0] / 1e3:.0f}" if kernel in of else "-"


def layers(rows, run, args):
    del run
    vanilla, octave = medians(chosen(rows, args, 0)), medians(chosen(rows, args, args.alpha))
    yield "| layer | vanilla, Winograd | vanilla, direct | framework | post-op | fused | speedup | theory | efficiency |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for layer, of in octave.items():
        direct = [ns for kernel, (ns, _) in vanilla.get(layer, {}).items() if "winograd" not in kernel]
        if args.kernel not in of or not direct:
            continue
        fused, row = of[args.kernel]
        speedup, theory = min(direct) / fused, float(row["theory_speedup"])
        yield (f"| {layer} | {us(vanilla[layer], 'f32_onednn_winograd')} | {min(direct) / 1e3:.0f} "
               f"| {us(of, 'f32_onednn_framework')} | {us(of, 'f32_onednn_postop')} | {fused / 1e3:.0f} "
               f"| {speedup:.2f} | {theory:.2f} | {speedup / theory:.2f} |")


def power(directory):
    yield "| machine | slowed cases | by | caught | false alarm | inconclusive | launches |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    with open(directory / "power.csv", newline="") as f:
        for row in csv.DictReader(f):
            caught = f"{row['caught_pct']}%" if row["caught_pct"] else "-"
            yield (f"| {row['conditions']} | {row['slowed_cases']} | {row['slowdown_pct']}% | {caught} "
                   f"| {row['false_alarm_pct']}% | {row['inconclusive_pct']}% | {row['launches']} |")


def distance(path):
    yield "| layer | kernel | cores | a line's journey, ns | one thread, us | two threads, us | one / two |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    with open(path, newline="") as f:
        for row in csv.DictReader(f):
            yield (f"| {row['layer']} | `{row['kernel']}` | {row['cores']} | {row['line_ns']} "
                   f"| {float(row['one_us']):.0f} | {float(row['two_us']):.0f} | {float(row['one_over_two']):.2f} |")


def networks(path):
    yield "| ratio | through | multiply-adds, M | ms | speedup | theory | efficiency | activations, MB |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    with open(path, newline="") as f:
        for row in csv.DictReader(iter(f.readline, "\n")):
            yield (f"| {row['alpha']} | `{row['kernel']}` | {int(row['macs']) / 1e6:.0f} | {float(row['median_ms']):.1f} "
                   f"| {float(row['speedup']):.2f} | {float(row['theory']):.2f} | {float(row['octave_efficiency']):.2f} "
                   f"| {int(row['arena_bytes']) / 1e6:.2f} |")


OF_A_RUN = {"layers": layers, "means": means, "model": model}
OF_ITS_OWN = {"power": power, "distance": distance, "networks": networks}
HELD = re.compile(r"(<!-- scripts/doc_tables.py (.*?) -->\n)(.*?)(<!-- end -->)", re.S)


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=[*OF_A_RUN, *OF_ITS_OWN, "fill"])
    parser.add_argument("path", type=Path, nargs="+",
                        help="directory of a run, reports/gate or reports/distance.csv; for fill, documents")
    parser.add_argument("--kernel", default="f32_avx512_direct")
    parser.add_argument("--alpha", type=float, default=0.5)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args(arguments)


def table(args):
    path = args.path[0]
    lines = OF_ITS_OWN[args.table](path) if args.table in OF_ITS_OWN else OF_A_RUN[args.table](*read(path), args)
    return "".join(line + "\n" for line in lines)


def fill(document):
    text = document.read_text()
    document.write_text(HELD.sub(lambda m: m[1] + table(parse(shlex.split(m[2]))) + m[4], text))


def main():
    args = parse(None)
    try:
        if args.table != "fill":
            print(table(args), end="")
        else:
            for document in args.path:
                fill(document)
    except (OSError, ValueError, KeyError, StopIteration) as error:
        print(f"doc_tables.py: {args.path[0]}: {error!r}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
