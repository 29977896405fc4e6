#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Software events of one and two threads against perf stat over the same process: within 2%. Three attempts: perf
# also counts how the process starts and ends, and what a hypervisor steals of that, from two threads, is time.
set -u
program=$1
out=$(mktemp)
trap 'rm "$out"' EXIT

# agrees THREADS: does every event?
agrees() {
    local threads=$1 counted bad=0
    counted=$(LC_ALL=C perf stat -x, -o "$out" -e task-clock,page-faults,context-switches "$program" "$threads") || return 1
    while read -r event value; do
        # task-clock: perf prints milliseconds
        LC_ALL=C awk -F, -v event="$event" -v ours="$value" -v threads="$threads" '
            $3 == event || $3 == event ":u" {
                theirs = event == "task-clock" ? $1 * 1e6 : $1
                printf "%d threads, %s: %.0f counted, %.0f by perf stat, ratio %.4f\n", threads, event, ours, theirs, ours / theirs
                found = 1
                bad = ours / theirs < .98 || ours / theirs > 1.02
            }
            END { exit !found || bad }' "$out" || { echo "differs: $event"; bad=1; }
    done <<<"$counted"
    return $bad
}

perf stat -e task-clock true >/dev/null 2>&1 || { echo "no working perf here"; exit 77; }
for threads in 1 2; do
    agrees $threads || agrees $threads || agrees $threads || { echo "FAILED: $threads threads"; exit 1; }
done
