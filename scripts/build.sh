#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Configures a build directory once and builds what changed.  scripts/build.sh DIR [cmake options]
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
dir=${1:?usage: build.sh DIR [cmake options]}
shift
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { [ -f "$dir/build.ninja" ] && [ $# -eq 0 ]; }; then
    cmake -S "$root" -B "$dir" -G Ninja "$@" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
fi
ninja -C "$dir" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
