#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Golden vectors of Octave Convolution, in plain numpy.

Written from equations 2 to 4 of Chen et al., "Drop an Octave" (arXiv 1904.05049), and the rule for strides and
further bands in docs/octconv.md. Shares nothing with the C code, so that an error has to be made twice to pass.

    python3 tests/data/golden/make_golden.py [DIRECTORY]      rewrites one directory a case (default: beside this file)

A case is a directory of float32 .npy files and a case.txt with one key=value a line:

    x<i>.npy        input of band i,  N C H W       (N C D H W where d or kd is above 1)
    w<i><j>.npy     weights of path i -> j, O I H W (O I D H W), I being the inputs of one group
    bias<j>.npy     O                               only with `bias` in epilogue
    r<j>.npy        residual of band j, as y<j>     only with `residual` in epilogue
    y<j>.npy        the result

Bands without channels and absent paths have no file. All inputs are small integers: wherever the averages
are quarters, sixteenths and so on, a kernel must return y exactly.
"""
import pathlib
import shutil
import sys

import numpy as np

DEFAULTS = dict(n=1, d=1, h=6, w=6, bands=2, ic=(2, 2), oc=(2, 2), kd=1, kh=3, kw=3, stride=1, pad="same",
                dilation=1, groups=1, down="pool", stride_order="official", paths="all", epilogue="none")

ONE = dict(bands=1, ic=(3,), oc=(4,))
FREE = dict(ONE, down="strided")

AXES = "dhw"
SIDES = (("pad_front", "pad_back"), ("pad_top", "pad_bottom"), ("pad_left", "pad_right"))

CASES = {
    "vanilla": ONE,
    "vanilla_1x1": dict(ONE, kh=1, kw=1, h=5, w=7),
    "vanilla_5x2": dict(ONE, kh=5, kw=2, h=7, w=6),
    "vanilla_pad0": dict(ONE, pad=0),
    "vanilla_pad3": dict(ONE, pad=3, h=3, w=4),
    "vanilla_strided": dict(ONE, stride=2, down="strided", h=7, w=6, kw=1),
    "vanilla_pooled": dict(ONE, stride=2, h=7, w=6),
    "octave": dict(n=2),
    "octave_1x1": dict(kh=1, kw=1, ic=(3, 1), oc=(2, 5)),
    "octave_odd": dict(h=7, w=5, ic=(3, 2), oc=(1, 4)),
    "octave_one_pixel": dict(h=1, w=1),
    "octave_one_row": dict(h=1, w=9, kh=1),
    "octave_17_channels": dict(ic=(9, 8), oc=(17, 3), h=5, w=5, kh=1, kw=3),
    "octave_pad1": dict(pad=1, h=5),
    "octave_5x5": dict(kh=5, kw=5, h=7, w=7),
    "first_layer": dict(ic=(4, 0), oc=(3, 2), h=7),
    "last_layer": dict(ic=(3, 2), oc=(4, 0), h=7),
    "alpha_1": dict(ic=(0, 3), oc=(0, 2), h=7),
    "low_to_high": dict(ic=(0, 3), oc=(2, 0), h=5, w=7),
    "stride2": dict(stride=2, h=8, w=8),
    "stride2_odd": dict(stride=2, h=5, w=6),
    "stride2_thirds": dict(stride=2, h=7, w=11),
    "stride2_pool_first": dict(stride=2, stride_order="pool_first", h=7, w=6),
    "pool_first_stride1": dict(stride_order="pool_first", h=7),
    "strided": dict(down="strided", h=7, w=5),
    "strided_stride2": dict(down="strided", stride=2, h=9, w=6),
    "strided_stride2_pool_first": dict(down="strided", stride=2, stride_order="pool_first", h=9, w=6),
    "paths_no_exchange": dict(paths="hh,ll", h=5),
    "paths_no_lh": dict(paths="hh,hl,ll"),
    "paths_no_hl": dict(paths="hh,lh,ll"),
    "paths_lh_only": dict(paths="lh", epilogue="bias"),
    "groups2": dict(groups=2, ic=(4, 2), oc=(2, 6), h=5),
    "groups3_one_each": dict(groups=3, ic=(3, 3), oc=(3, 3)),
    "depthwise": dict(groups="depthwise", ic=(3, 2), oc=(3, 2), h=7),
    "depthwise_stride2": dict(groups="depthwise", stride=2, ic=(3, 2), oc=(3, 2), h=5),
    "dilation2": dict(dilation=2, h=7),
    "dilation3_one_band": dict(ONE, dilation=3, pad=2, h=7, w=9),
    "three_d": dict(d=3, kd=3, h=5, w=4),
    "three_d_flat_kernel": dict(d=2, kd=1, h=5, w=4),
    "three_d_stride2": dict(d=3, kd=2, stride=2, h=5, w=4, kh=1, kw=1),
    "three_d_dilation2": dict(d=4, kd=3, h=4, w=4, dilation=2, kw=1),
    "bands3": dict(bands=3, ic=(2, 1, 2), oc=(1, 2, 2), h=9, w=8),
    "bands3_stride2": dict(bands=3, ic=(1, 2, 1), oc=(2, 1, 1), stride=2, h=9, w=8),
    "bands3_stride2_pool_first": dict(bands=3, ic=(1, 2, 1), oc=(2, 1, 1), stride=2, h=9, w=8,
                                      stride_order="pool_first"),
    "bands3_strided": dict(bands=3, ic=(1, 2, 1), oc=(2, 1, 1), down="strided", h=9, w=8),
    "bands3_no_middle": dict(bands=3, ic=(2, 0, 1), oc=(1, 0, 2), h=6, w=5),
    "bands3_paths": dict(bands=3, ic=(1, 1, 1), oc=(1, 1, 1), paths="00,11,22,20", h=6, w=5),
    "bands4": dict(bands=4, ic=(1, 1, 1, 1), oc=(1, 1, 1, 1), h=10, w=9),
    "bias": dict(epilogue="bias", h=5),
    "relu": dict(epilogue="relu", h=5),
    "relu6": dict(epilogue="relu6", h=5),
    "residual": dict(epilogue="residual", h=5),
    "bias_residual_relu": dict(epilogue="bias+residual+relu", h=5),
    "bias_residual_relu6": dict(epilogue="bias+residual+relu6", stride=2, n=2, h=5),
    # Geometry that other layer lists have: FREE strides by axes, the octave ones by equal powers of two.
    "alexnet_11x11_s4": dict(FREE, kh=11, kw=11, h=23, w=19, stride_h=4, stride_w=4, pads=((0, 0), (2, 2), (2, 2))),
    "vit_16x16_s16": dict(FREE, kh=16, kw=16, h=32, w=33, stride_h=16, stride_w=16, pads=((0, 0), (0, 0), (0, 0))),
    "convnext_4x4_s4": dict(FREE, kh=4, kw=4, h=9, w=12, stride_h=4, stride_w=4, pads=((0, 0), (0, 0), (0, 0))),
    "deepspeech_41x11_s2x1": dict(FREE, kh=11, kw=5, h=17, w=9, stride_h=2, stride_w=1,
                                  pads=((0, 0), (5, 5), (2, 3))),
    "i3d_5x7x7_s2": dict(FREE, d=6, kd=5, kh=7, kw=7, h=9, w=8, stride_d=2, stride_h=2, stride_w=2),
    "same_upper_s2": dict(FREE, h=8, w=7, stride_h=2, stride_w=2, pads="same_upper"),
    "same_upper_s3_k2": dict(FREE, kh=2, kw=5, h=10, w=8, stride_h=3, stride_w=2, pads="same_upper"),
    "causal_1d": dict(FREE, d=9, kd=4, kh=1, kw=1, h=1, w=1, dilation_d=2, pads=("causal", (0, 0), (0, 0))),
    "sides_differ": dict(FREE, h=6, w=7, pads=((0, 0), (2, 0), (1, 3)), dilation_w=2),
    "octave_stride4": dict(stride_h=4, stride_w=4, h=16, w=8),
    "octave_time_stride": dict(d=5, kd=3, stride_d=2, h=6, w=4),
    "octave_causal": dict(d=4, kd=2, h=4, w=4, pads=("causal", "same", "same")),
    "octave_same_upper": dict(h=8, w=6, stride_h=2, stride_w=2, pads="same_upper"),
    "groups_per_path": dict(groups=4, groups_per_path=True, ic=(8, 2), oc=(4, 2), h=5),
}


def avg_pool(x, times):
    """Mean over windows of 2^times by 2^times; a window cut by the border averages what it has."""
    size = 2 ** times
    n, c, d, h, w = x.shape
    rows, columns = -(-h // size), -(-w // size)
    padded = np.full((n, c, d, rows * size, columns * size), np.nan)
    padded[..., :h, :w] = x
    return np.nanmean(padded.reshape(n, c, d, rows, size, columns, size), axis=(4, 6))


def upsample(x, times):
    return x.repeat(2 ** times, axis=-2).repeat(2 ** times, axis=-1)


def zeros_beside(pad, extent, k, stride, dilation):
    """(before, behind) of an axis: as given, or what a word means."""
    reach = dilation * (k - 1)
    if pad == "same":
        return reach // 2, reach // 2
    if pad == "causal":
        return reach, 0
    if pad == "same_upper":
        total = max((-(-extent // stride) - 1) * stride + reach + 1 - extent, 0)
        return total // 2, total - total // 2
    return pad


def windows(x, axis, k, pad, stride, dilation):
    """Replaces `axis` by two: position, tap."""
    border = [(0, 0)] * x.ndim
    border[axis] = zeros_beside(pad, x.shape[axis], k, stride, dilation)
    x = np.pad(x, border)
    last = x.shape[axis] - dilation * (k - 1)
    index = np.arange(0, last, stride)[:, None] + dilation * np.arange(k)[None, :]
    return np.take(x, index, axis=axis)


def convolve(x, weights, pads, strides, dilations, groups):
    """Cross-correlation, as every framework calls convolution; everything in the order d, h, w."""
    for axis in (2, 1, 0):
        x = windows(x, 2 + axis, weights.shape[2 + axis], pads[axis], strides[axis], dilations[axis])
    # N C D kd H kh W kw
    parts = [np.einsum("nczthiwj,octij->nozhw", part_x, part_w)
             for part_x, part_w in zip(np.split(x, groups, axis=1), np.split(weights, groups, axis=0))]
    return np.concatenate(parts, axis=1)


def triple(case, name, default):
    return tuple(case.get(f"{name}_{axis}", default) for axis in AXES)


def padding(case):
    if "pads" in case:
        return (case["pads"],) * 3 if isinstance(case["pads"], str) else case["pads"]
    if case["pad"] == "same":
        return ("same",) * 3
    zeros = (case["pad"],) * 2
    return (zeros if case["kd"] > 1 else (0, 0), zeros, zeros)


def groups_of(case, inputs, outputs):
    if case["groups"] == "depthwise":
        return inputs
    return min(inputs, outputs, case["groups"]) if case.get("groups_per_path") else case["groups"]


def path_result(case, x, weights, i, j):
    """What input band i adds to output band j, before cropping."""
    pads, dilations = padding(case), triple(case, "dilation", case["dilation"])
    strides = (case.get("stride_d", 1), case.get("stride_h", case["stride"]), case.get("stride_w", case["stride"]))
    groups = groups_of(case, x.shape[1], weights.shape[0])
    octaves = 0 if case["down"] == "strided" and case["bands"] == 1 else int(np.log2(strides[1]))
    still = (strides[0], 1, 1)
    if case["stride_order"] == "pool_first":
        x = avg_pool(x, octaves)
        octaves = 0
    down = j + octaves - i
    if case["bands"] == 1 and case["down"] == "strided" and case["stride_order"] == "official":
        return convolve(x, weights, pads, strides, dilations, groups)
    if down < 0:
        return upsample(convolve(x, weights, pads, still, dilations, groups), -down)
    if case["down"] == "strided":
        return convolve(x, weights, pads, (strides[0], 2 ** down, 2 ** down), dilations, groups)
    return convolve(avg_pool(x, down), weights, pads, still, dilations, groups)


def path_name(case, i, j):
    if case["bands"] == 1:
        return "w"
    return "hl"[i] + "hl"[j] if case["bands"] == 2 else f"{i}{j}"


def path_exists(case, i, j):
    if case["ic"][i] == 0 or case["oc"][j] == 0:
        return False
    if case["groups"] == "depthwise" and i != j:
        return False
    return case["paths"] == "all" or path_name(case, i, j) in case["paths"].split(",")


def out_extents(case, j):
    """Of output band j: what a path from band 0, which never upsamples, would yield."""
    plane = np.zeros((1, 1, case["d"], case["h"], case["w"]))
    flat = dict(case, groups=1, groups_per_path=False)
    return path_result(flat, plane, np.zeros((1, 1, case["kd"], case["kh"], case["kw"])), 0, j).shape[2:]


def make(case, rng):
    """All tensors of a case by file name, five-dimensional."""
    bands, epilogue = range(case["bands"]), case["epilogue"].split("+")
    files = {}
    for i in bands:
        shape = (case["n"], case["ic"][i], case["d"], -(-case["h"] // 2 ** i), -(-case["w"] // 2 ** i))
        if case["ic"][i]:
            files[f"x{i}"] = rng.integers(-3, 4, shape).astype(float)
    for j in bands:
        if case["oc"][j] == 0:
            continue
        y = np.zeros((case["n"], case["oc"][j]) + out_extents(case, j))
        for i in bands:
            if not path_exists(case, i, j):
                continue
            inputs = case["ic"][i] // groups_of(case, case["ic"][i], case["oc"][j])
            weights = rng.integers(-2, 3, (case["oc"][j], inputs, case["kd"], case["kh"], case["kw"])).astype(float)
            files[f"w{i}{j}"] = weights
            y += path_result(case, files[f"x{i}"], weights, i, j)[..., :y.shape[3], :y.shape[4]]
        if "bias" in epilogue:
            files[f"bias{j}"] = rng.integers(-3, 4, case["oc"][j]).astype(float)
            y += files[f"bias{j}"][None, :, None, None, None]
        if "residual" in epilogue:
            files[f"r{j}"] = rng.integers(-3, 4, y.shape).astype(float)
            y += files[f"r{j}"]
        if "relu" in epilogue:
            y = np.maximum(y, 0)
        if "relu6" in epilogue:
            y = np.clip(y, 0, 6)
        files[f"y{j}"] = y
    return files


def write(directory, case, files):
    directory.mkdir(parents=True)
    flat = case["d"] == 1 and case["kd"] == 1
    for name, tensor in files.items():
        if flat and tensor.ndim == 5:
            tensor = tensor[:, :, 0]
        np.save(directory / f"{name}.npy", np.ascontiguousarray(tensor, dtype=np.float32))
    text = {k: ",".join(map(str, v)) if isinstance(v, tuple) else v for k, v in case.items() if k != "pads"}
    if "groups_per_path" in text:
        text["groups_per_path"] = "true"
    if "pads" in case:
        for sides, pad in zip(SIDES, padding(case)):
            text.update(zip(sides, (pad, pad) if isinstance(pad, str) else pad))
    (directory / "case.txt").write_text("".join(f"{k}={v}\n" for k, v in text.items()))


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    for number, (name, options) in enumerate(CASES.items()):
        case = dict(DEFAULTS, **options)
        shutil.rmtree(root / name, ignore_errors=True)
        write(root / name, case, make(case, np.random.default_rng(number)))


if __name__ == "__main__":
    main()
