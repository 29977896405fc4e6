#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# oneDNN 3 beside Debian's 2.6: fetches it from PyPI, unpacks it and prints the option that builds with it.
#   scripts/onednn3.sh [DIR]    DIR: build-onednn3-root unless given; fetched once. Exit 3: it cannot be had here
#   scripts/build.sh build-onednn3 $(scripts/onednn3.sh)
# The packages are onednn-cpu-gomp and onednn-devel-cpu-gomp 2023.2.0, that is oneDNN 3.2 on libgomp, the last that Intel
# built on OpenMP (-iomp, of the same version, brings a second OpenMP runtime into the process). From 2024.0 to 2026.1
# the packages onednn and onednn-devel are SYCL builds on TBB, whose threads OpenMP does not count or bind: no use here.
set -euo pipefail

version=2023.2.0
case "${1-}" in
-h | --help)
    sed -n '3,8p' "$0" | sed 's/^# \{0,1\}//'
    exit 0
    ;;
esac
root=$(cd "$(dirname "$0")/.." && pwd)
dir=${1:-$root/build-onednn3-root}
if [ -e "$dir/lib/libdnnl.so" ]; then
    echo "-DOCT_ONEDNN_ROOT=$dir"
    exit 0
fi

unavailable() {
    echo "onednn3.sh: oneDNN 3 cannot be had here: $*" >&2
    exit 3
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip --version >/dev/null 2>&1 || unavailable "python3 has no pip (Debian: python3-pip)"
for package in onednn-cpu-gomp onednn-devel-cpu-gomp; do
    timeout 120 python3 -m pip --disable-pip-version-check download -q --no-deps --retries 1 -d "$work" \
        "$package==$version" >"$work/log" 2>&1 || unavailable "$(tail -n 1 "$work/log")"
done
for wheel in "$work"/*.whl; do
    python3 -m zipfile -e "$wheel" "$work/x"
done
mkdir -p "$dir/lib"
cp -r "$work"/x/onednn_devel_cpu_gomp-*.data/data/include "$dir/"
cp "$work"/x/onednn_cpu_gomp-*.data/data/lib/libdnnl.so.3 "$dir/lib/libdnnl.so.3"
ln -s libdnnl.so.3 "$dir/lib/libdnnl.so" # last: it says that all is there
echo "-DOCT_ONEDNN_ROOT=$dir"
