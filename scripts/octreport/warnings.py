# SPDX-License-Identifier: MIT
"""What a reader must know before believing a number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .derive import Data, paired_ratios, unresolved
from .summary import case_text

WIDE_INTERVAL = 0.03  # half-width of the median's interval, as a share of the median
MUCH_STEAL = 1.0      # percent
MISMATCH = 0.01       # between a stored speedup and the one that the samples give
NAMED = 8             # cases named in one warning


@dataclass
class Warning:
    level: str  # "bad", "warn" or "note"
    text: str


def _names(rows: pd.DataFrame) -> str:
    names = [f"{case_text(row)} t={row['threads']} {row['kernel']}" for _, row in rows.head(NAMED).iterrows()]
    more = len(rows) - len(names)
    return "; ".join(names) + (f"; and {more} more" if more > 0 else "")


def _cases(count: int) -> str:
    return f"{count} case{'' if count == 1 else 's'}"


def _failures(data: Data) -> list[Warning]:
    out = []
    for status, level, what in (("wrong", "bad", "gave a wrong result and were not timed"),
                                ("error", "bad", "failed"), ("skipped", "warn", "were skipped")):
        rows = data.rows[data.rows["status"] == status]
        if len(rows):
            reasons = "; ".join(r for r in rows["reason"].drop_duplicates().head(3) if r)
            out.append(Warning(level, f"{_cases(len(rows))} {what}: {_names(rows)}."
                                      + (f" Reasons: {reasons}." if reasons else "")))
    rows = data.rows[data.rows["status"] == "unsupported"]
    if len(rows):
        kernels = ", ".join(f"{kernel} {count}" for kernel, count in rows["kernel"].value_counts().items())
        out.append(Warning("note", f"{_cases(len(rows))} are not supported by their kernel ({kernels}); the "
                                   "reasons stand in the table of results."))
    return out


def _rounds(data: Data) -> list[Warning]:
    samples = data.report.samples
    if samples.empty:
        return []
    dropped = int((samples["disturbed"] != 0).sum())
    if not dropped:
        return []
    return [Warning("warn", f"{dropped} of {len(samples)} samples ({100 * dropped / len(samples):.1f}%) were "
                            "taken in disturbed rounds and dropped.")]


def _noise(data: Data) -> list[Warning]:
    out = []
    rows = data.measured
    width = (rows["t_ci_hi_ns"] - rows["t_ci_lo_ns"]) / 2 / rows["t_median_ns"]
    wide = rows[width > WIDE_INTERVAL]
    if len(wide):
        out.append(Warning("warn", f"Noise: {_cases(len(wide))} have an interval wider than +/- "
                                   f"{100 * WIDE_INTERVAL:g}% of the median: {_names(wide)}."))
    bare = rows[width.isna()]
    if len(bare):
        out.append(Warning("warn", f"{_cases(len(bare))} have too few samples for an interval."))
    noisy = rows[rows["reason"].str.contains("noisy", regex=False)]
    if len(noisy):
        out.append(Warning("warn", f"{_cases(len(noisy))} had time stolen in more than half of their rounds, so that "
                                   "none was dropped."))
    shared = rows[rows["reason"].str.contains("shared:", regex=False)]
    if len(shared):
        out.append(Warning("bad", f"{_cases(len(shared))} had fewer processors than threads: their times say little: "
                                  f"{_names(shared)}."))
    stolen = rows[rows["steal_pct"] > MUCH_STEAL]
    if len(stolen):
        out.append(Warning("warn", f"{_cases(len(stolen))} lost more than {MUCH_STEAL:g}% of their time to other "
                                   f"guests of the host (at most {stolen['steal_pct'].max():.1f}%)."))
    return out


def _verdicts(data: Data) -> list[Warning]:
    rows = unresolved(data)
    if rows.empty:
        return []
    return [Warning("warn", f"Unresolved: for {_cases(len(rows))} of {len(data.octave)} the fastest samples and "
                            "the medians disagree on the speedup over vanilla (the ratio of minima lies outside "
                            f"the interval): {_names(rows)}.")]


def stored_mismatch(data: Data) -> pd.DataFrame:
    """Octave rows whose stored speedup is not what their samples give."""
    rows = data.octave[data.octave["speedup"].notna()]
    place = ["run_id", "group_id", "kernel"]
    vanilla = data.vanilla.drop_duplicates(place).set_index(place)["case_id"]
    keys = pd.MultiIndex.from_arrays([rows["run_id"], rows["group_id"], rows["vanilla_kernel"]])
    pairs = pd.DataFrame({"case_id": rows["case_id"], "base_id": vanilla.reindex(keys).to_numpy()})
    pairs = pairs[pairs["base_id"].notna()]
    again = paired_ratios(data.report, pairs)
    again = again[again["rounds"] > 0]["ratio"].reindex(rows.index)
    return rows[np.abs(np.log(again / rows["speedup"])) > MISMATCH]


def _consistency(data: Data) -> list[Warning]:
    out = []
    wrong = stored_mismatch(data)
    if len(wrong):
        out.append(Warning("bad", f"The speedup in results.csv is more than {100 * MISMATCH:g}% off what "
                                  f"samples.csv gives for {_cases(len(wrong))}: {_names(wrong)}."))
    keys = ["label", "kernel", "alpha_in", "alpha_out", "setting"]
    double = data.measured[data.measured.duplicated(keys)]
    if len(double):
        out.append(Warning("note", f"{_cases(len(double))} differ from another in nothing that results.csv "
                                   "tells; charts show the first of each, the table all."))
    high = data.measured[(data.measured["pct_peak"] > 102)
                         & ~data.measured["kernel"].str.contains("winograd", regex=False)]
    if len(high):
        out.append(Warning("warn", f"{_cases(len(high))} run above 102% of the measured FMA peak: the peak was "
                                   f"measured too low: {_names(high)}."))
    return out


def _absent(data: Data) -> list[Warning]:
    lost = {"samples.csv": "ratios between kernels are of medians, not paired by round, and chart 8 is missing",
            "paths.csv": "the breakdown by path is missing", "counters.csv": "no counters are shown",
            "run.json": "machine, versions and measured peaks are missing"}
    return [Warning("note", f"There is no {name}: {lost[name]}.") for name in data.report.absent]


def _sittings(data: Data) -> list[Warning]:
    """Rows that were not measured in one go."""
    out = []
    runs = data.rows["run_id"].value_counts(sort=False)
    if len(runs) > 1:
        out.append(Warning("warn", "The rows are of several runs ("
                                   + ", ".join(f"{run}: {_cases(count)}" for run, count in runs.items())
                                   + "). No ratio is taken between rows of different runs; means are over all."))
    times = data.report.run.get("resumed")
    times = [str(time) for time in times] if isinstance(times, list) else []
    if times:
        out.append(Warning("note", f"The run was resumed: begun {data.report.run.get('started', 'at an unknown time')}"
                                   f", taken up again {', '.join(times)}. Layers were measured whole, so each speedup "
                                   "is of one sitting; layers and thread counts of different sittings may have met "
                                   "another state of the machine."))
    return out


def all_warnings(data: Data) -> list[Warning]:
    """The worst first."""
    found = [*_failures(data), *_verdicts(data), *_rounds(data), *_noise(data), *_consistency(data),
             *_sittings(data), *_absent(data)]
    given = data.report.run.get("warnings")
    found += [Warning("warn", str(text)) for text in given] if isinstance(given, list) else []
    state = data.report.run.get("status")
    if state in ("running", "interrupted"):
        found.append(Warning("warn", f"The run is not whole: run.json says {state}; octbench run --resume finishes "
                                     "it."))
    if data.note:
        found.insert(0, Warning("note", data.note))
    if data.measured.empty:
        found.insert(0, Warning("bad", "No case was measured."))
    return sorted(found, key=lambda w: ("bad", "warn", "note").index(w.level))
