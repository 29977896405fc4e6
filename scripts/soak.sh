#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The long proof of the gate, hours of it; scripts/test.sh --soak runs every step. Start one alone, pinned, with
# taskset: all that is measured stays on the processors that this script may use.
#   scripts/soak.sh [-o DIR] [-n RUNS] [-c CPUS] [STEP...]
# DIR reports/gate; RUNS: of every step, instead of 59 and 20; CPUS: of the busy loops (a list as taskset has it),
# all that this script may use unless given. Steps:
#   aa-idle aa-busy             octbench aa, 59 runs, alone and with two busy loops beside it
#   prove-3-idle prove-5-busy   scripts/prove_gate.sh, 20 runs: 3% alone, 5% with two busy loops
#   agree                       two runs of configs/quick.yaml: at least 95% of the speedups agree within their
#                               intervals
#   power                       false alarms and power in simulation, from the launches that the aa steps recorded
# Exit status: 0 all as it must be, 1 not, 2 usage.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
out=$root/reports/gate runs= cpus=
while getopts o:n:c:h option; do
    case $option in
    o) out=$OPTARG ;;
    n) runs=$OPTARG ;;
    c) cpus=$OPTARG ;;
    h) sed -n '3,13p' "$0" | sed 's/^# \{0,1\}//'; exit 0 ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
steps=("$@")
[ $# -gt 0 ] || steps=(agree aa-idle aa-busy prove-3-idle prove-5-busy power)
for step in "${steps[@]}"; do
    case $step in
    agree | aa-idle | aa-busy | prove-3-idle | prove-5-busy | power) ;;
    *) echo "soak.sh: unknown step '$step' (see -h)" >&2; exit 2 ;;
    esac
done

work=$(mktemp -d)
loops=()
cleanup() {
    [ ${#loops[@]} -eq 0 ] || kill "${loops[@]}" 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT
mkdir -p "$out"
"$root/scripts/build.sh" "$root/build" -DOCT_TESTS=ON
# Copies: a build that someone starts meanwhile must not change what is measured.
cp "$root/build/bench/octbench" "$root/build/tests/gate_power" "$work"
cp -L "$root/build/kernels/liboctconv.so" "$work"

aa() { # NAME BUSY
    local name=$1 busy=$2 status=0 i
    for ((i = 0; i < busy; i++)); do
        ${cpus:+taskset -c "$cpus"} sh -c 'while :; do :; done' &
        loops+=($!)
    done
    {
        echo "# $("$root/scripts/machine.sh"); $busy busy loops beside it${cpus:+ on $cpus}"
        echo "# octbench aa configs/ci.yaml --runs ${runs:-59} --lib build/kernels/liboctconv.so"
        (cd "$root" && "$work/octbench" aa configs/ci.yaml -q --runs "${runs:-59}" --lib "$work/liboctconv.so" \
            --certificate "$out/$name.json" --quads-csv "$work/quads.csv") || status=$?
    } >"$out/$name.txt"
    [ $busy -eq 0 ] || kill "${loops[@]}"
    loops=()
    cat "$out/$name.txt"
    /usr/bin/python3 "$root/scripts/launches.py" "$work/quads.csv" >"$out/$name-launches.csv" || return
    return $status
}

prove() { # NAME PERCENT BUSY
    "$root/scripts/prove_gate.sh" -p "$2" -b "$3" ${cpus:+-c "$cpus"} -n "${runs:-20}" -o "$out/$1.csv"
}

power() {
    local conditions header=-H
    for conditions in idle busy; do
        [ -s "$out/aa-$conditions-launches.csv" ] || continue
        "$work/gate_power" $header "$conditions" "$out/aa-$conditions-launches.csv" || return
        header=
    done >"$out/power.csv"
    cat "$out/power.csv"
}

agree() {
    local run
    for run in first second; do
        "$work/octbench" run "$root/configs/quick.yaml" -q -o "$work/$run" >/dev/null || return
    done
    {
        echo "# $("$root/scripts/machine.sh")"
        echo "# two runs of configs/quick.yaml: octbench compare FIRST/results.csv SECOND/results.csv"
        "$work/octbench" compare "$work/first/results.csv" "$work/second/results.csv" || [ $? -eq 3 ]
    } >"$out/agree.txt"
    cat "$out/agree.txt"
    awk '/^compare: / {exit !($7 >= 0.95 * $2)}' "$out/agree.txt"
}

failed=0
for step in "${steps[@]}"; do
    case $step in
    agree) agree ;;
    aa-idle) aa aa-idle 0 ;;
    aa-busy) aa aa-busy 2 ;;
    prove-3-idle) prove prove-3-idle 3 0 ;;
    prove-5-busy) prove prove-5-busy 5 2 ;;
    power) power ;;
    esac || { echo "soak.sh: $step failed" >&2; failed=1; }
done
exit $failed
