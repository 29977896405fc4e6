#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# One line for the head of a report: processor, which of its hardware threads this process may use, kernel, revision.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
field() {
    sed -n "s/^$1[[:space:]]*: //p" /proc/cpuinfo | head -n 1
}
model="$(field 'model name'), family $(field 'cpu family') model $(field model)"
allowed=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
revision=$(git -C "$root" describe --always --dirty=-modified --exclude '*' 2>/dev/null || echo unknown)
virtual=
! grep -qw hypervisor /proc/cpuinfo || virtual=" (virtual machine)"
echo "$model$virtual, $(getconf _NPROCESSORS_ONLN) hardware threads, of which this used" \
    "$allowed; Linux $(uname -r); octbench at $revision"
