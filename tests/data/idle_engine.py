#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""An engine that does nothing: what it costs is the protocol's."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts" / "engines"))
from protocol import serve  # noqa: E402


class Idle:
    MODULE = "json"

    def __init__(self, threads, cpus):
        pass

    def load(self, directory):
        return "idle 1"

    def run(self):
        pass

    def outputs(self):
        return {}


if __name__ == "__main__":
    serve(Idle, "nothing")
