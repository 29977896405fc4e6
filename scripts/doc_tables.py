#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The tables of README.md (layers), docs/kernels.md (model) and docs/ci.md (power), from a report directory, as
Markdown.

layers: medians of every way to compute a layer, in microseconds; speedup and efficiency of the fused kernel
        against the fastest direct vanilla kernel, as ratios of medians.
model:  what the arithmetic of docs/kernels.md predicts beside what was measured: the time of the FMAs that meet
        data at the measured peak and, nothing overlapping, one pass over every tensor at the measured bandwidth
        of the smallest cache that holds them all.
power:  how often the gate alarms and catches in simulation; the directory is reports/gate."""

import argparse
import csv
import json
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


def tabulate(args):
    if args.table == "power":
        return list(power(args.directory))
    rows, run = read(args.directory)
    return list({"layers": layers, "model": model}[args.table](rows, run, args))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=["layers", "model", "power"])
    parser.add_argument("directory", type=Path, help="of a run (results.csv and run.json), or reports/gate")
    parser.add_argument("--kernel", default="f32_avx512_direct")
    parser.add_argument("--alpha", type=float, default=0.5)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    try:
        lines = tabulate(args)
    except (OSError, ValueError, KeyError, StopIteration) as error:
        print(f"doc_tables.py: {args.directory}: {error!r}", file=sys.stderr)
        return 2
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
