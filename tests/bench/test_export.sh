#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# octbench export: options of the operator as ONNX that onnx.checker accepts, and that ONNX Runtime, where it is installed,
# computes like the reference.
# Usage: test_export.sh OCTBENCH
set -u
export LC_ALL=C OMP_WAIT_POLICY=passive
unset OCTBENCH_ISA OCTBENCH_ENGINES
octbench=$(realpath "$1")
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

wrong() {
    echo "FAILED: $*" >&2
    failures=$((failures + 1))
}

# Each name is a layer with its vanilla one.
cat >plain.yaml <<'END'
schema: 1
defaults: {n: 1, c_in: 8, c_out: 12, k: 3, kernel: f32_naive}
suites:
  odd:      {matrix: {layer: odd, alpha: 0.5, hw: 7, n: 2, epilogue: bias residual relu}}
  ends:     {matrix: {layer: ends, alpha_in: 0, alpha_out: 0.25, hw: 8, k: 1, epilogue: relu6}}
  stride:   {matrix: {layer: stride, alpha: 0.5, stride: 2, hw: 11}}
  strided:  {matrix: {layer: strided, alpha: 0.5, stride: 2, down: strided, stride_order: pool_first, hw: 8}}
  groups:   {matrix: {layer: groups, alpha: 0.5, hw: 6, c_out: 8, groups: depthwise}}
  paths:    {matrix: {layer: paths, alpha: 0.5, hw: 6, paths: lh, epilogue: bias}}
  time:     {matrix: {layer: time, alpha: 0.5, hw: 5, d: 3, kd: 3, dilation: 2}}
measure: {min_time: 4ms, rounds: 2}
END

timeout 60 "$octbench" -q export plain.yaml -o cases >list 2>stderr
status=$?
if [ $status = 6 ]; then
    grep -q "onnx is not installed: apt-get install python3-onnx" stderr || wrong "no word of how to get onnx: $(cat stderr)"
else
    [ $status = 0 ] || wrong "status $status: $(cat stderr)"
    while read -r case; do
        [ -s "$case/model.onnx" ] || wrong "$case/model.onnx is not there"
    done <list
    [ "$(wc -l <list)" -ge 14 ] || wrong "only $(wc -l <list) cases"
fi
[ "$(find cases -name case.json | wc -l)" -ge 14 ] || wrong "only $(find cases -name case.json | wc -l) case.json"
[ -s cases/odd/odd/a=0.5/bias1.npy ] || wrong "no bias"

engines=
for engine in ${OCT_TEST_ENGINES-onnxruntime}; do # by hand: OCT_TEST_ENGINES="onnxruntime openvino pytorch"
    printf 'load nowhere\n' | "$root/scripts/engines/${engine}_engine.py" 2>/dev/null | grep -q '^unsupported' ||
        engines+="${engines:+, }$engine"
done
if [ -n "$engines" ]; then
    sed "s/f32_naive/[f32_naive, $engines]/" plain.yaml >engines.yaml
    timeout 400 "$octbench" -q run engines.yaml -o out >table 2>stderr || wrong "run: status $?: $(head -5 stderr)"
    ! grep -E '(onnxruntime|openvino|pytorch),.*,(wrong|error|unsupported),' out/results.csv || wrong "an engine failed"
    echo "computed by: $engines"
else
    echo "not computed: no engine is installed"
fi

"$octbench" export plain.yaml 2>stderr >stdout
[ $? = 2 ] || wrong "export without -o"
"$octbench" export plain.yaml --filter nothing_like_it -o none 2>stderr >stdout
[ $? = 6 ] || wrong "export of nothing"
[ ! -e none ] || wrong "export of nothing wrote something"
: >file
"$octbench" export plain.yaml -o file/sub 2>stderr >stdout
[ $? = 1 ] || wrong "export into a file"

[ $failures = 0 ] || { echo "$failures failures" >&2; exit 1; }
