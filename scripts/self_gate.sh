#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The gate on this project itself, in its short form for CI: at most 2.5 minutes, after scripts/test.sh has built.
#   scripts/self_gate.sh
# 1. A build slowed by 5% must be caught, and no other kernel flagged. 2. A build against itself must not alarm.
# 3. The kernels of this tree against those of the previous commit.
# Exit status: 0 or, said in a line, what could not be told: the machine too noisy or too slow, no previous commit
# here, or one that does not build or compare. 1 the gate failed its proof; 3 a kernel got slower; 5 a wrong result.
set -euo pipefail

case "${1-}" in
"") ;;
-h | --help) sed -n '3,8p' "$0" | sed 's/^# \{0,1\}//'; exit 0 ;;
*) echo "self_gate.sh: unknown option '$1' (see --help)" >&2; exit 2 ;;
esac

root=$(cd "$(dirname "$0")/.." && pwd)
budget=150
short=(--filter '/conv4_reduce/a=0\.5/')
lib=$root/build/kernels/liboctconv.so

say() {
    echo "self_gate.sh: $*"
}
within_budget() { # COMMAND...: status 124 when the time is up
    timeout "$((budget > SECONDS ? budget - SECONDS : 1))" "$@"
}

# 0 good, 1 the gate failed its proof
prove() {
    local status=0
    within_budget "$root/scripts/prove_gate.sh" -k f32_avx2_direct -p 5 -l "$root/build/tests/libdefect_slow_direct.so" \
        -- "${short[@]}" || status=$?
    case $status in
    0) ;;
    4) say "slowdown: inconclusive, the machine is too noisy now" ;;
    124) say "slowdown: not told within $budget s" ;;
    *) say "slowdown: FAILED, the gate missed it or flagged another kernel"; return 1 ;;
    esac
}

# The same
against_itself() {
    local status=0
    within_budget "$root/build/bench/octbench" aa -q --runs 1 --lib "$lib" "${short[@]}" "$root/configs/ci.yaml" || status=$?
    case $status in
    0) ;;
    124) say "a build against itself: not told within $budget s" ;;
    *) say "a build against itself: FAILED with status $status"; return 1 ;;
    esac
}

# 0 good or not to be told, else the status that the build fails with
against_previous() {
    local status=0
    if ! git -C "$root" rev-parse -q --verify 'HEAD~1^{commit}' >/dev/null 2>&1; then
        say "previous commit: none here (the first, a shallow clone, or no repository), so nothing to compare with"
        return 0
    fi
    within_budget "$root/scripts/gate.sh" HEAD~1 -- -q || status=$?
    case $status in
    0) say "previous commit: nothing got slower" ;;
    4) say "previous commit: inconclusive, the machine is too noisy now" ;;
    6) say "previous commit: cannot be compared with (above is why)" ;;
    124) say "previous commit: not told within $budget s" ;;
    *) say "previous commit: FAILED with status $status"; return $status ;;
    esac
}

if ! grep -qw avx2 /proc/cpuinfo; then
    say "not run: no fused kernel runs on this processor"
    exit 0
fi
prove
against_itself
against_previous
