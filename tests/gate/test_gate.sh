#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The gate from outside: what it answers to builds with defects, to what is no build of ours, and its files.
#   tests/gate/test_gate.sh OCTBENCH LIBOCTCONV DEFECTS_DIR
# The slowdown is 100% and the tolerance 30%, so that the answers do not hang on how noisy the machine is; small
# slowdowns are the business of scripts/prove_gate.sh.
set -u
export LC_ALL=C
octbench=$(realpath "$1") lib=$(realpath "$2") defects=$(realpath "$3")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

fail() {
    echo "FAIL: $*"
    failures=$((failures + 1))
}

# expect STATUS [TEXT ON STDERR OR STDOUT] -- COMMAND...
expect() {
    local want=$1 text=
    shift
    if [ "$1" != -- ]; then
        text=$1
        shift
    fi
    shift
    "$@" >out 2>err
    local got=$?
    [ $got = "$want" ] || fail "$*: exit $got, want $want: $(tail -3 err)"
    [ -z "$text" ] || cat out err | grep -qF -- "$text" || fail "$*: '$text' was not said: $(head -5 out err)"
}

cat >gate.yaml <<'YAML'
schema: 1
suites: {gate: {matrix: {layer: [x], c_in: [16], c_out: [16], hw: [14], k: [3], alpha: [0.5], kernel: [f32_naive]}}}
YAML
ab=("$octbench" ab -q --tolerance 30 --quads 8 --sample 100)
cp "$lib" second.so

# ---- verdicts
expect 0 "2 equivalent" -- "${ab[@]}" --base "$lib" --new second.so gate.yaml --junit same.xml
expect 0 "2 equivalent" -- "${ab[@]}" --base "$lib" --new "$lib" gate.yaml
expect 3 "2 regressed" -- "${ab[@]}" --base "$lib" --new "$defects/libdefect_slow.so" gate.yaml --json v.json --junit v.xml --github
grep -q '^::error title=octbench regressed::gate/x/' out || fail "no annotation: $(cat out)"
expect 0 "2 improved" -- "${ab[@]}" --base "$defects/libdefect_slow.so" --new "$lib" gate.yaml
expect 0 "of 1 case" -- sh -c "'$octbench' ab --tolerance 30 --quads 2 --sample 100 --filter a=0.5 \
    --base '$lib' --new second.so gate.yaml 2>&1 | sed 's/of [12] cases open/of 1 case/'"
/usr/bin/python3 - <<'PY' || fail "v.json is not as documented"
import json
v = json.load(open("v.json"))
assert v["schema"] == 1 and v["exit_status"] == 3 and len(v["cases"]) == 2, v
assert all(c["answer"] == "regressed" and c["slowdown_low"] > 1.3 and c["p"] < 0.01 for c in v["cases"]), v
assert v["new_version"].endswith("+injected-defect") or v["new_version"] == v["base_version"], v
PY
# What CI servers' consumers make of the JUnit files: 77 where the reader is not installed.
cat >junit.py <<'PY'
import sys
try:
    import junitparser
except ModuleNotFoundError:
    sys.exit(77)
path, tests, failures, skipped = sys.argv[1], *map(int, sys.argv[2:])
suite, = junitparser.JUnitXml.fromfile(path)
said = (suite.tests, suite.failures, suite.skipped, suite.errors)
suite.update_statistics()
counted = (suite.tests, suite.failures, suite.skipped, suite.errors)
assert said == counted == (tests, failures, skipped, 0), (said, counted)
for case in suite:
    assert case.classname == "octbench.ab" and case.name.startswith("gate/x/"), case.name
    for result in case.result:
        assert "of 30.0%" in result.message or "tolerance 30.0%" in result.message, result.message
PY
junit() { # FILE TESTS FAILURES SKIPPED
    /usr/bin/python3 junit.py "$@" 2>err
    local got=$?
    [ $got = 0 ] || [ $got = 77 ] || fail "$1 is not read as $2 tests, $3 failures, $4 skipped: $(tail -1 err)"
    [ $got != 77 ] || echo "not checked: $1 (python3-junitparser is not installed)"
}
junit v.xml 2 2 0
junit same.xml 2 0 0

# ---- correctness first
expect 5 "the new build is wrong on gate/x" -- "${ab[@]}" --base "$lib" --new "$defects/libdefect_wrong.so" gate.yaml
expect 5 "died of signal" -- "${ab[@]}" --base "$lib" --new "$defects/libdefect_crash.so" gate.yaml
expect 6 "last in the base build" -- "${ab[@]}" --base "$defects/libdefect_crash.so" --new "$lib" gate.yaml
expect 5 "did not end within" -- "${ab[@]}" --timeout 2 --base "$lib" --new "$defects/libdefect_hang.so" gate.yaml
expect 6 "last: base build" -- "${ab[@]}" --timeout 2 --base "$defects/libdefect_hang.so" --new "$lib" gate.yaml
expect 6 "no base to compare with" -- "${ab[@]}" --base "$defects/libdefect_wrong.so" --new "$lib" gate.yaml

