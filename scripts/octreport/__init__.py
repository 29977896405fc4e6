# SPDX-License-Identifier: MIT
"""Charts, tables and one HTML page from a report directory of octbench. See docs/charts.md."""
