# SPDX-License-Identifier: MIT
"""The line protocol of docs/engines.md, for engines written in Python.

An engine is a class:

    MODULE                      the package that it needs
    __init__(threads, cpus)     called before anything is imported; `cpus` are the processors to stay on
    load(directory) -> text     makes a case ready; says what computes it, such as "onnxruntime 1.32.0"
    run()                       one inference, the thing that is timed
    outputs() -> {name: array}  what the last one computed
"""
import gc
import importlib.util
import os
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
INTERPRETERS = [str(ROOT / ".engines/bin/python3"), "/usr/bin/python3"]
TRIED = "OCTBENCH_ENGINE_INTERPRETER"  # the place in that list of the interpreter that runs now


def need(module, install):
    """Goes on in the first interpreter that has the module. Returns why not, or None."""
    if importlib.util.find_spec(module):
        return None
    for place in range(int(os.environ.get(TRIED, "-1")) + 1, len(INTERPRETERS)):
        if os.access(INTERPRETERS[place], os.X_OK):
            os.environ[TRIED] = str(place)
            os.execv(INTERPRETERS[place], [INTERPRETERS[place], *sys.argv])
    return f"{module} is not installed: {install} installs it"


def timed(engine, count):
    start = time.perf_counter_ns()
    for _ in range(count):
        engine.run()
    return time.perf_counter_ns() - start


def write_outputs(engine, directory):
    import numpy

    for name, array in engine.outputs().items():
        numpy.save(os.path.join(directory, name + ".npy"), numpy.ascontiguousarray(array, numpy.float32))


class Session:
    """What one child has been told so far."""

    def __init__(self, kind, missing):
        self.kind, self.missing = kind, missing
        self.threads, self.engine = 1, None

    def answer(self, line):
        command, _, argument = line.partition(" ")
        if self.missing:
            return "unsupported " + self.missing
        if command == "threads":
            self.threads = int(argument)
            return "ok"
        if command == "load":
            self.engine = self.engine or self.kind(self.threads, sorted(os.sched_getaffinity(0)))
            return "ok " + self.engine.load(argument)
        if command == "run" and self.engine:
            return str(timed(self.engine, int(argument)))
        if command == "output" and self.engine:
            write_outputs(self.engine, argument)
            return "ok"
        return "error cannot " + line


def one_line(error):
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]


def serve(kind, install):
    """Answers until the input ends. What libraries print goes to the standard error instead."""
    missing = need(kind.MODULE, install)
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    session = Session(kind, missing)
    gc.disable()
    for line in sys.stdin:
        try:
            answer = session.answer(line.rstrip("\n"))
        except NotImplementedError as error:
            answer = f"unsupported {error}"
        except Exception as error:  # whatever a library throws is the case's failure
            answer = "error " + one_line(error)
        answers.write(answer + "\n")
        gc.collect(0)
