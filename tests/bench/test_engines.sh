#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Outside engines that do everything wrong: the row says what, the run goes on, nothing hangs and nothing passes.
# Usage: test_engines.sh OCTBENCH
set -u
export LC_ALL=C OMP_WAIT_POLICY=passive
unset OCTBENCH_ISA OCTBENCH_ENGINES
/usr/bin/python3 -c 'import numpy' 2>/dev/null || { echo "skipped: python3-numpy is not installed"; exit 77; }
octbench=$(realpath "$1")
data=$(cd "$(dirname "$0")/../data" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

wrong() {
    echo "FAILED: $*" >&2
    failures=$((failures + 1))
}

ways=(good garbage negative boasts endless wrong smaller lazy hangs dies leaves talks declines understates threads)
others=(missing script other)
for way in "${ways[@]}"; do
    ln -s "$data/bad_engine.py" "$way"
done
echo 'no interpreter' >script
chmod +x script
# An ELF header of a machine that is not this one: no system loads it.
printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\363\377\1\0\0\0' >other
head -c 200 /dev/zero >>other
chmod +x other

{
    echo 'schema: 1'
    echo 'engines:'
    for engine in "${ways[@]}" "${others[@]}"; do
        echo "  $engine: {program: ./$engine, timeout: 3s}"
    done
    echo 'suites:'
    echo '  s:'
    echo "    matrix: {kernel: [f32_naive, $(IFS=,; echo "${ways[*]},${others[*]}")], layer: l, c_in: 4, c_out: 3, hw: 5, k: 1}"
    echo 'measure: {min_time: 20ms, rounds: 4}'
} >config.yaml

timeout 120 "$octbench" -q run config.yaml -o out >table 2>stderr
status=$?
[ $status = 5 ] || wrong "exit status $status instead of 5: $(tail -3 stderr)"
[ -s out/results.csv ] || { wrong "no results"; exit 1; }

# row KERNEL STATUS REASON: a row of that status whose reason contains the words
row() {
    /usr/bin/python3 - "$@" <<'END' || failures=$((failures + 1))
import csv, sys
kernel, status, reason = sys.argv[1:]
rows = [r for r in csv.DictReader(open("out/results.csv")) if r["kernel"] == kernel]
if len(rows) != 1 or rows[0]["status"] != status or reason not in rows[0]["reason"]:
    sys.exit(f"FAILED: {kernel}: {[(r['status'], r['reason']) for r in rows]} instead of {status}, '{reason}'")
if (rows[0]["t_median_ns"] != "") != (status == "ok"):
    sys.exit(f"FAILED: {kernel}: {status}, but its median is '{rows[0]['t_median_ns']}'")
END
}

row good ok ""
row f32_naive ok ""
row garbage error "42 apples"
row negative error "-5"
row boasts error "only"
row endless error "a line of more than"
row wrong wrong "should be"
row smaller wrong "the shape (1, 2, 5, 5)"
row lazy error "y0.npy"
row hangs error "did not answer 'run 1' within 3 s"
row dies error "it died of signal 11 (Segmentation fault); its last words: out of luck"
row leaves error "it ended with status 0"
row talks error "it said 'loading weights' unasked"
row declines unsupported "not today"
row understates error "ms of processor time"
row threads error "ms of processor time"
row missing unsupported "No such file or directory"
row script unsupported "cannot be run here: Exec format error"
row other unsupported "cannot be run here"
grep -q 'bad 1.0' out/results.csv || wrong "impl does not say what the engine says it is"
[ -z "$(pgrep -f "$work/")" ] || wrong "engines are left: $(pgrep -fa "$work/")"
for folder in /tmp/octbench-engine-*; do
    [ ! -e "$folder" ] || [ "$folder" -ot config.yaml ] || wrong "$folder is left"
done

# ---- what is not installed -------------------------------------------------------------------------------

cat >shipped.yaml <<'END'
schema: 1
suites:
  s:
    matrix: {kernel: [f32_naive, onnxruntime], layer: l, c_in: 4, c_out: 4, hw: 5, k: 1}
measure: {min_time: 20ms, rounds: 4}
END
mkdir empty
OCTBENCH_ENGINES=$work/empty timeout 60 "$octbench" -q run shipped.yaml -o shipped >table 2>stderr || wrong "without engines: status $?"
grep -q ',unsupported,.*onnxruntime_engine.py' shipped/results.csv || wrong "without engines: no clear row"

# ---- what a config may not say ---------------------------------------------------------------------------

refuses() { # MESSAGE LINE
    printf 'schema: 1\nengines: %s\nsuites: {s: {matrix: {c_in: 4, c_out: 4, hw: 5, k: 1, kernel: mine}}}\n' "$2" >bad.yaml
    "$octbench" list bad.yaml >stdout 2>stderr
    [ $? = 2 ] || wrong "not refused: $2"
    grep -qF -- "$1" stderr || wrong "for $2: says '$(cat stderr)' instead of '$1'"
}
refuses "'f32_ref' is the name of a kernel already" '{f32_ref: ./x}'
refuses "'openvino' is the name of a kernel already" '{openvino: ./x}'
refuses "unknown key 'timeuot'; did you mean 'timeout'?" '{mine: {program: ./x, timeuot: 3s}}'
refuses "'timeout' must be a time" '{mine: {program: ./x, timeout: 3}}'
refuses "an engine must be the path of a program" '{mine: [a]}'
refuses "an engine must be the path of a program" '{mine: {timeout: 3s}}'
refuses "'engines' must be a mapping" '[mine]'
refuses "unknown kernel 'mine'; did you mean 'mind'?" '{mind: ./x}'

[ $failures = 0 ] || { echo "$failures failures" >&2; exit 1; }
