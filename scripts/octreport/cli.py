# SPDX-License-Identifier: MIT
"""Command line of scripts/report.py."""

from __future__ import annotations

import argparse
import gc
import re
import sys
from pathlib import Path

import matplotlib

from . import style
from .derive import Data
from .reading import Report, ReportError, read_report

BAD_INPUT = 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="report.py", description="Charts and one HTML page from report directories of octbench: DIR/charts/ "
        "and DIR/report.html.", epilog="Exit status: 0 good, 2 usage or unreadable input.")
    parser.add_argument("directories", metavar="DIR", nargs="+", help="as written by octbench run -o DIR")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--compare", action="store_true",
                      help="two directories side by side: writes compare.html and charts/compare-* into the second")
    what.add_argument("--summary", action="store_true", help="print a table for each directory, write nothing")
    parser.add_argument("--filter", metavar="RE", default="", help="keep the cases whose suite/layer matches")
    parser.add_argument("--case", metavar="ID", action="append", default=[],
                        help="draw the samples of this case_id (may be repeated)")
    return parser


def _filtered(report: Report, pattern: str) -> Data:
    if not pattern:
        return Data(report)
    try:
        name = re.compile(pattern)
    except re.error as error:
        raise ReportError(f"--filter: {error}") from None
    rows = report.results
    keep = (rows["suite"] + "/" + rows["layer"]).map(lambda text: bool(name.search(text)))
    if not keep.any():
        raise ReportError(f"{report.path}: --filter {pattern} leaves no case")
    note = f"Filtered: {keep.sum()} of {len(rows)} rows, whose suite/layer matches {pattern}"
    report.results = rows[keep].reset_index(drop=True)
    ids = set(report.results["case_id"])
    for name in ("samples", "paths", "counters"):
        frame = getattr(report, name)
        setattr(report, name, frame[frame["case_id"].isin(ids)].reset_index(drop=True))
    return Data(report, note)


def _check_cases(data: Data, cases: list[str]) -> None:
    for case in cases:
        if case not in set(data.rows["case_id"]):
            raise ReportError(f"{data.report.path}: --case {case}: no such case_id in results.csv")


def _write(arguments: argparse.Namespace) -> None:
    from .page import write_page
    for directory in arguments.directories:
        data = _filtered(read_report(directory), arguments.filter)
        _check_cases(data, arguments.case)
        print(write_page(data, arguments.case))


def _compare(arguments: argparse.Namespace) -> None:
    from .compare import write_comparison
    if len(arguments.directories) != 2:
        raise ReportError(f"--compare takes two directories, not {len(arguments.directories)}")
    first, second = (_filtered(read_report(d), arguments.filter) for d in arguments.directories)
    print(write_comparison(first, second))


def _summary(arguments: argparse.Namespace) -> None:
    from .summary import summary_text
    texts = [summary_text(_filtered(read_report(d), arguments.filter)) for d in arguments.directories]
    print("\n\n".join(texts))


def main(argv: list[str]) -> int:
    arguments = _parser().parse_args(argv)
    matplotlib.rcParams.update(style.RC)
    gc.disable()  # a short life with millions of cells in it: collecting would take a third of it
    act = _compare if arguments.compare else _summary if arguments.summary else _write
    try:
        act(arguments)
        sys.stdout.flush()
    except ReportError as error:
        print(f"report.py: {error}", file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:
        sys.stdout = None
        return 0
    except OSError as error:
        where = Path(error.filename) if error.filename else "output"
        print(f"report.py: {where}: {error.strerror}", file=sys.stderr)
        return BAD_INPUT
    return 0
