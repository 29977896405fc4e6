#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Charts, one HTML page and a summary from report directories of octbench: see docs/charts.md."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

try:
    from octreport.cli import main
except ModuleNotFoundError as error:
    if error.name and error.name.split(".")[0] in ("matplotlib", "pandas", "numpy"):
        sys.exit(f"report.py: Python module {error.name} is missing: "
                 "apt-get install python3-matplotlib python3-pandas")
    raise

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
