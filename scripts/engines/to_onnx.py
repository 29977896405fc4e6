#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes model.onnx into case directories of octbench export: to_onnx.py DIRECTORY...

Needs the package onnx (Debian's python3-onnx, or scripts/engines.sh).
"""
import sys

from protocol import need


def main(directories):
    missing = need("onnx", "apt-get install python3-onnx")
    if missing:
        print("to_onnx.py: " + missing, file=sys.stderr)
        return 6
    from onnx_graph import onnx_file

    for directory in directories:
        onnx_file(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
