#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the arithmetic of docs/kernels.md predicts for each layer, beside what was measured, as a Markdown table.

Predicted is the time of the FMAs that meet data at the measured peak, and after it, nothing overlapping, one
pass over every tensor at the measured bandwidth of the smallest cache that holds them all."""

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


def table(rows, run, kernel, alpha, threads):
    yield "| layer | FMAs, us | bytes, MB | a pass over them, us | predicted, us | measured, us | measured / predicted |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for row in rows:
        chosen = (row["kernel"], row["threads"], row["status"]) == (kernel, str(threads), "ok")
        if not chosen or not row["pct_peak"] or row["alpha_in"] != row["alpha_out"] or float(row["alpha_in"]) != alpha:
            continue
        p = predict(row, run)
        predicted = p["fma"] + p["pass"]
        yield (f"| {row['layer']} | {p['fma'] / 1e3:.0f} | {p['bytes'] / 1e6:.2f} | {p['pass'] / 1e3:.0f} ({p['level']}) "
               f"| {predicted / 1e3:.0f} | {p['measured'] / 1e3:.0f} | {p['measured'] / predicted:.2f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("directory", type=Path, help="of a run: results.csv and run.json")
    parser.add_argument("--kernel", default="f32_avx512_direct")
    parser.add_argument("--alpha", type=float, default=0.5)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    try:
        rows, run = read(args.directory)
        lines = list(table(rows, run, args.kernel, args.alpha, args.threads))
    except (OSError, ValueError, KeyError, StopIteration) as error:
        print(f"kernel_model.py: {args.directory}: {error!r}", file=sys.stderr)
        return 2
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
