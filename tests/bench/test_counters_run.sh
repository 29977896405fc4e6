#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Counters of a whole run, on a machine with a PMU or without: what is there for one and two threads, what is empty, what
# is said, and what `required` makes of it.
#   tests/bench/test_counters_run.sh OCTBENCH
set -u
export LC_ALL=C OMP_WAIT_POLICY=passive
octbench=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

fail() {
    echo "FAIL: $*"
    failures=$((failures + 1))
}

cat >counted.yaml <<'YAML'
schema: 1
suites: {counted: {matrix: {layer: [x], c_in: [16], c_out: [16], hw: [14], k: [3], alpha: [0.5], threads: [1, 2]}}}
measure: {min_time: 1ms, rounds: 8}
counters: {groups: [ipc, software]}
YAML
sed 's/software\]/software], required: true/' counted.yaml >required.yaml

"$octbench" run counted.yaml -o run --no-progress >out 2>err || fail "run: exit $?: $(tail -3 err)"

# of every measured case, with its number of threads
header=$(head -1 run/counters.csv)
[ "$header" = case_id,counter,per_iter,how,running_ratio ] || fail "the header is $header"
join -t, <(tail -n +2 run/counters.csv | sort) \
    <(awk -F, '/,ok,/ {print $3 "," ($0 ~ /\/t=1\// ? 1 : 2)}' run/results.csv | sort) >joined
awk -F, '
    $4 == "unavailable" && ($3 != "" || $5 != "") {print "not empty: " $0; bad = 1}
    $4 != "unavailable" && $3 == "" {print "empty: " $0; bad = 1}
    $2 == "task_clock_ns" {
        clocks[$6]++
        if (!($3 > 0)) {print "no task clock: " $0; bad = 1}
    }
    $2 == "context_switches" || $2 == "page_faults" {software[$6]++}
    END {
        if (!clocks[1] || clocks[1] != clocks[2] || software[1] != 2 * clocks[1] || software[2] != software[1]) {
            print clocks[1] " and " clocks[2] " cases have a task clock"
            bad = 1
        }
        exit bad
    }' joined || fail "counters.csv"

# cycles, instructions and ipc of results.csv are empty just where counters.csv has none
missing=$(awk -F, '$2 == "instructions" && $4 == "unavailable"' run/counters.csv | wc -l)
empty=$(awk -F, 'NR == 1 {for (i = 1; i <= NF; i++) at[$i] = i; from_end = NF - at["instructions"]; next}
                 /,ok,/ && $(NF - from_end) == ""' run/results.csv | wc -l)
[ "$missing" = "$empty" ] || fail "$missing cases without instructions, $empty empty cells"

said=$(grep -c '^octbench: not counted: ' err)
if [ "$missing" -gt 0 ]; then
    [ "$said" = 1 ] || fail "the reason is said $said times"
    "$octbench" run required.yaml -o refused --no-progress >out 2>err
    status=$?
    [ $status = 6 ] || fail "required: exit $status"
    grep -q 'counters are required, but .* of group ipc is not to be had' err || fail "$(cat err)"
    [ ! -e refused/results.csv ] || fail "something was measured although what is required cannot be had"
else
    "$octbench" run required.yaml -o granted --no-progress >out 2>err || fail "required, and there: exit $?"
fi

[ $failures = 0 ] || { echo "$failures failures"; exit 1; }
echo "all good: instructions missing in $missing cases"
