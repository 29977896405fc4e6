# SPDX-License-Identifier: MIT
"""Report directories with invented but realistic numbers, written with nothing but the standard library."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import random
import statistics
from pathlib import Path

RESULTS_HEADER = (
    "schema,run_id,case_id,group_id,suite,layer,n,c_in,c_out,d,h,w,kd,kh,kw,stride,pad,dilation,groups,bands,"
    "alpha_in,alpha_out,down,paths,dtype,epilogue,cache,kernel,isa,impl,threads,status,reason,macs,macs_vanilla,"
    "act_bytes,act_bytes_vanilla,weight_bytes,theory_speedup,plan_ns,samples,iters,t_min_ns,t_median_ns,"
    "t_ci_lo_ns,t_ci_hi_ns,t_p90_ns,gflops,pct_peak,vanilla_kernel,vanilla_median_ns,speedup,speedup_lo,"
    "speedup_hi,octave_efficiency,self_speedup,self_efficiency,max_abs_err,err_bound,cycles,instructions,ipc,"
    "freq_ghz,llc_misses,steal_pct,rerun,kind,network,library,algorithm,machine_id,stride_d,stride_h,stride_w,pads,"
    "act_peak_bytes,t_p99_ns").split(",")

# name: channels in, channels out, resolution, window, microseconds of oneDNN's direct convolution
NINE = {
    "conv2_3x3": (64, 64, 56, 3, 1072), "conv3_3x3": (128, 128, 28, 3, 1043),
    "conv4_3x3": (256, 256, 14, 3, 1033), "conv2_1x1a": (64, 256, 56, 1, 441),
    "conv2_1x1b": (256, 64, 56, 1, 475), "conv3_1x1a": (128, 512, 28, 1, 431),
    "conv3_1x1b": (512, 128, 28, 1, 460), "conv4_1x1a": (256, 1024, 14, 1, 433),
    "conv4_1x1b": (1024, 256, 14, 1, 449),
}
ALPHAS = (0.125, 0.25, 0.5, 0.75)
# name: vanilla's speed relative to oneDNN's (3x3, 1x1), efficiency of the octave against the own vanilla
KERNELS = {
    "f32_onednn_postop": ((1.0, 1.0), (0.95, 0.78)),
    "f32_onednn_framework": ((1.0, 1.0), (0.88, 0.55)),
    "f32_onednn_winograd": ((1.8, None), (0.7, None)),
    "f32_avx512_direct": ((1.14, 0.99), (0.98, 0.97)),
    "f32_naive": ((0.02, 0.02), (0.9, 0.9)),
}
PEAK = 243.0


def shares(alpha: float) -> dict[str, float]:
    a, b = alpha, 1 - alpha
    return {"hh": b * b, "hl": a * b / 4, "lh": a * b / 4, "ll": a * a / 4}


def digest(*parts: object) -> str:
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:16]


def sign_test_ranks(n: int) -> tuple[int, int]:
    """0-based ranks of the narrowest interval for the median with at least 95% coverage."""
    for k in range(n // 2, -1, -1):
        cover = 1 - 2 * sum(math.comb(n, i) for i in range(k + 1)) / 2 ** n
        if cover >= 0.95:
            return k, n - 1 - k
    return 0, n - 1


def median_interval(values: list[float]) -> tuple[float, float, float]:
    low, high = sign_test_ranks(len(values))
    ordered = sorted(values)
    return ordered[low], statistics.median(values), ordered[high]


class Writer:
    """Builds one report directory."""

    def __init__(self, seed: int, rounds: int):
        self.random = random.Random(seed)
        self.rounds = rounds
        self.results: list[dict[str, object]] = []
        self.samples: list[list[object]] = []
        self.paths: list[list[object]] = []
        self.counters: list[list[object]] = []

    def _times(self, true_us: float, drift: list[float], noise: float) -> list[float]:
        times = []
        for factor in drift:
            bump = self.random.choice((0.02, 0.06, 0.15)) if self.random.random() < 0.08 else 0
            times.append(1000 * true_us * factor * (1 + abs(self.random.gauss(0, noise)) + bump))
        return times

    def group(self, suite: str, layer: str, shape: tuple, alphas: tuple, kernels: tuple, threads: int) -> None:
        drift = [1 + 0.03 * math.sin(r / 5) for r in range(self.rounds)]
        disturbed = [self.random.random() < 0.04 for _ in range(self.rounds)]
        noise = 0.02 if "conv4" in layer else 0.004
        cases = []
        for alpha in (0.0, *alphas):
            for kernel in kernels:
                row, true_us = self._case(suite, layer, shape, alpha, kernel, threads)
                times = self._times(true_us, drift, noise) if true_us else []
                cases.append((row, times))
        kept = [r for r in range(self.rounds) if not disturbed[r]]
        for row, times in cases:
            if times:
                self._statistics(row, [times[r] for r in kept])
        self._speedups(cases, kept)
        for row, times in cases:
            self.results.append(row)
            self._other_files(row, times, disturbed)

    def _case(self, suite, layer, shape, alpha, kernel, threads):
        c_in, c_out, hw, k, base_us = shape
        low_in, low_out = math.floor(alpha * c_in), math.floor(alpha * c_out)
        low_hw = -(-hw // 2)
        taps = k * k
        vanilla = c_in * c_out * taps * hw * hw
        hh = (c_in - low_in) * (c_out - low_out) * taps * hw * hw
        rest = (c_in * c_out - (c_in - low_in) * (c_out - low_out)) * taps * low_hw * low_hw
        macs = hh + rest
        act = 4 * ((c_in - low_in + c_out - low_out) * hw * hw + (low_in + low_out) * low_hw * low_hw)
        group_id = digest(suite, layer, shape, threads)
        case_id = digest(group_id, alpha, kernel)
        row = dict.fromkeys(RESULTS_HEADER, "")
        row.update(
            schema=2, kind="layer", run_id="20261124-synthetic", case_id=case_id, group_id=group_id, suite=suite, layer=layer,
            n=1, c_in=c_in, c_out=c_out, d=1, h=hw, w=hw, kd=1, kh=k, kw=k, stride=1, pad="same", dilation=1,
            groups="1", bands=2 if alpha else 1, alpha_in=alpha, alpha_out=alpha,
            down="pool" if alpha else "strided", paths="all", dtype="f32",
            epilogue="none", cache="warm", kernel=kernel, isa="avx512" if "avx512" in kernel else "base",
            impl=f"model of {kernel}, tile 2x14", threads=threads, macs=macs, macs_vanilla=vanilla, act_bytes=act,
            act_bytes_vanilla=4 * (c_in + c_out) * hw * hw, weight_bytes=4 * c_in * c_out * taps,
            theory_speedup=vanilla / macs,
            rerun=f"octbench run configs/resnet50-layers.yaml --filter '^{suite}/{layer}/a={alpha:g}/"
                  f"t={threads}/{kernel}$'")
        speed, efficiency = (pair[k == 1] for pair in KERNELS[kernel])
        if speed is None:
            row.update(status="unsupported", reason="Winograd needs a 3x3 window, this layer has 1x1")
            return row, 0.0
        row["status"] = "ok"
        small = 0.06 * alpha if hw == 14 else 0.02 * alpha
        true_us = base_us / speed
        if alpha:
            true_us /= vanilla / macs * (efficiency - small)
        return row, true_us / (1 if threads == 1 else threads * 0.96)

    def _statistics(self, row, times):
        low, mid, high = median_interval(times)
        row.update(plan_ns=1_500_000, samples=len(times), iters=len(times) * 12, t_min_ns=min(times),
                   t_median_ns=mid, t_ci_lo_ns=low, t_ci_hi_ns=high,
                   t_p90_ns=sorted(times)[int(0.9 * (len(times) - 1))], gflops=2 * row["macs"] / mid,
                   pct_peak=100 * 2 * row["macs"] / mid / (PEAK * row["threads"]), max_abs_err=3e-6,
                   err_bound=1e-4, steal_pct=0.2, freq_ghz=3.1)

    def _speedups(self, cases, kept):
        vanilla = [(row, times) for row, times in cases if row["bands"] == 1 and times]
        if not vanilla:
            return
        best_row, best = min(vanilla, key=lambda case: case[0]["t_median_ns"])
        own = {row["kernel"]: times for row, times in vanilla}
        for row, times in cases:
            if not times:
                continue
            logs = [math.log(best[r] / times[r]) for r in kept]
            low, mid, high = (math.exp(v) for v in median_interval(logs))
            row.update(vanilla_kernel=best_row["kernel"], vanilla_median_ns=best_row["t_median_ns"], speedup=mid,
                       speedup_lo=low, speedup_hi=high, octave_efficiency=mid / row["theory_speedup"])
            if not low <= min(best[r] for r in kept) / min(times[r] for r in kept) <= high:
                row["reason"] = "unresolved: minimum and median disagree about the speedup"
            if row["kernel"] in own:
                logs = [math.log(own[row["kernel"]][r] / times[r]) for r in kept]
                speedup = math.exp(statistics.median(logs))
                row.update(self_speedup=speedup, self_efficiency=speedup / row["theory_speedup"])

    def _other_files(self, row, times, disturbed):
        for r, ns in enumerate(times):
            self.samples.append([row["case_id"], 0, r, self.random.randrange(20), 12, round(12 * ns),
                                 int(disturbed[r])])
        if not times:
            return
        blocks = -(-row["c_in"] // 16) * 16 / row["c_in"]
        self.counters.append([row["case_id"], "tensor_bytes", round(row["act_bytes"] * blocks), "derived", ""])
        scratch = 0 if row["bands"] == 1 else row["act_bytes"] // (20 if "avx512" in row["kernel"] else 2)
        self.counters.append([row["case_id"], "scratch_bytes", scratch, "derived", ""])
        self.counters.append([row["case_id"], "instructions", "", "unavailable", ""])
        self.counters.append([row["case_id"], "task-clock", row["t_median_ns"], "measured", 1])
        if row["bands"] > 1:
            self._breakdown(row)

    def _breakdown(self, row):
        parts = shares(row["alpha_in"])
        fused = "avx512" in row["kernel"]
        if fused:
            parts = {"lh": parts["lh"], "hh": parts["hh"], "ll+hl": parts["ll"] + parts["hl"], "pool": 0.0}
        else:
            parts = {**parts, "pool": 0.0, "upsample": 0.0, **({} if "postop" in row["kernel"] else {"add": 0.0})}
        whole = row["t_median_ns"] * 0.97
        overhead = {"pool": 0.06 if not fused else 0.03, "upsample": 0.09, "add": 0.1}
        left = 1 - sum(overhead[p] for p in parts if p in overhead)
        total = sum(parts.values())
        for name, share in parts.items():
            part = overhead.get(name, left * share / total)
            macs = round(share * row["macs_vanilla"]) if share else ""
            self.paths.append([row["case_id"], name, macs, part * whole, part])
        self.paths.append([row["case_id"], "other", "", row["t_median_ns"] - whole, 0.03])

    def write(self, path: Path, run: dict) -> None:
        path.mkdir(parents=True, exist_ok=True)
        write_csv(path / "results.csv", RESULTS_HEADER,
                  [[row[name] for name in RESULTS_HEADER] for row in self.results])
        write_csv(path / "samples.csv", "case_id,launch,round,order,iters,ns,disturbed".split(","), self.samples)
        write_csv(path / "paths.csv", "case_id,path,macs,ns,share".split(","), self.paths)
        write_csv(path / "counters.csv", "case_id,counter,per_iter,how,running_ratio".split(","), self.counters)
        (path / "run.json").write_text(json.dumps(run, indent=2) + "\n")


def write_csv(path: Path, header: list[str], rows: list) -> None:
    with path.open("w", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(header)
        out.writerows(rows)


def run_json(threads: tuple[int, ...]) -> dict:
    peaks = [{"threads": t, "fma_avx512_gflops": PEAK * t, "fma_avx2_gflops": 131.0 * t, "fma_base_gflops": None,
              "l1_gbs": 390.0 * t, "l2_gbs": 160.0 * t, "l3_gbs": 40.0 * t, "memory_gbs": 14.0 * t} for t in threads]
    return {"run_id": "20261124-synthetic", "command": "octbench run configs/resnet50-layers.yaml -o DIR",
            "config": {"path": "configs/resnet50-layers.yaml", "hash": "0" * 64}, "git_revision": "be9a15a",
            "status": "complete", "build": {"compiler": "gcc 12.2.0", "flags": "-O3 -g"},
            "machine": {"model": "Synthetic Xeon", "cores": 2, "smt": 1, "quota_cores": None},
            "libraries": {"onednn": "2.6.3"}, "binding": [{"threads": t, "pu": list(range(t))}
                                                          for t in threads], "peaks": peaks}


def make_report(path: Path, layers: dict | None = None, alphas: tuple = ALPHAS,
                kernels: tuple = tuple(KERNELS), threads: tuple = (1,), rounds: int = 32, seed: int = 1,
                suite: str = "resnet50") -> Path:
    writer = Writer(seed, rounds)
    for layer, shape in (layers or NINE).items():
        for count in threads:
            writer.group(suite, layer, shape, alphas, kernels, count)
    writer.write(path, run_json(threads))
    return path


def many_layers(count: int) -> dict:
    """Distinct layers on a grid of channels and resolutions."""
    layers = {}
    for i in range(count):
        c = 16 * (1 + i % 8)
        hw = (7, 14, 28, 56, 112)[i // 8 % 5]
        k = (1, 3)[i // 40 % 2]
        us = 1 + 2 * c * c * k * k * hw * hw / 220e3
        layers[f"l{i:04d}_{c}x{hw}_{k}x{k}"] = (c, c, hw, k, us)
    return layers
