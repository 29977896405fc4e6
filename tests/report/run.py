#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs the tests of scripts/report.py; exit status 77 (skipped) where Debian's packages are not installed."""

import importlib.util
import sys
from pathlib import Path

NEEDED = {"pytest": "python3-pytest", "matplotlib": "python3-matplotlib", "pandas": "python3-pandas"}

missing = [package for module, package in NEEDED.items() if importlib.util.find_spec(module) is None]
if missing:
    print(f"skipped: apt-get install {' '.join(missing)}")
    sys.exit(77)

import pytest  # noqa: E402  (only once it is known to be there)

sys.dont_write_bytecode = True
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", str(Path(__file__).parent), *sys.argv[1:]]))
