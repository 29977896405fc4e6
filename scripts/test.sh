#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs what is missing, builds, runs every test. What CI runs.
#   scripts/test.sh             gcc with warnings as errors: every test; then the builds that must stay
#                               possible: clang, and every optional library switched off; then
#                               oneDNN 3, where PyPI can be reached; scripts/self_gate.sh, at most 2.5 minutes
#   scripts/test.sh --quick     gcc and its tests alone
#   scripts/test.sh --full      all of it, the tests in those two builds too, and the tests under AddressSanitizer and
#                               UndefinedBehaviorSanitizer: half an hour
#   scripts/test.sh --soak      the long proof of the gate alone, on a machine with nothing else to do: hours. Writes
#                               reports/gate/; single steps: scripts/soak.sh -h
set -euo pipefail

case "${1-}" in
"" | --quick | --full | --soak) ;;
-h | --help)
    sed -n '3,11p' "$0" | sed 's/^# \{0,1\}//'
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
[ "${1-}" != --soak ] || exec scripts/soak.sh
scripts/build.sh build -DOCT_WERROR=ON -DOCT_TESTS=ON
run_tests build
[ "${1-}" != --quick ] || exit 0

echo "== nothing optional"
scripts/build.sh build-bare -DOCT_WERROR=ON -DOCT_TESTS=ON -DOCT_ONEDNN=OFF -DOCT_XNNPACK=OFF -DOCT_HWLOC=OFF \
    -DOCT_PFM=OFF
echo "== clang"
clang_type=Debug # clang takes minutes to optimise the unrolled tiles
[ "${1-}" != --full ] || clang_type=Release
scripts/build.sh build-clang -DOCT_WERROR=ON -DOCT_TESTS=ON -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=$clang_type
if [ "${1-}" = --full ]; then
    run_tests build-clang
    run_tests build-bare
    echo "== AddressSanitizer and UndefinedBehaviorSanitizer"
    scripts/build.sh build-sanitize -DOCT_WERROR=ON -DOCT_TESTS=ON -DOCT_SANITIZE=ON -DCMAKE_BUILD_TYPE=RelWithDebInfo
    run_tests build-sanitize
fi
echo "== oneDNN 3"
if onednn3=$(scripts/onednn3.sh); then # else it has said why
    scripts/build.sh build-onednn3 -DOCT_WERROR=ON -DOCT_TESTS=ON -DOCT_BENCH=OFF -DOCT_X86=OFF "$onednn3"
    run_tests build-onednn3 -R '^test_(golden|kernels_avx2|kernels_avx512_vnni|plans_avx512)$'
fi
echo "== the gate on this project itself"
scripts/self_gate.sh
echo "test.sh: all passed"
