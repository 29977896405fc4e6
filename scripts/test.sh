#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs what is missing, builds, runs every test. What CI runs.
#   scripts/test.sh             gcc with warnings as errors: every test; then the builds that must stay
#                               possible: clang, sanitizers with the tests of the kernels, nothing optional
#   scripts/test.sh --quick     gcc and its tests alone
set -euo pipefail

case "${1-}" in
"" | --quick) ;;
-h | --help)
    sed -n '3,6p' "$0" | sed 's/^# \{0,1\}//'
    exit 0
    ;;
*)
    echo "test.sh: unknown option '$1' (see --help)" >&2
    exit 2
    ;;
esac

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
run_tests() { # DIR [ctest options]
    ctest --test-dir "$@" --output-on-failure
}

scripts/setup.sh
scripts/build.sh build -DOCT_WERROR=ON
run_tests build
[ "${1-}" != --quick ] || exit 0

echo "== nothing optional"
scripts/build.sh build-bare -DOCT_WERROR=ON -DOCT_ONEDNN=OFF -DOCT_HWLOC=OFF -DOCT_PFM=OFF
run_tests build-bare
echo "== clang"
scripts/build.sh build-clang -DOCT_WERROR=ON -DCMAKE_C_COMPILER=clang
echo "== AddressSanitizer and UndefinedBehaviorSanitizer"
scripts/build.sh build-sanitize -DOCT_WERROR=ON -DOCT_SANITIZE=ON -DCMAKE_BUILD_TYPE=RelWithDebInfo
run_tests build-sanitize
