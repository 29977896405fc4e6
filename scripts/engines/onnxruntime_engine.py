#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""ONNX Runtime on the processor, as an engine of octbench (docs/engines.md)."""
import os

from protocol import serve


class OnnxRuntime:
    MODULE = "onnxruntime"

    def __init__(self, threads, cpus):
        self.threads, self.cpus = threads, cpus

    def options(self):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 3
        # Workers that spin after a call would take the cores of whoever is measured next.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        if self.threads > 1 and len(self.cpus) == self.threads:  # the caller is the first of the team
            options.add_session_config_entry("session.intra_op_thread_affinities",
                                             ";".join(str(cpu + 1) for cpu in self.cpus[1:]))
        return options

    def load(self, directory):
        import numpy
        import onnxruntime
        from case import Case
        from onnx_graph import onnx_file

        case = Case(directory)
        self.session = onnxruntime.InferenceSession(onnx_file(directory), self.options(),
                                                    providers=["CPUExecutionProvider"])
        if len(self.cpus) == self.threads:
            os.sched_setaffinity(0, self.cpus[:1])
        self.binding = self.session.io_binding()
        for name, array in case.input_arrays().items():
            self.binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(array))
        self.results = {}
        for entry in case.outputs:  # what is never written must not look right
            poison = numpy.full(entry["shape"], numpy.nan, numpy.float32)
            self.results[entry["name"]] = onnxruntime.OrtValue.ortvalue_from_numpy(poison)
            self.binding.bind_ortvalue_output(entry["name"], self.results[entry["name"]])
        return "onnxruntime " + onnxruntime.__version__

    def run(self):
        self.session.run_with_iobinding(self.binding)

    def outputs(self):
        return {name: value.numpy() for name, value in self.results.items()}


if __name__ == "__main__":
    serve(OnnxRuntime, "scripts/engines.sh")
