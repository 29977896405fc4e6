# SPDX-License-Identifier: MIT
"""scripts/doc_tables.py, and that README.md and docs/ hold what it prints."""

import csv
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "doc_tables.py"
EXAMPLE = ROOT / "reports" / "example"


def run(*args):
    return subprocess.run([sys.executable, SCRIPT, *map(str, args)], capture_output=True, text=True, cwd=ROOT)


@pytest.mark.parametrize("document", ["README.md", "docs/ci.md", "docs/kernels.md", "docs/measuring.md"])
def test_the_document_holds_what_the_script_prints(document):
    held = re.findall(r"<!-- scripts/doc_tables.py (.*?) -->\n(.*?)<!-- end -->", (ROOT / document).read_text(), re.S)
    assert held
    for command, table in held:
        assert table == run(*command.split()).stdout, command


def write_run(directory, rows, run_json):
    (directory / "run.json").write_text(json.dumps(run_json))
    with open(directory / "results.csv", "w", newline="") as f:
        writer = csv.DictWriter(f, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def test_layers_by_hand(tmp_path):
    row = {"layer": "a", "kernel": "f32_avx512_direct", "threads": 1, "status": "ok", "alpha_in": 0, "alpha_out": 0,
           "theory_speedup": 1, "t_median_ns": 9000}
    octave = row | {"alpha_in": 0.5, "alpha_out": 0.5, "theory_speedup": 2.5, "t_median_ns": 4000}
    write_run(tmp_path, [row, row | {"kernel": "f32_onednn_winograd", "t_median_ns": 3000},
                         row | {"kernel": "f32_onednn_postop", "t_median_ns": 8000}, octave,
                         row | {"status": "unsupported", "t_median_ns": ""}], {})
    assert run("layers", tmp_path).stdout.splitlines()[2:] == ["| a | 3 | 8 | - | - | 4 | 2.00 | 2.50 | 0.80 |"]


def test_means_by_hand(tmp_path):
    row = {"suite": "bottleneck", "layer": "a", "kernel": "f32_avx512_direct", "threads": 1, "status": "ok", "kh": 1,
           "alpha_in": 0, "alpha_out": 0, "theory_speedup": 1, "t_median_ns": 8000, "pct_peak": 90}
    octave = row | {"alpha_in": 0.5, "alpha_out": 0.5, "theory_speedup": 2, "t_median_ns": 4000}
    write_run(tmp_path, [row, row | {"kernel": "f32_onednn_postop", "t_median_ns": 7200}, octave,
                         octave | {"kernel": "f32_onednn_postop", "t_median_ns": 5000},
                         octave | {"suite": "two_threads", "threads": 2, "t_median_ns": 2000},
                         row | {"suite": "two_threads", "threads": 2, "t_median_ns": 4000},
                         row | {"suite": "two_threads", "threads": 2, "kernel": "f32_onednn_postop"}], {})
    lines = run("means", tmp_path).stdout.splitlines()[2:]
    assert "| efficiency against the fastest direct vanilla kernel | 0.900 | 0.900 |" in lines
    assert "| self-efficiency | 1.000 | 1.000 |" in lines
    assert "| times faster than `f32_onednn_postop` | 1.250 | 1.250 |" in lines
    assert "| own vanilla against oneDNN's direct one | 0.900 | 0.900 |" in lines
    assert "| two threads against one | 2.000 | 2.000 |" in lines


def test_distance_by_hand(tmp_path):
    path = tmp_path / "distance.csv"
    path.write_text('machine,layer,kernel,cores,line_ns,times,one_us,two_us,one_over_two\n"A, b",a,k,near,56,9,625.2,312.6,2.000\n')
    assert run("distance", path).stdout.splitlines()[2:] == ["| a | `k` | near | 56 | 625 | 313 | 2.00 |"]


def test_fill_writes_the_table_between_its_marks(tmp_path):
    document = tmp_path / "d.md"
    document.write_text("a\n<!-- scripts/doc_tables.py model reports/example -->\nold\n<!-- end -->\nb\n")
    assert run("fill", document).returncode == 0
    assert run("model", EXAMPLE).stdout in document.read_text() and "old" not in document.read_text()


def test_a_prediction_by_hand(tmp_path):
    machine = {"l2_bytes": 1000, "l3_bytes": 100000}
    peaks = [{"threads": 1, "l2_gbs": 50, "l3_gbs": 10, "memory_gbs": 2}]
    row = {"layer": "a", "kernel": "k", "threads": 1, "status": "ok", "alpha_in": 0.5, "alpha_out": 0.5,
           "pct_peak": 80, "t_median_ns": 20000, "act_bytes": 15000, "weight_bytes": 5000}
    write_run(tmp_path, [row], {"machine": machine, "peaks": peaks})
    # 80% of 20 us are FMAs; 20 kB at level 3's 10 bytes a ns take 2 us.
    assert run("model", tmp_path, "--kernel", "k").stdout.splitlines()[2] == "| a | 16 | 0.02 | 2 (L3) | 18 | 20 | 1.11 |"


def test_a_directory_without_a_run(tmp_path):
    assert run("model", tmp_path).returncode == 2
    shutil.copy(EXAMPLE / "results.csv", tmp_path)
    (tmp_path / "run.json").write_text("{}")
    result = run("model", tmp_path)
    assert result.returncode == 2 and len(result.stderr.splitlines()) == 1


def test_networks_by_hand(tmp_path):
    table = tmp_path / "net.csv"
    table.write_text("network,alpha,kernel,threads,macs,median_ms,min_ms,speedup,speedup_lo,speedup_hi,theory,"
                     "octave_efficiency,arena_bytes\nn,0.5,auto,1,2000000,1.26,1,1.5,1,2,1.75,0.857,3000000\n\nnetwork,node\nn,a\n")
    lines = run("networks", table).stdout.splitlines()
    assert len(lines) == 3
    assert lines[2] == "| 0.5 | `auto` | 2 | 1.3 | 1.50 | 1.75 | 0.86 | 3.00 |"
