# SPDX-License-Identifier: MIT
"""ONNX models of case directories. Every band is a tensor of its own."""
import os
import pathlib

import numpy
import onnx
from onnx import TensorProto, checker, helper, numpy_helper

from case import Case

OPSET, IR_VERSION = 13, 7  # old enough for every engine; Resize and Clip have had their form since


class Graph:
    """The nodes written so far. What would be computed twice is computed once."""

    def __init__(self, case):
        self.case, self.nodes, self.constants = case, [], {}
        self.known, self.last = {}, None

    def add(self, op, *inputs, output=None, **attributes):
        """The name of the output, which is `output` where given."""
        key = (op, inputs, repr(sorted(attributes.items())))
        if output is None and key in self.known:
            return self.known[key]
        name = output or f"t{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(op, list(inputs), [name], name=f"{op}_{len(self.nodes)}", **attributes))
        self.known[key], self.last = name, key
        return name

    def constant(self, name, array):
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(array, name)
        return name

    def weights(self, name):
        return self.constant(name, self.case.tensor(name))

    def numbers(self, values, kind):
        array = numpy.array(values, kind)
        return self.constant("_".join([kind, *(f"{v:g}" for v in array.flatten())]), array)

    def finish(self, tensor, output):
        """Gives the tensor its name at last."""
        if self.nodes and self.nodes[-1].output[0] == tensor:
            self.nodes[-1].output[0] = self.known[self.last] = output
            return
        self.add("Identity", tensor, output=output)


# ---- an octave convolution -------------------------------------------------------------------------------


def pooled(graph, tensor, log2, axes):
    if log2 == 0:
        return tensor
    window = [1] * (axes - 2) + [1 << log2] * 2
    return graph.add("AveragePool", tensor, kernel_shape=window, strides=window, ceil_mode=1,
                     count_include_pad=0)


def upsampled(graph, tensor, log2, shape):
    """Nearest neighbour, cropped to `shape`."""
    if log2 == 0:
        return tensor
    factor, rank = 1 << log2, len(shape)
    scales = graph.numbers([1] * (rank - 2) + [factor] * 2, "float32")
    tensor = graph.add("Resize", tensor, "", scales, mode="nearest", nearest_mode="floor",
                       coordinate_transformation_mode="asymmetric")
    if shape[-1] % factor == 0 and shape[-2] % factor == 0:
        return tensor
    return graph.add("Slice", tensor, graph.numbers([0, 0], "int64"), graph.numbers(shape[-2:], "int64"),
                     graph.numbers([rank - 2, rank - 1], "int64"))


def path_sum(graph, path, bias, shape):
    tensor, axes = path["input"], len(path["kernel"])
    for log2 in path["pools"]:
        tensor = pooled(graph, tensor, log2, axes)
    inputs = [tensor, graph.weights(path["weights"])] + ([graph.weights(bias)] if bias else [])
    tensor = graph.add("Conv", *inputs, kernel_shape=path["kernel"], strides=path["strides"],
                       dilations=path["dilations"], pads=path["pads"], group=path["groups"])
    return upsampled(graph, tensor, path["up"], shape)


def empty_sum(graph, band):
    """What a band gets that no path leads to."""
    zeros = numpy.zeros(band["shape"], "float32")
    if band["bias"]:
        zeros += graph.case.tensor(band["bias"]).reshape([-1] + [1] * (zeros.ndim - 2))
    return graph.constant("fixed_" + band["name"], zeros)


def activated(graph, tensor, activation):
    if activation == "relu":
        return graph.add("Relu", tensor)
    if activation == "relu6":
        return graph.add("Clip", tensor, graph.numbers(0, "float32"), graph.numbers(6, "float32"))
    return tensor


def octconv(graph, node):
    """The path at the band's own resolution comes first and takes the bias: an engine that fuses sums into
    convolutions can then fuse this one."""
    for band in node["outputs"]:
        paths = sorted((p for p in node["paths"] if p["output"] == band["name"]), key=lambda p: p["up"])
        bias, tensor = band["bias"], None
        for path in paths:
            term = path_sum(graph, path, bias, band["shape"])
            tensor, bias = term if tensor is None else graph.add("Add", tensor, term), None
        tensor = tensor or empty_sum(graph, band)
        if band["residual"]:
            tensor = graph.add("Add", tensor, band["residual"])
        graph.finish(activated(graph, tensor, node["activation"]), band["name"])


OPERATIONS = {"octconv": octconv}  # of a network's nodes: one function each


# ---- the file --------------------------------------------------------------------------------------------


def model_of(case):
    graph = Graph(case)
    for node in case.nodes:
        if node["op"] not in OPERATIONS:
            raise NotImplementedError(f"no ONNX for the operation {node['op']}")
        OPERATIONS[node["op"]](graph, node)

    def values(entries):
        return [helper.make_tensor_value_info(e["name"], TensorProto.FLOAT, e["shape"]) for e in entries]

    model = helper.make_model(
        helper.make_graph(graph.nodes, case.name, values(case.inputs), values(case.outputs),
                          initializer=list(graph.constants.values())),
        producer_name="octbench", opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = IR_VERSION
    checker.check_model(model, full_check=True)
    return model


def onnx_file(directory):
    """The path of the directory's model.onnx, written where it is not there yet."""
    path = pathlib.Path(directory) / "model.onnx"
    if not path.exists():
        partial = path.with_suffix(f".{os.getpid()}")
        onnx.save(model_of(Case(directory)), str(partial))
        partial.replace(path)
    return str(path)
