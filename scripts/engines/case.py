# SPDX-License-Identifier: MIT
"""A case directory as octbench writes it (docs/engines.md): case.json, and a .npy file for every tensor."""
import json
import pathlib

import numpy

SCHEMA = 1


class Case:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        with open(self.directory / "case.json", encoding="utf-8") as file:
            description = json.load(file)
        if description["schema"] != SCHEMA:
            raise NotImplementedError(f"a case of schema {description['schema']}; this reads schema {SCHEMA}")
        self.name = description["name"]
        self.inputs, self.outputs = description["inputs"], description["outputs"]  # lists of {name, shape}
        self.nodes = description["nodes"]

    def tensor(self, name):
        return numpy.load(self.directory / (name + ".npy"))

    def input_names(self):
        return [entry["name"] for entry in self.inputs]

    def output_names(self):
        return [entry["name"] for entry in self.outputs]

    def input_arrays(self):
        return {name: self.tensor(name) for name in self.input_names()}
