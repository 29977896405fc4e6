# SPDX-License-Identifier: MIT
"""What run.json says of machine and run. Keys that are not there are simply not shown."""

from __future__ import annotations

from typing import Any, Iterator

import pandas as pd

# Keys of an entry of run.json's `peaks`: what they are called, GFLOP/s and GB/s.
SETS = {"fma_avx512_gflops": "AVX-512 FMA", "fma_avx2_gflops": "AVX2 FMA", "fma_base_gflops": "FMA without AVX"}
CEILINGS = {"l1_gbs": "L1", "l2_gbs": "L2", "l3_gbs": "L3", "memory_gbs": "memory"}


def flatten(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Dotted key and text of every leaf; lists of plain values in one line."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flatten(inner, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(value, list) and any(isinstance(inner, (dict, list)) for inner in value):
        for i, inner in enumerate(value):
            yield from flatten(inner, f"{prefix}[{i}]")
    elif isinstance(value, list):
        yield prefix, " ".join(str(inner) for inner in value)
    elif value is not None:
        yield prefix, str(value)


def model(run: dict[str, Any]) -> str:
    """The processor's name, or an empty string."""
    machine = run.get("machine")
    for place in (machine if isinstance(machine, dict) else {}, run):
        for key in ("model", "cpu", "processor"):
            if isinstance(place.get(key), str) and place[key]:
                return " ".join(place[key].split())
    return ""


def peaks(run: dict[str, Any]) -> pd.DataFrame:
    """Measured ceilings: threads, name, kind ("compute" in GFLOP/s or "bandwidth" in GB/s), value."""
    rows = []
    given = run.get("peaks")
    for entry in given if isinstance(given, list) else [given]:
        if not isinstance(entry, dict):
            continue
        threads = entry.get("threads", 1)
        for names, kind in ((SETS, "compute"), (CEILINGS, "bandwidth")):
            for key, name in names.items():
                value = entry.get(key)
                if isinstance(value, (int, float)) and value > 0:
                    rows.append((threads, name, kind, float(value)))
    return pd.DataFrame(rows, columns=["threads", "name", "kind", "value"])
