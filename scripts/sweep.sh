#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# From a fresh clone to a table, CSV, charts and a page: installs what is missing, builds, runs a sweep.
#   scripts/sweep.sh [CONFIG] [octbench run options]     CONFIG: configs/quick.yaml unless given
set -euo pipefail

case "${1-}" in
-h | --help)
    sed -n '3,4p' "$0" | sed 's/^# \{0,1\}//'
    exit 0
    ;;
esac

root=$(cd "$(dirname "$0")/.." && pwd)
config=${1:-$root/configs/quick.yaml}
[ $# -eq 0 ] || shift
out=$root/reports/$(date +%Y%m%d-%H%M%S)-$(basename "$config" .yaml)

"$root/scripts/setup.sh" --run
"$root/scripts/build.sh" "$root/build"
status=0
"$root/build/bench/octbench" run "$config" -o "$out" "$@" || status=$?
[ -s "$out/results.csv" ] || exit "$status"
/usr/bin/python3 "$root/scripts/report.py" "$out"
echo
echo "report: $out/report.html"
exit "$status"
