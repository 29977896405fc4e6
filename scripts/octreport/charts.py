# SPDX-License-Identifier: MIT
"""All charts of a report, in the order of the page."""

from __future__ import annotations

from .curves import memory_chart, speedup_chart, threads_chart
from .derive import Data
from .maps import efficiency_chart, grid_chart
from .points import breakdown_chart, roofline_chart, samples_chart
from .style import Chart, Missing


def all_charts(data: Data, cases: list[str]) -> list[Chart | Missing]:
    """Charts, and for each that the data do not allow the reason. `cases`: whose samples to draw."""
    if data.measured.empty:
        return [Missing("all", "Charts", "no case was measured")]
    return [
        speedup_chart(data),
        efficiency_chart(data, "octave_efficiency"),
        efficiency_chart(data, "self_efficiency"),
        efficiency_chart(data, "direct_efficiency"),
        breakdown_chart(data),
        roofline_chart(data),
        grid_chart(data),
        threads_chart(data),
        memory_chart(data),
        samples_chart(data, cases),
    ]
