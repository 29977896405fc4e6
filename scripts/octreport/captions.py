# SPDX-License-Identifier: MIT
"""What captions have in common: on what, how often, and what was left out."""

from __future__ import annotations

import pandas as pd

from .derive import Data
from .machine import model


def spread_evenly(items: list[str], count: int) -> list[str]:
    """At most `count` of the items, evenly spaced through the list, both ends among them."""
    if len(items) <= count:
        return items
    return [items[round(i * (len(items) - 1) / (count - 1))] for i in range(count)]


def layers_text(count: int) -> str:
    return f"{count} layer{'' if count == 1 else 's'}"


def chosen_text(shown: int, there: int, what: str) -> str:
    if shown == there:
        return ""
    return f" Shown are {shown} of {there} {what}, evenly spaced through the run's order; the table has all."


def _settings_text(rows: pd.DataFrame) -> str:
    """Of threads, type and caches, as many as there are."""
    found = list(rows["setting"].drop_duplicates())
    return " and ".join(found) if len(found) <= 3 else f"{len(found)} settings, {found[0]} to {found[-1]}"


def common_caption(data: Data, rows: pd.DataFrame) -> str:
    """On what, and how often."""
    where = model(data.report.run) or "Machine not recorded"
    kept = rows["samples"].dropna()
    often = ""
    if len(kept):
        low, high = int(kept.min()), int(kept.max())
        often = f"; {low} samples a case" if low == high else f"; {low} to {high} samples a case"
    return f"{where}; {_settings_text(rows)} caches{often}, all cases of a layer in the same rounds."


def slow_text(data: Data) -> str:
    if not data.slow:
        return ""
    return f" Left out, as slower than a quarter of the fastest vanilla: {', '.join(data.slow)}."
