# SPDX-License-Identifier: MIT
"""What follows from the CSV files: labels, baselines, paired ratios, efficiencies. No drawing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from .reading import Report

# Of one run and group, what a vanilla row must share with a case to be its baseline.
LAYER_KEYS = ["run_id", "group_id", "n", "c_in", "c_out", "d", "h", "w", "kd", "kh", "kw", "stride", "pad", "dilation",
              "groups", "dtype", "epilogue"]
# And what two kernels' rows must share to have solved the same problem.
PROBLEM_KEYS = LAYER_KEYS + ["bands", "alpha_in", "alpha_out", "down", "paths"]
# What may differ between rows of the same suite and layer; named in a label where it does.
VARIANTS = {"n": "n={}", "d": "d={}", "h": "h={}", "c_in": "in={}", "c_out": "out={}", "kh": "k={}",
            "stride": "s={}", "pad": "pad={}", "dilation": "dil={}", "groups": "g={}", "dtype": "{}",
            "epilogue": "{}", "down": "{}", "paths": "{}", "bands": "{} bands"}
SETTING_KEYS = ["threads", "cache", "dtype"]

LIBRARY = "onednn"  # in the name of kernels that are the library's
POSTOP, FRAMEWORK = "f32_onednn_postop", "f32_onednn_framework"

VIEWS = {
    "octave_efficiency": "octave efficiency (against the fastest vanilla of any algorithm)",
    "self_efficiency": "self-efficiency (against the kernel's own vanilla)",
    "direct_efficiency": "efficiency against the fastest direct vanilla (any kernel that is not Winograd)",
    "library_efficiency": "efficiency against oneDNN's fastest direct vanilla",
}


def theory_macs(alpha_in: float | np.ndarray, alpha_out: float | np.ndarray) -> float | np.ndarray:
    """Multiply-adds relative to vanilla: stride 1, even extents, ungrouped, pooled; 1 - 3/4 a(2-a) where the
    ratios are equal (the paper's table 1)."""
    return 0.25 + 0.75 * (1 - alpha_in) * (1 - alpha_out)


def theory_memory(alpha: float | np.ndarray) -> float | np.ndarray:
    """Activation memory relative to vanilla, even extents: table 1's second row."""
    return 1 - 0.75 * alpha


def geomean(values: pd.Series | np.ndarray) -> float:
    """NaN for nothing; NaN cells are left out."""
    kept = np.asarray(values, dtype=float)
    kept = kept[np.isfinite(kept)]
    return float(np.exp(np.log(kept).mean())) if kept.size else float("nan")


def is_winograd(kernel: pd.Series) -> pd.Series:
    return kernel.str.contains("winograd", regex=False)


def alpha_text(alpha: float) -> str:
    return f"{alpha:.4g}".replace("0.", ".", 1) if 0 < alpha < 1 else f"{alpha:g}"


def usual_alpha(rows: pd.DataFrame) -> float:
    """One half where measured, else the ratio of most rows."""
    if (rows["alpha"] == 0.5).any():
        return 0.5
    return float(rows["alpha"].value_counts().sort_index().idxmax())


def paired_ratios(report: Report, pairs: pd.DataFrame) -> pd.DataFrame:
    """For each pair (case_id, base_id): time of base over time of case.

    `ratio` is exp of the median log-ratio over the rounds that both have undisturbed, of the launches' medians
    where there are several, as octbench has it; `rounds` is the rounds' number;
    where there is no such round, the ratio of the rows' medians, and `rounds` is 0. Indexed like `pairs`.
    """
    times = report.samples.loc[report.samples["disturbed"] == 0, ["case_id", "launch", "round"]].copy()
    times["log"] = np.log((report.samples["ns"] / report.samples["iters"]).loc[times.index])
    wanted = pairs[["case_id", "base_id"]].copy()
    wanted["at"] = np.arange(len(wanted))
    joined = wanted.merge(times, on="case_id")
    joined = joined.merge(times.rename(columns={"case_id": "base_id"}), on=["base_id", "launch", "round"],
                          suffixes=("", "_base"))
    log_ratio = joined["log_base"] - joined["log"]
    by_launch = log_ratio.groupby([joined["at"], joined["launch"]]).median()
    out = pd.DataFrame({"ratio": np.exp(by_launch.groupby("at").median()),
                        "rounds": log_ratio.groupby(joined["at"]).size()})
    out = out.reindex(range(len(wanted)))
    out.index = pairs.index
    medians = report.results.set_index("case_id")["t_median_ns"]
    by_median = pairs["base_id"].map(medians) / pairs["case_id"].map(medians)
    out["ratio"] = out["ratio"].astype(float).fillna(by_median)
    out["rounds"] = out["rounds"].fillna(0).astype(int)
    return out


def _layer_labels(results: pd.DataFrame) -> pd.Series:
    """The layer, with the suite where two suites use its name in the same setting, and with every option in
    which rows of that layer differ."""
    label = results["layer"].copy()
    suites = results.groupby(["layer", *SETTING_KEYS])["suite"].transform("nunique")
    label = label.where(suites.groupby(results["layer"]).transform("max") == 1, results["suite"] + "/" + label)
    octave = results[results["bands"] > 1]
    for column, form in VARIANTS.items():
        source = octave if column in ("bands", "down", "paths") else results
        if source[column].nunique() <= 1:
            continue
        varies = source.groupby(label.loc[source.index])[column].nunique()
        differs = label.isin(varies.index[varies > 1])
        if column in ("bands", "down", "paths"):
            differs &= results["bands"] > 1
        if not differs.any():
            continue
        text = results[column].astype(str).replace("", "none")
        label = label.where(~differs, label + " " + text.map(form.format))
    both = (results["alpha_in"] > 0) & (results["alpha_out"] > 0)
    mixed = both & (results["alpha_in"] != results["alpha_out"])
    return label.where(~mixed, label + " in a=" + results["alpha_in"].map(alpha_text))


@dataclass
class Data:
    """A report and what is computed from it, once."""

    report: Report
    note: str = ""  # of a filter, for the page

    @cached_property
    def rows(self) -> pd.DataFrame:
        """results.csv with `alpha` (the larger ratio), `label`, `k` ("3x3"), `setting`; every status."""
        rows = self.report.results.copy()
        rows[["alpha_in", "alpha_out"]] = rows[["alpha_in", "alpha_out"]].fillna(0.0)
        rows["alpha"] = rows[["alpha_in", "alpha_out"]].max(axis=1).where(rows["bands"] > 1, 0.0)
        rows["k"] = rows["kh"].astype(str) + "x" + rows["kw"].astype(str)
        rows["label"] = _layer_labels(rows)
        rows["setting"] = (rows["threads"].map(lambda t: f"{t} thread{'s' if t > 1 else ''}") + ", "
                           + rows["dtype"] + ", " + rows["cache"])
        return rows

    @cached_property
    def measured(self) -> pd.DataFrame:
        """The rows with a time, and the efficiencies that results.csv does not hold."""
        rows = self.rows[(self.rows["status"] == "ok") & self.rows["t_median_ns"].notna()].copy()
        for name, library in (("direct", ""), ("library", LIBRARY)):
            base = self.fastest_direct(rows, library)
            pairs = pd.DataFrame({"case_id": rows["case_id"], "base_id": base})
            known = pairs[base.notna() & (rows["bands"] > 1)]
            ratios = paired_ratios(self.report, known)
            rows[f"{name}_kernel"] = base.map(rows.set_index("case_id")["kernel"])
            rows[f"{name}_speedup"] = ratios["ratio"].reindex(rows.index)
            rows[f"{name}_rounds"] = ratios["rounds"].reindex(rows.index)
            rows[f"{name}_efficiency"] = rows[f"{name}_speedup"] / rows["theory_speedup"]
        return rows

    @staticmethod
    def fastest_direct(rows: pd.DataFrame, library: str) -> pd.Series:
        """case_id of the fastest direct vanilla row of each row's layer, NaN where there is none. `library` is
        a part of the kernel's name."""
        vanilla = rows[(rows["bands"] == 1) & ~is_winograd(rows["kernel"])
                       & rows["kernel"].str.contains(library, regex=False)]
        fastest = vanilla.sort_values("t_median_ns", kind="stable").drop_duplicates(LAYER_KEYS)
        base = rows[LAYER_KEYS].merge(fastest[[*LAYER_KEYS, "case_id"]], on=LAYER_KEYS, how="left")
        return pd.Series(base["case_id"].values, index=rows.index, dtype=object)

    @cached_property
    def shown_octave(self) -> pd.DataFrame:
        """Octave rows in charts of one setting."""
        return self.octave[(self.octave["setting"] == self.main_setting) & self.octave["kernel"].isin(self.drawn)]

    @cached_property
    def octave(self) -> pd.DataFrame:
        """The measured rows with two or more bands."""
        return self.measured[self.measured["bands"] > 1]

    @cached_property
    def vanilla(self) -> pd.DataFrame:
        return self.measured[self.measured["bands"] == 1]

    @cached_property
    def kernels(self) -> list[str]:
        """All that were measured, the fast ones first: the order of colours and legends."""
        if self.measured.empty:
            return []
        speed = self.measured.groupby("kernel")["speedup"].apply(geomean).fillna(0)
        slow = set(speed[speed < 0.25].index)
        return sorted(speed.index, key=lambda k: (k in slow, k))

    @cached_property
    def slow(self) -> list[str]:
        """Kernels (the reference, the naive one) so slow that they would squash every axis: tables only."""
        if self.measured.empty:
            return []
        speed = self.measured.groupby("kernel")["speedup"].apply(geomean)
        return sorted(speed[speed < 0.25].index)

    @cached_property
    def drawn(self) -> list[str]:
        return [k for k in self.kernels if k not in self.slow]

    def over(self, other: str) -> pd.DataFrame:
        """Octave rows that have a row of kernel `other` for the same problem in the same rounds: `ratio` is
        the time of `other` over the time of the row."""
        base = self.octave[self.octave["kernel"] == other]
        base = base[~base.duplicated(PROBLEM_KEYS, keep=False)]
        rows = self.octave[self.octave["kernel"] != other]
        pairs = rows[["case_id", *PROBLEM_KEYS]].merge(
            base[["case_id", *PROBLEM_KEYS]].rename(columns={"case_id": "base_id"}), on=PROBLEM_KEYS)
        pairs = pairs.join(paired_ratios(self.report, pairs))
        return rows.merge(pairs[["case_id", "base_id", "ratio", "rounds"]], on="case_id")

    def _at_few_threads(self, few: int, keys: list[str]) -> pd.Series:
        """case_id of each row's partner at `few` threads, NaN where there is none or more than one."""
        base = self.measured[self.measured["threads"] == few]
        base = base[~base.duplicated(keys, keep=False)][[*keys, "case_id"]]
        joined = self.measured[keys].merge(base, on=keys, how="left")
        return pd.Series(joined["case_id"].values, index=self.measured.index, dtype=object)

    def thread_pairs(self, few: int = 1) -> pd.DataFrame:
        """Measured rows with the same case of the same run at `few` threads (`few_id`), of the same suite or
        else of another: `scaling` is its median over theirs. Not paired: the two were measured in different
        rounds."""
        keys = [*(k for k in PROBLEM_KEYS if k != "group_id"), "layer", "kernel", "cache", "isa"]
        partner = self._at_few_threads(few, [*keys, "suite"]).fillna(self._at_few_threads(few, keys))
        rows = self.measured.assign(few_id=partner)[partner.notna()]
        medians = self.measured.set_index("case_id")["t_median_ns"]
        rows["scaling"] = rows["few_id"].map(medians) / rows["t_median_ns"]
        return rows.drop_duplicates(["few_id", "threads"])

    @cached_property
    def main_setting(self) -> str:
        """The setting that charts of one setting show: the fewest threads, then the most rows."""
        rows = self.measured
        counts = rows.groupby(["threads", "setting"]).size().reset_index(name="count")
        return counts.sort_values(["threads", "count"], ascending=[True, False])["setting"].iloc[0]


def unresolved(data: Data) -> pd.DataFrame:
    """Octave rows whose verdict against vanilla is open, as octbench found and noted in the row: the ratio of
    minima lies outside the interval of the medians."""
    return data.octave[data.octave["reason"].str.contains("unresolved", regex=False)]
