# SPDX-License-Identifier: MIT
"""Report directories that the tests share, and a second reading of them that shares no code with the scripts."""

from __future__ import annotations

import csv
import math
import statistics
import sys
from pathlib import Path

import matplotlib
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
sys.path.insert(0, str(Path(__file__).parent))

import synthetic  # noqa: E402
from octreport import style  # noqa: E402
from octreport.cli import main  # noqa: E402
from octreport.derive import Data  # noqa: E402
from octreport.reading import read_report  # noqa: E402

matplotlib.rcParams.update(style.RC)


def number(cell: str) -> float | None:
    return float(cell) if cell != "" else None


def geomean(values: list[float]) -> float:
    return math.exp(sum(math.log(v) for v in values) / len(values))


class Plain:
    """A report directory by the csv module alone."""

    def __init__(self, path: Path):
        self.path = path
        self.rows = self.read("results.csv")
        self.by_id = {row["case_id"]: row for row in self.rows}
        self.ok = [row for row in self.rows if row["status"] == "ok"]
        self.octave = [row for row in self.ok if int(row["bands"]) > 1]
        self.times: dict[str, dict[tuple, float]] = {}
        for sample in self.read("samples.csv"):
            if sample["disturbed"] == "0":
                at = (sample["launch"], sample["round"])
                per = int(sample["ns"]) / int(sample["iters"])
                self.times.setdefault(sample["case_id"], {})[at] = per

    def read(self, name: str) -> list[dict[str, str]]:
        if not (self.path / name).exists():
            return []
        with (self.path / name).open(newline="") as f:
            return list(csv.DictReader(f))

    def ratio(self, base: dict[str, str], case: dict[str, str]) -> float:
        """Time of base over time of case: median over launches of medians over common rounds, else of medians."""
        left, right = (self.times.get(row["case_id"], {}) for row in (base, case))
        rounds = [at for at in left if at in right]
        if not rounds:
            return float(base["t_median_ns"]) / float(case["t_median_ns"])
        launches: dict[str, list[float]] = {}
        for at in rounds:
            launches.setdefault(at[0], []).append(math.log(left[at] / right[at]))
        return math.exp(statistics.median(statistics.median(logs) for logs in launches.values()))

    def direct_base(self, case: dict[str, str], library: str = "") -> dict[str, str] | None:
        """The fastest vanilla row of the group that is not Winograd."""
        rows = [row for row in self.ok if row["group_id"] == case["group_id"] and row["bands"] == "1"
                and "winograd" not in row["kernel"] and library in row["kernel"]]
        return min(rows, key=lambda row: float(row["t_median_ns"]), default=None)

    def direct(self, case: dict[str, str], library: str = "") -> float:
        return self.ratio(self.direct_base(case, library), case) / float(case["theory_speedup"])

    def same_problem(self, case: dict[str, str], kernel: str) -> dict[str, str] | None:
        rows = [row for row in self.octave if row["kernel"] == kernel and row["group_id"] == case["group_id"]
                and row["alpha_in"] == case["alpha_in"] and row["alpha_out"] == case["alpha_out"]]
        return rows[0] if rows else None


SMALL = {name: synthetic.NINE[name] for name in ("conv2_3x3", "conv4_3x3", "conv2_1x1a", "conv4_1x1b")}


@pytest.fixture(scope="session")
def small(tmp_path_factory) -> Path:
    """Four layers, four ratios, five kernels, one and two threads; with its page and charts."""
    path = synthetic.make_report(tmp_path_factory.mktemp("reports") / "small", layers=SMALL, threads=(1, 2))
    assert main([str(path)]) == 0
    return path


@pytest.fixture(scope="session")
def plain(small) -> Plain:
    return Plain(small)


@pytest.fixture(scope="session")
def data(small) -> Data:
    return Data(read_report(small))


@pytest.fixture
def tiny(tmp_path) -> Path:
    """One layer, one ratio, two kernels: quick to spoil."""
    return synthetic.make_report(tmp_path / "tiny", layers={"conv3_3x3": synthetic.NINE["conv3_3x3"]}, alphas=(0.5,),
                                 kernels=("f32_onednn_postop", "f32_avx512_direct"), rounds=8)
