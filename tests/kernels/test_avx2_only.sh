#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The kernels on a processor that has AVX2 and nothing wider, by emulation.
#   tests/kernels/test_avx2_only.sh OCTBENCH NEEDS_AVX512
set -u
export OMP_WAIT_POLICY=passive
unset OCTBENCH_ISA
out=$(mktemp)
trap 'rm -f "$out"' EXIT
haswell() { # what of the processor the emulator lacks is told on every start
    qemu-x86_64 -cpu Haswell "$@" 2> >(grep -v "TCG doesn't support requested feature" >&2)
}
fail() {
    echo "FAIL: $*"
    cat "$out"
    exit 1
}

command -v qemu-x86_64 >/dev/null || { echo "skipped: no qemu-x86_64"; exit 77; }
qemu-x86_64 -cpu help | grep -q Haswell || { echo "skipped: this qemu knows no Haswell"; exit 77; }
qemu-x86_64 -cpu Haswell "$2" >/dev/null 2>&1
[ $? = 132 ] || fail "the emulator runs an AVX-512 instruction, so that nothing is shown here"

haswell "$1" kernels >"$out" || fail "octbench kernels"
grep -q '^f32_avx512_direct .* no  *f32_avx512_direct needs avx512' "$out" || fail "f32_avx512_direct is not refused"
haswell "$1" verify --count 6 --max-macs 100000 >"$out" || fail "octbench verify"
cat "$out"
awk '$1 == "f32_avx2_direct" {avx2 = $2} $1 == "f32_avx512_direct" {avx512 = $2} END {exit !(avx2 > 0 && avx512 == 0)}' \
    "$out" || fail "other kernels ran than those of this processor"
haswell "$1" verify --count 60 --max-macs 200000 --kernel 'f32_avx2_*' >"$out" || fail "octbench verify, own kernels"
cat "$out"
