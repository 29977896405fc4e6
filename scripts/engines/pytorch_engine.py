#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""PyTorch on the processor, as an engine of octbench (docs/engines.md): traced, frozen, optimised for inference.

It builds its operators from case.json, as PyTorch reads no ONNX.
"""
import os

from protocol import serve


def pooled(x, log2):
    from torch.nn import functional

    if log2 == 0:
        return x
    window = (1,) * (x.dim() - 4) + (1 << log2,) * 2
    pool = functional.avg_pool2d if x.dim() == 4 else functional.avg_pool3d
    return pool(x, window, window, ceil_mode=True, count_include_pad=False)


def upsampled(x, log2, shape):
    from torch.nn import functional

    if log2 == 0:
        return x
    factors = (1.0,) * (x.dim() - 4) + (float(1 << log2),) * 2
    return functional.interpolate(x, scale_factor=factors, mode="nearest")[..., :shape[-2], :shape[-1]]


def convolved(x, path, weights, bias):
    """Zeros that differ between the two sides of an axis are added first."""
    from torch.nn import functional

    axes = len(path["kernel"])
    before, after = path["pads"][:axes], path["pads"][axes:]
    if before != after:
        x = functional.pad(x, [p for pair in zip(reversed(before), reversed(after)) for p in pair])
        before = [0] * axes
    convolve = functional.conv2d if axes == 2 else functional.conv3d
    return convolve(x, weights, bias, path["strides"], before, path["dilations"], path["groups"])


class Model:
    """A function of the case's inputs. Weights that it knows before it is traced become constants."""

    def __init__(self, case):
        self.case, self.known = case, {}

    def weights(self, name):
        import torch

        if name not in self.known:
            self.known[name] = torch.from_numpy(self.case.tensor(name))
        return self.known[name]

    def octconv(self, node, values):
        import torch

        for band in node["outputs"]:
            paths = sorted((p for p in node["paths"] if p["output"] == band["name"]), key=lambda p: p["up"])
            bias, total = band["bias"], None
            for path in paths:
                x = values[path["input"]]
                for log2 in path["pools"]:
                    x = pooled(x, log2)
                term = convolved(x, path, self.weights(path["weights"]), self.weights(bias) if bias else None)
                term = upsampled(term, path["up"], band["shape"])
                total, bias = term if total is None else total + term, None
            if total is None:
                total = torch.zeros(band["shape"])
                if bias:
                    total = total + self.weights(bias).reshape([-1] + [1] * (total.dim() - 2))
            if band["residual"]:
                total = total + values[band["residual"]]
            values[band["name"]] = self.activated(total, node["activation"])

    @staticmethod
    def activated(x, activation):
        from torch.nn import functional

        return {"relu": functional.relu, "relu6": functional.relu6}.get(activation, lambda y: y)(x)

    def forward(self, *inputs):
        values = dict(zip(self.case.input_names(), inputs))
        for node in self.case.nodes:
            if node["op"] != "octconv":
                raise NotImplementedError(f"no PyTorch for the operation {node['op']}")
            self.octconv(node, values)
        return tuple(values[name] for name in self.case.output_names())


class PyTorch:
    MODULE = "torch"

    def __init__(self, threads, cpus):
        if len(cpus) == threads:
            os.environ["GOMP_CPU_AFFINITY"] = " ".join(map(str, cpus))
        os.environ["OMP_NUM_THREADS"] = str(threads)
        self.threads = threads

    def load(self, directory):
        import torch
        from case import Case

        torch.set_num_threads(self.threads)
        case = Case(directory)
        model, holder = Model(case), torch.nn.Module()
        holder.forward = model.forward
        self.inputs = [torch.from_numpy(array) for array in case.input_arrays().values()]
        self.names = case.output_names()
        with torch.inference_mode():
            model.forward(*self.inputs)
            traced = torch.jit.trace(holder.eval(), self.inputs, check_trace=False)
            self.model = torch.jit.optimize_for_inference(torch.jit.freeze(traced))
        for _ in range(3):  # its executor profiles the first calls and compiles anew
            self.run()
        self.results = ()
        return "pytorch " + torch.__version__

    def run(self):
        import torch

        with torch.inference_mode():
            self.results = self.model(*self.inputs)

    def outputs(self):
        return {name: tensor.numpy() for name, tensor in zip(self.names, self.results)}


if __name__ == "__main__":
    serve(PyTorch, "apt-get install python3-torch")
