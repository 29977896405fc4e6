#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Reduces the quads that octbench aa or ab recorded (--quads-csv) to what the gate infers on: the median log-ratio
of each launch. A row a launch, a column a case, empty where the launch did not measure the case.

    scripts/launches.py QUADS.csv >LAUNCHES.csv
"""
import csv
import statistics
import sys


def read_launches(path):
    launches = {}
    cases = []
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["case"] not in cases:
                cases.append(row["case"])
            launch = launches.setdefault((row["run"], row["launch"]), {})
            launch.setdefault(row["case"], []).append(float(row["log_ratio"]))
    return cases, launches


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    cases, launches = read_launches(sys.argv[1])
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["run", "launch", *cases])
    for key, quads in launches.items():
        medians = [f"{statistics.median(quads[case]):.6g}" if case in quads else "" for case in cases]
        out.writerow([*key, *medians])


if __name__ == "__main__":
    main()
