#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds two revisions of the kernels and lets octbench ab judge the second against the first.
#   scripts/gate.sh BASE_REV [NEW_REV] [-- octbench ab options]
# NEW_REV: the working tree unless given. Exit status: that of octbench ab (3 slower, 4 inconclusive, 5 wrong),
# 6 when the base does not build or is not comparable.
set -euo pipefail

usage() {
    sed -n '3,6p' "$0" | sed 's/^# \{0,1\}//'
}
case "${1-}" in
-h | --help) usage; exit 0 ;;
"" | --) usage >&2; exit 2 ;;
esac

root=$(cd "$(dirname "$0")/.." && pwd)
base=$1
shift
new=
if [ $# -gt 0 ] && [ "$1" != -- ]; then
    new=$1
    shift
fi
[ "${1-}" != -- ] || shift

work=$(mktemp -d)
cleanup() {
    git -C "$root" worktree remove --force "$work/base" 2>/dev/null || true
    git -C "$root" worktree remove --force "$work/new" 2>/dev/null || true
    rm -rf "$work"
    git -C "$root" worktree prune
}
trap cleanup EXIT

# The kernels of a source tree as a shared library, with nothing else.
build_kernels() { # SOURCE BUILD
    cmake -S "$1" -B "$2" -G Ninja -DOCT_BENCH=OFF -DOCT_TESTS=OFF >"$2.log" 2>&1 &&
        ninja -C "$2" >>"$2.log" 2>&1 || { tail -n 20 "$2.log" >&2; return 1; }
}

abi() { # SOURCE
    sed -n 's/^#define OCT_ABI //p' "$1/kernels/octconv.h"
}

git -C "$root" worktree add -q --detach "$work/base" "$base" || { echo "gate.sh: cannot check out $base" >&2; exit 6; }
source=$root
if [ -n "$new" ]; then
    git -C "$root" worktree add -q --detach "$work/new" "$new"
    source=$work/new
fi
if [ "$(abi "$work/base")" != "$(abi "$source")" ]; then
    echo "gate.sh: not comparable: $base has another ABI" >&2
    exit 6
fi
build_kernels "$work/base" "$work/build-base" || { echo "gate.sh: $base does not build" >&2; exit 6; }
build_kernels "$source" "$work/build-new" || { echo "gate.sh: ${new:-the working tree} does not build" >&2; exit 1; }

"$root/scripts/build.sh" "$root/build"
status=0
"$root/build/bench/octbench" ab --base "$work/build-base/kernels/liboctconv.so" \
    --new "$work/build-new/kernels/liboctconv.so" "$root/configs/ci.yaml" "$@" || status=$?
exit "$status"
