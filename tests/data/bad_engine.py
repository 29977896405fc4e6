#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""An engine for vanilla 1x1 layers that misbehaves in the way that its own name tells: links to this file are named
after the ways. "good" does not."""
import hashlib
import os
import sys
import threading
import time

import numpy

way = os.path.basename(sys.argv[0])
DATA = bytes(1 << 20)
ANSWERS = {"garbage": "\x1b[31m42 apples", "negative": "-5", "boasts": "1" + 15 * "0", "endless": 100000 * "9"}


def work(count):
    if way == "threads":
        threads = [threading.Thread(target=lambda: [hashlib.sha256(DATA) for _ in range(4)]) for _ in range(4)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
    for _ in range(1 if way == "understates" else count):
        hashlib.sha256(4 * DATA)


def write(case, folder):
    result = numpy.einsum("oi,nihw->nohw", numpy.load(case + "/w00.npy")[:, :, 0, 0], numpy.load(case + "/x0.npy"))
    numpy.save(folder + "/y0.npy", result * 1.01 if way == "wrong" else result[:, 1:] if way == "smaller" else result)


case = None
for line in sys.stdin:
    command, _, argument = line.rstrip("\n").partition(" ")
    answer = "ok"
    if command == "load":
        case = argument
        answer = "unsupported not today" if way == "declines" else "ok bad 1.0"
    elif command == "run":
        clock = time.thread_time_ns if way == "threads" else time.perf_counter_ns  # of one thread of five
        start = clock()
        work(int(argument))
        answer = ANSWERS.get(way, "1000" if way == "understates" else str(clock() - start))
        if way == "hangs":
            time.sleep(1000)
        if way == "dies":
            print("out of luck", file=sys.stderr, flush=True)
            os.kill(os.getpid(), 11)
        if way == "leaves":
            sys.exit(0)
    elif command == "output" and way != "lazy":
        write(case, argument)
    print(answer + ("\nloading weights" if way == "talks" and command == "run" else ""), flush=True)
