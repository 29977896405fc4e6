# SPDX-License-Identifier: MIT
"""Bad input: one line that names the place, exit status 2, nothing written."""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from octreport.cli import main
from octreport.reading import read_report


def edit(path: Path, name: str, change) -> None:
    file = path / name
    file.write_text(change(file.read_text()))


def table(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def written(rows: list[list[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def cell(text: str, line: int, column: str, value: str) -> str:
    """`text` with one cell replaced."""
    rows = table(text)
    rows[line - 1][rows[0].index(column)] = value
    return written(rows)


def drop_column(text: str, column: str) -> str:
    rows = table(text)
    at = rows[0].index(column)
    return written([row[:at] + row[at + 1:] for row in rows])


def results(change):
    return lambda path: edit(path, "results.csv", change)


def samples(change):
    return lambda path: edit(path, "samples.csv", change)


SPOILED = {
    "no results": (lambda p: (p / "results.csv").unlink(), r"no results\.csv"),
    "empty file": (results(lambda t: ""), r"results\.csv:1: empty file"),
    "only a header": (results(lambda t: t.split("\n")[0] + "\n"), r"results\.csv:1: only a header"),
    "not a report's CSV": (results(lambda t: "a,b,c\n1,2,3\n"), r"results\.csv:1: this is not the header"),
    "an older schema's columns": (results(lambda t: drop_column(t, "plan_ns")), r"results\.csv:1: columns missing: "
                                                                                r"plan_ns"),
    "an older schema": (results(lambda t: cell(t, 2, "schema", "0")), r"results\.csv:2: schema 0 is older"),
    "a newer schema": (results(lambda t: cell(t, 3, "schema", "3")), r"results\.csv:3: schema 3 is newer"),
    "torn in a row": (results(lambda t: t[:-40]), r"results\.csv:\d+: (the last line is cut short|\d+ cells where)"),
    "torn at the line's end": (results(lambda t: t[:-1]), r"results\.csv:5: the last line is cut short"),
    "too few cells": (results(lambda t: t + "1,2,3\n"), r"results\.csv:6: 3 cells where the header has 77"),
    "open quote": (results(lambda t: t.replace("\n", '\n"', 1)), r"results\.csv:\d+: (not CSV|\d+ cells)"),
    "not a number": (results(lambda t: cell(t, 3, "t_median_ns", "fast")),
                     r"results\.csv:3: column t_median_ns: 'fast' is not a number above 0"),
    "not a number that Python would take": (results(lambda t: cell(t, 3, "speedup", "1_0")),
                                            r"results\.csv:3: column speedup: '1_0'"),
    "nan": (results(lambda t: cell(t, 2, "gflops", "nan")), r"results\.csv:2: column gflops: 'nan' is not a number"),
    "infinite": (results(lambda t: cell(t, 2, "speedup_hi", "inf")), r"results\.csv:2: column speedup_hi: 'inf'"),
    "negative time": (results(lambda t: cell(t, 4, "t_min_ns", "-5")), r"results\.csv:4: column t_min_ns: '-5'"),
    "half a thread": (results(lambda t: cell(t, 2, "threads", "1.5")),
                      r"results\.csv:2: column threads: '1\.5' is not an integer"),
    "no kernel": (results(lambda t: cell(t, 2, "kernel", "")), r"results\.csv:2: column kernel is empty"),
    "no extent": (results(lambda t: cell(t, 2, "h", "")), r"results\.csv:2: column h is empty"),
    "unknown status": (results(lambda t: cell(t, 2, "status", "fine")), r"results\.csv:2: column status: 'fine'"),
    "a case twice": (results(lambda t: t + t.split("\n")[1] + "\n"), r"results\.csv:6: case \w+ has a row already"),
    "a column twice": (results(lambda t: t.replace("schema,run_id", "schema,schema", 1)),
                       r"results\.csv:1: column schema appears twice"),
    "not text": (lambda p: (p / "results.csv").write_bytes(b"\xff\xfe\x00a\n"), r"results\.csv:1: not (UTF-8|CSV)"),
    "NUL": (results(lambda t: t + "\0\n"), r"results\.csv:6: "),
    "results.csv is a directory": (lambda p: ((p / "results.csv").unlink(), (p / "results.csv").mkdir()),
                                   r"results\.csv: Is a directory"),
    "torn samples": (samples(lambda t: t[:-3]), r"samples\.csv:\d+: "),
    "samples without time": (samples(lambda t: cell(t, 4, "ns", "0")), r"samples\.csv:4: column ns: '0' is not a"),
    "samples of another schema": (samples(lambda t: t.replace("iters", "iterations", 1)),
                                  r"samples\.csv:1: columns missing: iters"),
    "empty samples": (samples(lambda t: ""), r"samples\.csv:1: empty file"),
    "paths with words": (lambda p: edit(p, "paths.csv", lambda t: cell(t, 2, "ns", "x")), r"paths\.csv:2: column ns"),
    "counters with words": (lambda p: edit(p, "counters.csv", lambda t: cell(t, 2, "per_iter", "x")),
                            r"counters\.csv:2: column per_iter"),
    "broken JSON": (lambda p: edit(p, "run.json", lambda t: t[:-5]), r"run\.json:\d+: not JSON"),
    "JSON, but a list": (lambda p: edit(p, "run.json", lambda t: "[]\n"), r"run\.json:1: not a JSON object"),
    "JSON, too deep": (lambda p: edit(p, "run.json", lambda t: "[" * 100000), r"run\.json:1: not JSON"),
}


@pytest.mark.parametrize("action", [[], ["--summary"]], ids=["page", "summary"])
@pytest.mark.parametrize("name", SPOILED)
def test_spoiled_report(tiny, capsys, name, action):
    spoil, message = SPOILED[name]
    spoil(tiny)
    assert main([*action, str(tiny)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1 and err.startswith("report.py: ")
    assert re.search(message, err), err
    assert not (tiny / "report.html").exists() and not (tiny / "charts").exists()


@pytest.mark.parametrize("arguments, message", [
    (["/nonexistent/report"], "no such directory"),
    (["--filter", "(", "DIR"], "--filter: "),
    (["--filter", "nothing like it", "DIR"], "leaves no case"),
    (["--case", "0123", "DIR"], "no such case_id"),
    (["--compare", "DIR"], "takes two directories, not 1"),
    (["--compare", "DIR", "DIR", "DIR"], "takes two directories, not 3"),
])
def test_usage(tiny, capsys, arguments, message):
    assert main([str(tiny) if a == "DIR" else a for a in arguments]) == 2
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1


def test_an_output_that_was_no_number(tiny, capsys):
    """reports/README.md: `inf` in max_abs_err."""
    edit(tiny, "results.csv", lambda t: cell(cell(t, 2, "max_abs_err", "inf"), 2, "status", "wrong"))
    assert main(["--summary", str(tiny)]) == 0


def test_process_ends_without_a_traceback(tiny):
    (tiny / "results.csv").write_text("")
    done = subprocess.run([sys.executable, ROOT / "scripts" / "report.py", tiny], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 2
    assert done.stderr == f"report.py: {tiny}/results.csv:1: empty file, without even a header\n"


def test_page_that_cannot_be_written(tiny, capsys):
    (tiny / "charts").write_text("in the way")
    assert main([str(tiny)]) == 2
    assert "charts" in capsys.readouterr().err


def test_unknown_columns_and_another_order_are_read(tiny, capsys):
    text = (tiny / "samples.csv").read_text().rstrip("\n").split("\n")
    turned = [",".join([*reversed(line.split(",")), "more"]) for line in text]
    before = main(["--summary", str(tiny)]), capsys.readouterr().out
    (tiny / "samples.csv").write_text("\n".join(turned) + "\n")
    assert (main(["--summary", str(tiny)]), capsys.readouterr().out) == before


def test_schema_1_is_read():
    """A report that was written before schema 2 added columns."""
    report = read_report(Path(__file__).parents[1] / "data" / "schema1")
    assert len(report.results) == 7 and (report.results["kind"] == "").all()
    assert report.results["act_peak_bytes"].isna().all()
