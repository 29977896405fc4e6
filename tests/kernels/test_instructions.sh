#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# An old processor must be able to run everything outside the files of its betters: AVX stands in *_avx2* and *_avx512*
# alone, AVX-512 in *_avx512* alone. Read from the machine code.
#   tests/kernels/test_instructions.sh OBJECT...
set -u
command -v objdump >/dev/null || { echo "skipped: no objdump"; exit 77; }
status=0
wide=0

# wider OBJECT PREFIXES: the instructions that begin with one of these bytes, or name a mask register. In 64-bit code
# c4 and c5 are VEX (AVX), 62 is EVEX (AVX-512); segment and address-size prefixes may stand before them.
wider() {
    objdump -d --insn-width=16 "$1" | awk -F'\t' -v first="^((64|65|67) )*($2) " '$2 ~ first || $3 ~ /%k[0-7]/'
}

for object in "$@"; do
    case ${object##*/} in
    *_avx512*)
        prefixes=
        wider "$object" 62 | grep -q . && wide=$((wide + 1))
        ;;
    *_avx2*) prefixes='62' ;;
    *) prefixes='c4|c5|62' ;;
    esac
    [ -n "$prefixes" ] || continue
    found=$(wider "$object" "$prefixes" | head -3)
    [ -n "$found" ] || continue
    printf 'FAIL: %s has\n%s\n' "$object" "$found"
    status=1
done
[ $# -gt 20 ] && [ $wide -gt 0 ] || { echo "FAIL: $# objects, $wide with AVX-512: this tests nothing"; status=1; }
[ $status != 0 ] || echo "$# objects, of which $wide have AVX-512"
exit $status