# ---- no builds of ours
expect 2 "ABI 999" -- "${ab[@]}" --base "$lib" --new "$defects/libfake_abi.so" gate.yaml
expect 2 "oct_kernels" -- "${ab[@]}" --base "$lib" --new "$defects/libfake_table.so" gate.yaml
expect 6 "do not offer the same cases" -- "${ab[@]}" --base "$lib" --new "$defects/libfake_empty.so" gate.yaml
expect 6 "do not offer the same cases" -- "${ab[@]}" --base "$defects/libfake_empty.so" --new "$lib" gate.yaml
expect 2 "ABI 999" -- "${ab[@]}" --base "$defects/libfake_abi.so" --new "$lib" gate.yaml
expect 2 "is no liboctconv" -- "${ab[@]}" --base "$lib" --new "$(ldd "$octbench" | awk '/libm\.so/ { print $3 }')" gate.yaml
expect 2 "cannot be loaded" -- "${ab[@]}" --base "$lib" --new missing.so gate.yaml
expect 2 "cannot be loaded" -- "${ab[@]}" --base "$lib" --new gate.yaml gate.yaml
expect 2 "nothing to compare" -- "${ab[@]}" gate.yaml
expect 2 "which CONFIG" -- "${ab[@]}" --base "$lib"
expect 2 "not a number" -- "${ab[@]}" --tolerance much --base "$lib" gate.yaml
expect 6 "no case" -- "${ab[@]}" --filter nothing_has_this_name --base "$lib" --new second.so gate.yaml
expect 6 "no kernel f32_none" -- "${ab[@]}" --base-kernel f32_naive --new-kernel f32_none gate.yaml
expect 0 "equivalent" -- "${ab[@]}" --base-kernel f32_naive --new-kernel f32_naive gate.yaml

# ---- certificates
expect 0 "1 runs, 0 false alarms" -- "$octbench" aa -q --tolerance 30 --quads 8 --sample 100 --lib "$lib" --runs 1 \
    --certificate c.json --quads-csv q.csv gate.yaml
head -1 q.csv | grep -qx 'run,launch,case,log_ratio' || fail "q.csv: $(head -1 q.csv)"
expect 0 -- "${ab[@]}" --certificate c.json --base "$lib" --new second.so gate.yaml
sed 's/"tolerance_floor": [0-9.e-]*/"tolerance_floor": 0.5/' c.json >high.json
expect 2 "is below what high.json certifies" -- "${ab[@]}" --certificate high.json --base "$lib" --new second.so gate.yaml
sed 's/\[x\]/[y]/' gate.yaml >other.yaml
expect 2 "made for another config" -- "${ab[@]}" --certificate c.json --base "$lib" --new second.so other.yaml
echo '{}' >none.json
expect 2 "is no certificate" -- "${ab[@]}" --certificate none.json --base "$lib" --new second.so gate.yaml

# ---- interrupted
"${ab[@]}" --base "$lib" --new "$defects/libdefect_hang.so" gate.yaml >out 2>err &
pid=$!
sleep 1
kill -TERM $pid
wait $pid
got=$?
[ $got = 130 ] || fail "SIGTERM: exit $got, want 130"

# ---- stored runs: one, and copies of it that were changed, for two runs differ as the machine likes
expect 0 -- "$octbench" run -q gate.yaml -o one
expect 0 "0 slower" -- "$octbench" compare one/results.csv one/results.csv
cases=$(sed -n 's/^compare: \([0-9]*\) cases in common.*/\1/p' out)
grep -q "^compare: $cases cases in common, $cases agree" out || fail "a run does not agree with itself: $(tail -1 out)"
/usr/bin/python3 - <<'PY'
import csv
rows = list(csv.DictReader(open("one/results.csv")))
row = next(r for r in rows if r["speedup_hi"])
for key in ("speedup", "speedup_lo", "speedup_hi"):
    row[key] = float(row[key]) * 1e6
out = csv.DictWriter(open("changed.csv", "w"), rows[0].keys(), lineterminator="\n")
out.writeheader()
out.writerows(rows)
PY
expect 0 "$cases cases in common, $((cases - 1)) agree" -- "$octbench" compare one/results.csv changed.csv
cp -r one slow
/usr/bin/python3 - <<'PY'
import csv
rows = list(csv.DictReader(open("one/results.csv", newline="")))
slowed, = (row for row in rows if row["alpha_out"] == "0.5")
for key in "speedup", "speedup_lo", "speedup_hi":
    slowed[key] = str(float(slowed[key]) / 1e6)
with open("slow/results.csv", "w", newline="") as file:
    out = csv.DictWriter(file, rows[0].keys())
    out.writeheader()
    out.writerows(rows)
PY
expect 3 ", 1 slower" -- "$octbench" compare --tolerance 30 one/results.csv slow/results.csv
sed -i 's/"model": "/&another /' slow/run.json
expect 0 "differs: machine.model" -- "$octbench" compare --tolerance 30 one/results.csv slow/results.csv
# Two vanilla kernels too close to tell apart, each the baseline of one run: neither fell.
/usr/bin/python3 - <<'PY'
import csv
rows = list(csv.DictReader(open("one/results.csv", newline="")))
first, second = [row for row in rows if row["bands"] == "1"][:2]
for path, baseline, other, fell in ("ba.csv", first, second, (0.97, 0.9, 1.05)), ("bb.csv", second, first, (0.9, 0.8, 0.98)):
    for row, values in (baseline, (1, 1, 1)), (other, fell):
        row.update(zip(("speedup", "speedup_lo", "speedup_hi"), values), vanilla_kernel=baseline["kernel"])
    with open(path, "w", newline="") as file:
        out = csv.DictWriter(file, rows[0].keys())
        out.writeheader()
        out.writerows([first, second])
PY
expect 0 "2 cases in common, 2 agree within their intervals, 0 slower" -- "$octbench" compare --tolerance 0 ba.csv bb.csv
expect 2 "no_such.csv" -- "$octbench" compare one/results.csv no_such.csv
expect 2 -- "$octbench" compare one/results.csv gate.yaml
expect 2 "which two" -- "$octbench" compare one/results.csv

[ $failures = 0 ] || { echo "$failures failures"; exit 1; }
echo "test_gate: all as expected"
