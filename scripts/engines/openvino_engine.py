#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""OpenVINO on the processor, as an engine of octbench (docs/engines.md)."""
from protocol import serve


class OpenVino:
    MODULE = "openvino"

    def __init__(self, threads, cpus):
        self.threads, self.cpus = threads, cpus

    def properties(self):
        return {
            "INFERENCE_NUM_THREADS": self.threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",  # bf16 otherwise, where the processor has AMX
            "ENABLE_CPU_PINNING": len(self.cpus) == self.threads,
        }

    def load(self, directory):
        import numpy
        import openvino
        from case import Case
        from onnx_graph import onnx_file

        case = Case(directory)
        model = openvino.Core().compile_model(onnx_file(directory), "CPU", self.properties())
        self.request = model.create_infer_request()
        self.tensors = {}
        for name, array in case.input_arrays().items():
            self.tensors[name] = openvino.Tensor(array)
            self.request.set_tensor(name, self.tensors[name])
        for entry in case.outputs:  # what is never written must not look right
            poison = numpy.full(entry["shape"], numpy.nan, numpy.float32)
            self.tensors[entry["name"]] = openvino.Tensor(poison)
            self.request.set_tensor(entry["name"], self.tensors[entry["name"]])
        self.output_names = case.output_names()
        return "openvino " + openvino.__version__.split("-")[0]

    def run(self):
        self.request.infer(share_outputs=True)

    def outputs(self):
        return {name: self.tensors[name].data for name in self.output_names}


if __name__ == "__main__":
    serve(OpenVino, "scripts/engines.sh")
