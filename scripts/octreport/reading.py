# SPDX-License-Identifier: MIT
"""Reads a report directory. Whatever is wrong with it becomes one ReportError, `file:line: message`."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pandas as pd

SCHEMA = 2
SCHEMAS = (1, 2)  # columns that schema 2 added are read where they are there
STATUSES = ("ok", "unsupported", "wrong", "error", "skipped")

TEXT, INT, REAL, NEED_TEXT, NEED_INT, POSITIVE, REAL_OR_INF = range(7)


# The columns of bench/report/results.h. NEED_*: a row says nothing without it. POSITIVE: a real above 0, or empty.
# REAL_OR_INF: `inf` says that an output was not a number.
RESULTS = {
    "schema": NEED_INT, "run_id": TEXT, "case_id": NEED_TEXT, "group_id": NEED_TEXT, "suite": TEXT,
    "layer": NEED_TEXT, "n": NEED_INT, "c_in": NEED_INT, "c_out": NEED_INT, "d": NEED_INT, "h": NEED_INT,
    "w": NEED_INT, "kd": NEED_INT, "kh": NEED_INT, "kw": NEED_INT, "stride": NEED_INT, "pad": TEXT,
    "dilation": NEED_INT, "groups": TEXT, "bands": NEED_INT, "alpha_in": REAL, "alpha_out": REAL,
    "down": TEXT, "paths": TEXT, "dtype": TEXT, "epilogue": TEXT, "cache": TEXT, "kernel": NEED_TEXT,
    "isa": TEXT, "impl": TEXT, "threads": NEED_INT, "status": NEED_TEXT, "reason": TEXT, "macs": INT,
    "macs_vanilla": INT, "act_bytes": INT, "act_bytes_vanilla": INT, "weight_bytes": INT,
    "theory_speedup": POSITIVE, "plan_ns": INT, "samples": INT, "iters": INT, "t_min_ns": POSITIVE,
    "t_median_ns": POSITIVE, "t_ci_lo_ns": POSITIVE, "t_ci_hi_ns": POSITIVE, "t_p90_ns": POSITIVE,
    "gflops": REAL, "pct_peak": REAL, "vanilla_kernel": TEXT, "vanilla_median_ns": POSITIVE,
    "speedup": POSITIVE, "speedup_lo": POSITIVE, "speedup_hi": POSITIVE, "octave_efficiency": POSITIVE,
    "self_speedup": POSITIVE, "self_efficiency": POSITIVE, "max_abs_err": REAL_OR_INF, "err_bound": REAL,
    "cycles": REAL, "instructions": REAL, "ipc": REAL, "freq_ghz": REAL, "llc_misses": REAL,
    "steal_pct": REAL, "rerun": TEXT,
}
# Since schema 2: empty where the file is of schema 1.
RESULTS_2 = {
    "kind": TEXT, "network": TEXT, "library": TEXT, "algorithm": TEXT, "machine_id": TEXT, "stride_d": INT,
    "stride_h": INT, "stride_w": INT, "pads": TEXT, "act_peak_bytes": INT, "t_p99_ns": POSITIVE,
}
SAMPLES = {"case_id": NEED_TEXT, "launch": NEED_INT, "round": NEED_INT, "order": NEED_INT,
           "iters": POSITIVE, "ns": POSITIVE, "disturbed": NEED_INT}
PATHS = {"case_id": NEED_TEXT, "path": NEED_TEXT, "macs": INT, "ns": REAL, "share": REAL}
COUNTERS = {"case_id": NEED_TEXT, "counter": NEED_TEXT, "per_iter": REAL, "how": TEXT,
            "running_ratio": REAL}


class ReportError(Exception):
    """What is wrong with the input, in one line."""


@dataclass
class Report:
    """The files of one directory. A file that is not there is an empty frame and a name in `absent`."""

    path: Path
    results: pd.DataFrame
    samples: pd.DataFrame
    paths: pd.DataFrame
    counters: pd.DataFrame
    run: dict[str, Any]
    absent: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.path.resolve().name


def _to_int(text: str) -> float:
    return float(int(text))


def _to_real(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError
    return value


def _to_real_or_inf(text: str) -> float:
    return math.inf if text == "inf" else _to_real(text)


def _to_positive(text: str) -> float:
    value = _to_real(text)
    if value <= 0:
        raise ValueError
    return value


_NUMBERS: dict[int, tuple[Callable[[str], float], str]] = {
    INT: (_to_int, "an integer"),
    NEED_INT: (_to_int, "an integer"),
    REAL: (_to_real, "a number"),
    POSITIVE: (_to_positive, "a number above 0"),
    REAL_OR_INF: (_to_real_or_inf, "a number or inf"),
}


def _column(cells: list[str], kind: int, name: str, where: Callable[[int], str]) -> Any:
    """One column as strings, or as floats with NaN where the cell is empty."""
    if kind in (NEED_TEXT, NEED_INT) and "" in cells:
        raise ReportError(f"{where(cells.index(''))}: column {name} is empty")
    if kind in (TEXT, NEED_TEXT):
        return cells
    values = _quick_numbers(cells, kind)
    if values is None:
        values = _slow_numbers(cells, kind, name, where)
    return values.astype(np.int64) if kind == NEED_INT else values


def _quick_numbers(cells: list[str], kind: int) -> np.ndarray | None:
    """None where a cell is not what it should be; which one, _slow_numbers says."""
    if "_" in "".join(cells):
        return None
    empty = cells.count("")
    if empty == len(cells):
        return np.full(len(cells), np.nan)
    try:
        values = np.array([float(cell or "nan") for cell in cells] if empty else list(map(float, cells)))
    except ValueError:
        return None
    there = np.isfinite(values)
    if there.sum() != len(cells) - empty:
        return None
    if kind == POSITIVE and (values[there] <= 0).any():
        return None
    if kind in (INT, NEED_INT) and (values[there] != np.floor(values[there])).any():
        return None
    return values


def _slow_numbers(cells: list[str], kind: int, name: str, where: Callable[[int], str]) -> np.ndarray:
    convert, what = _NUMBERS[kind]
    values = np.full(len(cells), np.nan)
    for i, cell in enumerate(cells):
        if cell == "":
            continue
        try:
            values[i] = convert(cell.replace("_", "x"))  # Python's own 1_000 is no CSV number
        except (ValueError, OverflowError):
            raise ReportError(f"{where(i)}: column {name}: {cell[:40]!r} is not {what}") from None
    return values


def _check_header(path: Path, header: list[str], spec: dict[str, int]) -> None:
    if len(set(header)) != len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise ReportError(f"{path}:1: column {twice} appears twice")
    missing = [name for name in spec if name not in header]
    if not missing:
        return
    if len(header) == 1 and ";" in header[0]:
        raise ReportError(f"{path}:1: columns are parted by semicolons, as some spreadsheets save them; save it with "
                          "commas, and with points in numbers")
    if len(missing) > len(spec) // 2:
        raise ReportError(f"{path}:1: this is not the header of a report ({len(missing)} of {len(spec)} "
                          f"columns are missing, {missing[0]} first)")
    raise ReportError(f"{path}:1: columns missing: {', '.join(missing)} (another schema than {SCHEMA}? "
                      "measure again with this revision)")


def _ends_in_newline(path: Path) -> bool:
    with path.open("rb") as f:
        f.seek(-1, 2)
        return f.read(1) == b"\n"


def _rows(path: Path, spec: dict[str, int]) -> tuple[list[str], list[list[str]], list[int]]:
    """Header, rows and the line on which each row ends."""
    lines: list[int] = []
    rows: list[list[str]] = []
    with path.open(encoding="utf-8-sig", newline="") as f:
        reader = csv.reader(f, strict=True)
        try:
            header = next(reader, [])
            _check_header(path, header, spec)
            for row in reader:
                if len(row) != len(header):
                    raise ReportError(f"{path}:{reader.line_num}: {len(row)} cells where the header has "
                                      f"{len(header)} columns")
                rows.append(row)
                lines.append(reader.line_num)
        except csv.Error as error:
            raise ReportError(f"{path}:{reader.line_num}: not CSV: {error}") from None
        except UnicodeDecodeError:
            raise ReportError(f"{path}:{reader.line_num + 1}: not UTF-8 text") from None
    return header, rows, lines


def read_csv(path: Path, spec: dict[str, int], optional: dict[str, int] | None = None) -> pd.DataFrame:
    """The columns of `spec`, and those of `optional`, empty where the file has none; others are left unread.
    `line` is where the row ends in the file."""
    try:
        if path.stat().st_size == 0:
            raise ReportError(f"{path}:1: empty file, without even a header")
        torn = not _ends_in_newline(path)
        header, rows, lines = _rows(path, spec)
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror}") from None
    if torn:
        raise ReportError(f"{path}:{lines[-1] if lines else 1}: the last line is cut short; finish the run "
                          "with octbench run --resume")
    by_column = list(zip(*rows)) if rows else [()] * len(header)
    data = {}
    for name, kind in {**spec, **(optional or {})}.items():
        cells = list(by_column[header.index(name)]) if name in header else [""] * len(rows)
        data[name] = _column(cells, kind, name, lambda i: f"{path}:{lines[i]}")
    frame = pd.DataFrame(data)
    frame["line"] = np.array(lines, dtype=np.int64)
    return frame


def _first_line(frame: pd.DataFrame, bad: pd.Series) -> int:
    return int(frame.loc[bad, "line"].iloc[0])


def _check_results(path: Path, results: pd.DataFrame) -> None:
    if results.empty:
        raise ReportError(f"{path}:1: only a header: nothing was measured")
    other = ~results["schema"].isin(SCHEMAS)
    if other.any():
        found = int(results.loc[other, "schema"].iloc[0])
        age = "older" if found < SCHEMAS[0] else "newer"
        raise ReportError(f"{path}:{_first_line(results, other)}: schema {found} is {age} than the "
                          f"{' and '.join(map(str, SCHEMAS))} that this script reads")
    unknown = ~results["status"].isin(STATUSES)
    if unknown.any():
        word = results.loc[unknown, "status"].iloc[0]
        raise ReportError(f"{path}:{_first_line(results, unknown)}: column status: {word[:40]!r} is none of "
                          f"{', '.join(STATUSES)}")
    twice = results["case_id"].duplicated()
    if twice.any():
        word = results.loc[twice, "case_id"].iloc[0]
        raise ReportError(f"{path}:{_first_line(results, twice)}: case {word} has a row already")


def _read_run(path: Path, absent: list[str]) -> dict[str, Any]:
    if not path.exists():
        absent.append(path.name)
        return {}
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ReportError(f"{path}:1: not UTF-8 text") from None
    except (json.JSONDecodeError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        raise ReportError(f"{path}:{line}: not JSON: {getattr(error, 'msg', 'nested too deep')}") from None
    if not isinstance(run, dict):
        raise ReportError(f"{path}:1: not a JSON object")
    return run


def _read_optional(path: Path, spec: dict[str, int], absent: list[str]) -> pd.DataFrame:
    if path.exists():
        return read_csv(path, spec)
    absent.append(path.name)
    return pd.DataFrame({name: pd.Series(dtype=object if kind in (TEXT, NEED_TEXT) else float)
                         for name, kind in spec.items()})


def read_report(directory: str | Path) -> Report:
    """Everything in a report directory, checked. ReportError on the first thing that is wrong."""
    path = Path(directory)
    if not path.is_dir():
        raise ReportError(f"{path}: {'not a directory' if path.exists() else 'no such directory'}")
    if not (path / "results.csv").exists():
        raise ReportError(f"{path}: no results.csv: this is not a report directory")
    absent: list[str] = []
    results = read_csv(path / "results.csv", RESULTS, RESULTS_2)
    _check_results(path / "results.csv", results)
    samples = _read_optional(path / "samples.csv", SAMPLES, absent)
    # A killed and resumed run measures a group again: what was written last counts.
    samples = samples.drop_duplicates(["case_id", "launch", "round"], keep="last", ignore_index=True)
    return Report(
        path=path,
        results=results,
        samples=samples[samples["case_id"].isin(results["case_id"])].reset_index(drop=True),
        paths=_read_optional(path / "paths.csv", PATHS, absent),
        counters=_read_optional(path / "counters.csv", COUNTERS, absent),
        run=_read_run(path / "run.json", absent),
        absent=absent,
    )
