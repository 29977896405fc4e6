#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# octbench doctor: what it says, in both forms, and what it warns of.
set -u
octbench=$1
dir=$(mktemp -d)
trap 'rm -r "$dir"' EXIT
failed=0

complain() { echo "FAILED: $*"; failed=1; }
wants() { grep -qF -- "$2" "$1" || { complain "'$2' is not in the output"; cat "$1"; }; }

"$octbench" doctor --seconds 0.1 >"$dir/text" || complain "doctor exits with $?"
for section in machine clock limits memory openmp counters timer ledger steadiness advice; do
    grep -qx "$section" "$dir/text" || complain "no section $section"
done
grep -Eq '^  task_clock_ns +measured' "$dir/text" || complain "task_clock_ns is not counted"
grep -Eq '^  reading_us +[0-9]' "$dir/text" || complain "the ledger's cost is missing"

"$octbench" doctor --json --seconds 0.1 >"$dir/json" || complain "doctor --json exits with $?"
if python=$(command -v python3); then
    "$python" - "$dir/json" <<'PY' || complain "the JSON is not what it should be"
import json, sys
d = json.load(open(sys.argv[1]))
assert d["schema"] == 1
assert d["machine"]["cores"] >= 1 and d["machine"]["pus"] >= d["machine"]["cores"]
assert d["timer"]["overhead_ns"] > 0
assert d["steadiness"]["one_pairs"] >= 1 and d["steadiness"]["one_median_pct"] >= 0
assert isinstance(d["advice"], list)
for section in d.values():
    if isinstance(section, dict):
        assert all(v is None or v == v for v in section.values())
PY
fi

# A control group with half a core, as version 2 shows it.
mkdir -p "$dir/root/proc/self" "$dir/root/sys/fs/cgroup/half"
ln -s /proc/cpuinfo /proc/meminfo "$dir/root/proc/"
ln -s /sys/devices "$dir/root/sys/devices"
echo "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0" >"$dir/root/proc/self/mounts"
echo "0::/half" >"$dir/root/proc/self/cgroup"
echo "50000 100000" >"$dir/root/sys/fs/cgroup/half/cpu.max"
"$octbench" doctor --seconds 0.1 --root "$dir/root" >"$dir/half" || complain "doctor in half a core exits with $?"
wants "$dir/half" "The control group may use 0.5 of"
wants "$dir/half" "even one thread is stopped"

OMP_PROC_BIND=true OMP_THREAD_LIMIT=1 "$octbench" doctor --seconds 0.1 >"$dir/bound" || complain "exit $? with OMP_PROC_BIND"
wants "$dir/bound" "unset OMP_PROC_BIND"
if command -v taskset >/dev/null; then
    cpu=$(taskset -pc $$ | sed 's/.*: //; s/[-,].*//')
    taskset -c "$cpu" "$octbench" doctor --seconds 0.1 >"$dir/one" || complain "exit $? on one core"
    grep -Eq '^  pus +1$' "$dir/one" || complain "a cpuset of one unit is not honoured"
fi

"$octbench" doctor --seconds 0 >/dev/null 2>"$dir/err"
[ $? = 2 ] || complain "--seconds 0 is no usage error"
wants "$dir/err" "--seconds is '0'"
"$octbench" doctor what >/dev/null 2>&1
[ $? = 2 ] || complain "an argument is no usage error"
exit $failed
