#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Proves the gate: builds the kernels twice, once with a slowdown on purpose, and counts how often it is caught.
#   scripts/prove_gate.sh [-k KERNEL] [-p PERCENT] [-n RUNS] [-b BUSY] [-c CPUS] [-o FILE] [-l LIB] [-- ab options]
# KERNEL f32_avx512_direct where the machine has it, else f32_avx2_direct; PERCENT 3; RUNS 1; BUSY loops beside
# it 0, on CPUS (a list as taskset has it; all that this script may use unless given); FILE: the table of runs;
# LIB: has that slowdown already, so that none is built.
# Exit status: 0 at least 19 of 20 runs caught it (every run, below 20) and none flagged another kernel; 4 too few
# did, but those that missed it said inconclusive; 1 else.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
kernel= percent=3 runs=1 busy=0 cpus= slow= out=
while getopts k:p:n:b:c:o:l:h option; do
    case $option in
    k) kernel=$OPTARG ;;
    p) percent=$OPTARG ;;
    n) runs=$OPTARG ;;
    b) busy=$OPTARG ;;
    c) cpus=$OPTARG ;;
    o) out=$OPTARG ;;
    l) slow=$OPTARG ;;
    h) sed -n '3,9p' "$0" | sed 's/^# \{0,1\}//'; exit 0 ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[ "${1-}" != -- ] || shift
if [ -n "$out" ]; then
    exec 3>"$out"
else
    exec 3>&1
fi

if [ -z "$kernel" ]; then
    kernel=f32_avx2_direct
    ! grep -qw avx512vl /proc/cpuinfo || kernel=f32_avx512_direct
fi
work=$(mktemp -d)
loops=()
cleanup() {
    [ ${#loops[@]} -eq 0 ] || kill "${loops[@]}" 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT
"$root/scripts/build.sh" "$root/build"
# Copies: a build that someone starts meanwhile must not change what is measured.
cp "$root/build/bench/octbench" "$work"
cp -L "$root/build/kernels/liboctconv.so" "$work/base.so"
if [ -z "$slow" ]; then
    cmake -S "$root" -B "$work/slow" -G Ninja -DOCT_BENCH=OFF -DOCT_TESTS=OFF \
        "-DOCT_INJECT=$kernel:slow:$percent" >"$work/log" 2>&1 &&
        ninja -C "$work/slow" >>"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
    slow=$work/slow/kernels/liboctconv.so
fi

for ((i = 0; i < busy; i++)); do
    ${cpus:+taskset -c "$cpus"} sh -c 'while :; do :; done' &
    loops+=($!)
done

# flagged yes|no: the cases that the table of octbench calls regressed, of the slowed kernel or of others
flagged() {
    awk -v kernel="$kernel" -v mine="$1" \
        '$2 == "regressed" && (index($1, kernel) > 0) == (mine == "yes") { print $1 }' "$work/table"
}

caught=0 others=0 missed=0
{
    echo "# $("$root/scripts/machine.sh")"
    echo "# $kernel slowed by $percent%, $busy busy loops beside it${cpus:+ on $cpus}: octbench ab configs/ci.yaml $*"
    echo "run,status,caught_cases,other_cases_flagged,inconclusive_cases,seconds,names_of_others"
} >&3
for ((run = 1; run <= runs; run++)); do
    status=0
    "$work/octbench" ab --base "$work/base.so" --new "$slow" \
        --seed "$((1000 * run))" -q "$@" "$root/configs/ci.yaml" >"$work/table" || status=$?
    case $status in
    0 | 3 | 4) ;;
    *) echo "prove_gate.sh: octbench ab ended with status $status" >&2; exit 1 ;;
    esac
    mine=$(flagged yes | wc -l)
    other=$(flagged no | wc -l)
    unsure=$(awk '$2 == "inconclusive"' "$work/table" | wc -l)
    seconds=$(sed -n 's/.* pairs, \([0-9]*\) s$/\1/p' "$work/table")
    echo "$run,$status,$mine,$other,$unsure,$seconds,$(flagged no | paste -sd ';')" >&3
    if [ "$mine" -gt 0 ]; then
        caught=$((caught + 1))
    elif [ "$status" -ne 4 ]; then
        missed=$((missed + 1))
    fi
    others=$((others + other))
done
echo "prove_gate.sh: caught in $caught of $runs runs, $others cases of other kernels flagged"
[ "$others" -eq 0 ] || exit 1
[ $((20 * caught)) -lt $((19 * runs)) ] || exit 0
[ "$missed" -gt 0 ] || exit 4
exit 1
