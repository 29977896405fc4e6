#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What launchers, shells and spreadsheets leave behind: variables that falsify, teams that share a core, quoted numbers,
# stored runs that lost cases.
#   tests/bench/test_environment.sh OCTBENCH
set -u
export LC_ALL=C
unset OMP_THREAD_LIMIT OMP_DYNAMIC OMP_MAX_ACTIVE_LEVELS GOMP_CPU_AFFINITY OMP_PLACES
octbench=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

fail() {
    echo "FAIL: $*"
    failures=$((failures + 1))
}

expect() { # STATUS COMMAND...: its output in out and err
    local want=$1 got
    shift
    "$@" >out 2>err
    got=$?
    [ $got = "$want" ] || fail "$*: exit $got, want $want: $(tail -3 err)"
}

said() { # FILE TEXT
    grep -qF -- "$2" "$1" || fail "'$2' is not in $1: $(head -5 "$1")"
}

config() { # THREADS
    echo '{"schema": "1", "suites": {"s": {"matrix": {"layer": "x", "c_in": "8", "c_out": 8, "hw": "7", "k": 3,' \
        "\"alpha\": \"0.5\", \"threads\": $1, \"kernel\": \"f32_naive\"}}}," \
        '"measure": {"min_time": "1ms", "rounds": "8"}, "affinity": {"smt": "false"}}'
}
config 1 >one.json
config '[1, 2]' >two.json
config '[1, 1024]' >many.json
rows() { # DIR STATUS THREADS: how many
    /usr/bin/python3 -c 'import csv, sys
print(sum(r["status"] == sys.argv[2] and r["threads"] == sys.argv[3] for r in csv.DictReader(open(sys.argv[1]))))' \
        "$1/results.csv" "$2" "$3"
}

# ---- quoted scalars, as JSON has times
expect 0 "$octbench" run -q one.json -o one
[ "$(rows one ok 1)" -gt 1 ] || fail "a config in JSON measured nothing"

printf 'schema: 1\nx-mine: {what: &k 3}\nsuites: {s: {matrix: {layer: x, c_in: 8, c_out: 8, hw: 7, k: *k}}}\n%s\n' \
    'affinity: {smt: True}' >anchors.yaml
expect 0 "$octbench" list anchors.yaml

# ---- hwloc's variables: this machine is read whatever they say
here=$("$octbench" list two.json | tail -1)
for variable in HWLOC_SYNTHETIC=node:1\ core:64\ pu:1 HWLOC_COMPONENTS=synthetic,stop HWLOC_XMLFILE=/nowhere.xml \
    HWLOC_THISSYSTEM=0; do
    expect 0 env "$variable" "$octbench" run -q one.json -o "at_${variable%%=*}"
    said "at_${variable%%=*}/run.json" "\"${variable%%=*}\": \"${variable#*=}\""
    cmp -s <(grep '"cores"' one/run.json | head -1) <(grep '"cores"' "at_${variable%%=*}/run.json" | head -1) ||
        fail "$variable: another machine was described"
    /usr/bin/python3 -c 'import json, sys
a, b = (json.load(open(f"{d}/run.json"))["binding"] for d in sys.argv[1:])
assert a == b, (a, b)' one "at_${variable%%=*}" || fail "$variable: another binding"
done
[ "$here" = "$("$octbench" list two.json | tail -1)" ] || fail "the list changed"
expect 0 env HWLOC_XMLFILE=/nowhere.xml MALLOC_ARENA_MAX=1 "$octbench" doctor --seconds 0.1
said out HWLOC_XMLFILE
said out MALLOC_ARENA_MAX

# ---- OpenMP's limits: what can run does
expect 0 env OMP_THREAD_LIMIT=1 "$octbench" run -q two.json -o limited
[ "$(rows limited ok 1)" -gt 1 ] && [ "$(rows limited ok 2)" = 0 ] && [ "$(rows limited skipped 2)" -gt 1 ] ||
    fail "OMP_THREAD_LIMIT=1: $(cut -d, -f31-33 limited/results.csv)"
said limited/results.csv OMP_THREAD_LIMIT
config 2 >twice.json
expect 6 env OMP_THREAD_LIMIT=1 "$octbench" run -q twice.json -o nothing
for variable in OMP_DYNAMIC=true OMP_MAX_ACTIVE_LEVELS=0; do
    expect 0 env $variable "$octbench" run -q twice.json -o "with_$variable"
    [ "$(rows "with_$variable" ok 2)" -gt 1 ] || fail "$variable: the teams of two were not measured"
done

# ---- two threads on one core
first=$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')
expect 0 taskset -c "$first" "$octbench" run -q twice.json -o shared
said shared/results.csv 'shared: 2 threads on 1 processor'
expect 0 timeout 120 "$octbench" run -q many.json -o many
[ "$(rows many ok 1)" -gt 1 ] || fail "threads: 1024 took the groups of one thread along"
[ "$(nproc)" -ge 64 ] || [ "$(rows many skipped 1024)" -gt 1 ] || fail "1024 threads were timed on $(nproc) processors"

# ---- stored runs that lost cases
new() { # CODE: new.csv from one/results.csv by Python's rows and head
    /usr/bin/python3 - "$1" <<'PY'
import csv, sys
with open("one/results.csv", newline="") as f:
    head, *rows = list(csv.reader(f))
status = head.index("status")
exec(sys.argv[1])
with open("one/new.csv", "w", newline="") as f:
    csv.writer(f, lineterminator="\n").writerows([head, *rows])
PY
}
compare=("$octbench" compare one/results.csv one/new.csv)
new 'pass'
expect 0 "${compare[@]}"
said out '0 lost, 0 wrong, 0 doubled'
new 'rows.remove(next(r for r in reversed(rows) if r[status] == "ok"))'
expect 3 "${compare[@]}"
said out 'only in the old run: x'
said out '1 lost'
new 'next(r for r in reversed(rows) if r[status] == "ok")[status] = "wrong"'
expect 5 "${compare[@]}"
said out 'wrong now: x'
new 'next(r for r in reversed(rows) if r[status] == "ok")[status] = "error"'
expect 3 "${compare[@]}"
said out 'ok before and not now: x'
new 'rows = [r for r in rows for _ in "ab"]'
expect 0 "${compare[@]}"
said out 'twice in the new run: x'
new 'pass'
printf 'torn,line' >>one/new.csv
expect 0 "${compare[@]}"
said out 'its last line is torn'
mkdir stopped && sed 's/"complete"/"interrupted"/' one/run.json >stopped/run.json && cp one/results.csv stopped
expect 0 "$octbench" compare one/results.csv stopped/results.csv
said out 'the new run is not whole: run.json says interrupted'

# ---- what spreadsheets make of it
new 'pass'
{ printf '\xef\xbb\xbf' && cat one/results.csv; } >one/new.csv
expect 0 "${compare[@]}"
tr , ';' <one/results.csv >one/new.csv
expect 2 "${compare[@]}"
said err 'parted by semicolons'
new 'rows[0][head.index("alpha_out")] = "0,5"'
expect 2 "${compare[@]}"
said err 'a decimal comma'

[ $failures = 0 ] || { echo "$failures failures"; exit 1; }
echo "environment: all as it must be"
