# SPDX-License-Identifier: MIT
"""scripts/kernel_model.py, and that docs/kernels.md holds what it prints."""

import csv
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "kernel_model.py"
EXAMPLE = ROOT / "reports" / "example"


def run(*args):
    return subprocess.run([sys.executable, SCRIPT, *map(str, args)], capture_output=True, text=True)


def test_the_document_holds_what_the_script_prints():
    document = (ROOT / "docs" / "kernels.md").read_text()
    table = re.search(r"<!-- scripts/kernel_model.py reports/example -->\n(.*?)<!-- end -->", document, re.S)
    assert table and table.group(1) == run(EXAMPLE).stdout


def test_a_prediction_by_hand(tmp_path):
    machine = {"l2_bytes": 1000, "l3_bytes": 100000}
    peaks = [{"threads": 1, "l2_gbs": 50, "l3_gbs": 10, "memory_gbs": 2}]
    row = {"layer": "a", "kernel": "k", "threads": 1, "status": "ok", "alpha_in": 0.5, "alpha_out": 0.5,
           "pct_peak": 80, "t_median_ns": 20000, "act_bytes": 15000, "weight_bytes": 5000}
    (tmp_path / "run.json").write_text(json.dumps({"machine": machine, "peaks": peaks}))
    with open(tmp_path / "results.csv", "w", newline="") as f:
        writer = csv.DictWriter(f, row)
        writer.writeheader()
        writer.writerow(row)
    # 80% of 20 us are FMAs; 20 kB at level 3's 10 bytes a ns take 2 us.
    assert run(tmp_path, "--kernel", "k").stdout.splitlines()[2] == "| a | 16 | 0.02 | 2 (L3) | 18 | 20 | 1.11 |"


def test_a_directory_without_a_run(tmp_path):
    assert run(tmp_path).returncode == 2
    shutil.copy(EXAMPLE / "results.csv", tmp_path)
    (tmp_path / "run.json").write_text("{}")
    result = run(tmp_path)
    assert result.returncode == 2 and len(result.stderr.splitlines()) == 1
