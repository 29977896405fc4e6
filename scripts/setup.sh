#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs the Debian packages that the build, the tests and the charts need; nothing where all are there.
#   scripts/setup.sh            everything
#   scripts/setup.sh --build    what building and running octbench needs, without tests and charts
set -euo pipefail

build=(gcc libc6-dev cmake ninja-build pkg-config git ca-certificates
       libdnnl-dev libhwloc-dev libpfm4-dev libfyaml-dev libjansson-dev)
tests=(libcmocka-dev clang libomp-dev libclang-rt-14-dev python3-pytest python3-junitparser qemu-user)
charts=(python3 python3-numpy python3-pandas python3-matplotlib)

case "${1-}" in
"") packages=("${build[@]}" "${tests[@]}" "${charts[@]}") ;;
--build) packages=("${build[@]}") ;;
--run) packages=("${build[@]}" "${charts[@]}") ;;
-h | --help)
    sed -n '3,6p' "$0" | sed 's/^# \{0,1\}//'
    echo "  scripts/setup.sh --run      what a sweep with its charts needs, without the tests"
    exit 0
    ;;
*)
    echo "setup.sh: unknown option '$1' (see --help)" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null; then
    echo "setup.sh: not a Debian system; install the counterparts of: ${packages[*]}" >&2
    exit 0
fi

missing=()
for package in "${packages[@]}"; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "setup.sh: packages are missing, and neither root nor sudo is at hand. As root, run:" >&2
        echo "  apt-get update && apt-get install --no-install-recommends ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi
echo "setup.sh: installing ${missing[*]}" >&2
"${as_root[@]}" apt-get update -q >&2
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends "${missing[@]}" >&2
