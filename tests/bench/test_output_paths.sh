#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Files that the user names to be written: a device, a pipe, a symlink, a full disk, a folder that takes nothing.
#   tests/bench/test_output_paths.sh OCTBENCH
# Devices are nodes of this test's own, in its own folder: the system's are never named as a target to replace.
set -u
export LC_ALL=C
octbench=$(realpath "$1")
work=$(mktemp -d)
mounted=
trap '[ -z "$mounted" ] || umount "$mounted"; rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

fail() {
    echo "FAIL: $*"
    failures=$((failures + 1))
}

# expect STATUS COMMAND...: runs it with its output in out and err
expect() {
    local want=$1 got
    shift
    "$@" >out 2>err
    got=$?
    [ $got = "$want" ] || fail "$*: exit $got, want $want: $(tail -3 err)"
}

said() { # FILE TEXT
    grep -qF -- "$2" "$1" || fail "'$2' is not in $1: $(head -5 "$1")"
}

is_json() { # FILE
    /usr/bin/python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$1" 2>/dev/null || fail "$1 is no JSON: $(head -3 "$1")"
}

cat >gate.yaml <<'YAML'
schema: 1
suites: {gate: {matrix: {layer: [x], c_in: [8], c_out: [8], hw: [7], k: [3], alpha: [0.5], kernel: [f32_naive]}}}
YAML
# Two builds that are one: whatever they say of it, 0 and 4 are both right.
ab() { # ARGUMENTS...: one gate; its output in out and err
    "$octbench" ab -q --tolerance 90 --quads 2 --sample 20 --base-kernel f32_naive --new-kernel f32_naive gate.yaml \
        "$@" >out 2>err
    status=$?
    case $status in 0 | 4) return 0 ;; esac
    return 1
}
aa=("$octbench" aa -q --runs 1 --tolerance 90 --quads 2 --sample 20 --filter a=0.5 gate.yaml)

# ---- a regular file, also through symlinks
ab --json plain.json --junit plain.xml || fail "plain files: exit $status: $(cat err)"
is_json plain.json
mkdir -p far
echo old >far/target.json
ln -s far/target.json link.json
ln -s ../link.json far/again.json
chmod 600 far/target.json
ab --json far/again.json --junit far/v.xml || fail "a symlink: exit $status: $(cat err)"
[ -L link.json ] && [ -L far/again.json ] || fail "a symlink became a file"
is_json far/target.json
[ "$(stat -c %a far/target.json)" = 600 ] || fail "the mode of a replaced file is $(stat -c %a far/target.json)"
ln -s far/new.xml dangling.xml
ab --junit dangling.xml || fail "a symlink to nothing yet: exit $status: $(cat err)"
[ -L dangling.xml ] && [ -s far/new.xml ] || fail "a symlink to nothing yet was replaced"
long=$(printf 'n%.0s' $(seq 255))
ab --json "$long" && is_json "$long"
[ -z "$(find . -name '.octbench-*' -o -name '*.tmp')" ] || fail "temporary files are left: $(find . -name '*.tmp')"

# ---- the standard output
ab --json - || fail "-: exit $status: $(cat err)"
is_json out
said err 'equivalent'
ln -s /proc/self/fd/1 stdout # as /dev/stdout is, which a fault here would destroy
ab --json stdout || fail "/dev/stdout in a file: exit $status"
[ -L stdout ] || fail "the name of the standard output was replaced"
is_json out
ab --quads-csv - && said out 'run,launch,case,log_ratio'
grep -q equivalent out && fail "the table stands among the quads"
"${aa[@]}" --certificate - >out 2>err || [ $? = 4 ] || fail "aa --certificate -: $(cat err)"
is_json out

# ---- a pipe
mkfifo pipe
timeout 60 cat pipe >piped.json &
ab --json pipe || fail "a pipe: exit $status: $(cat err)"
wait
[ -p pipe ] || fail "the pipe was replaced"
is_json piped.json
timeout 20 "$octbench" ab -q --quads 1 --sample 20 --new-kernel f32_naive nowhere.yaml --json pipe >out 2>err
[ $? = 2 ] || fail "a pipe that nobody reads was waited for before the config was read"

# ---- devices
if mknod null c 1 3 2>/dev/null && mknod full c 1 7 2>/dev/null && : >null 2>/dev/null; then
    ab --json null --junit null --quads-csv null || fail "a device: exit $status: $(cat err)"
    "${aa[@]}" --certificate null >out 2>err || [ $? = 4 ] || fail "aa to a device: $(cat err)"
    [ -c null ] || fail "the device was replaced"
    for option in --json --junit --quads-csv; do
        ab $option full
        [ $status = 1 ] || fail "$option on a full device: exit $status, want 1"
        said err 'full: it cannot be written: No space left on device'
    done
    "${aa[@]}" --certificate full >out 2>err
    [ $? = 1 ] || fail "aa --certificate on a full device"
    [ -c full ] || fail "the full device was replaced"
    ln -s null link_to_null
    ab --json link_to_null || fail "a symlink to a device: exit $status"
    [ -L link_to_null ] && [ -c null ] || fail "the symlink to a device was replaced"
else
    echo "skipped: nodes of devices may not be made here"
fi

# ---- what cannot be written is said before anything is measured
for target in nowhere/v.json far "$long/v" "$(printf 'd/%.0s' $(seq 2100))v"; do
    for option in --json --junit --quads-csv; do
        expect 2 "$octbench" ab --quads 2 --sample 20 --new-kernel f32_naive gate.yaml $option "$target"
        said err 'it cannot be written'
        grep -q '^launch' err && fail "$option: measured before it was said"
    done
    expect 2 "${aa[@]}" --certificate "$target"
done
: >taken && chmod 444 taken
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
    mkdir closed && chmod 755 . closed && : >closed/mine.json && chmod 666 closed/mine.json
    chmod 755 "$work"
    run=(setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/ "$octbench" ab -q --tolerance 90 --quads 2
        --sample 20 --new-kernel f32_naive --base-kernel f32_naive gate.yaml)
    if "${run[@]}" --help >/dev/null 2>&1; then
        expect 2 "${run[@]}" --json closed/v.json
        said err 'closed/v.json: it cannot be written: Permission denied'
        expect 2 "${run[@]}" --json taken
        "${run[@]}" --json closed/mine.json >out 2>err
        is_json closed/mine.json # it may be written, only nothing may be made beside it
    else
        echo "skipped: another user may not run $octbench"
    fi
fi

# ---- a full disk
mkdir small
if mount -t tmpfs -o size=32k tmpfs small 2>/dev/null; then
    mounted=small
    echo precious >small/v.json
    head -c 40000 /dev/zero >small/filler 2>/dev/null
    ab --json small/v.json
    [ $status = 1 ] || fail "a full disk: exit $status: $(cat err)"
    said err 'small/v.json: it cannot be written: No space left on device'
    [ "$(cat small/v.json)" = precious ] || fail "a full disk took the old file"
    [ "$(ls -A small | sort | tr '\n' ' ')" = "filler v.json " ] || fail "left on the full disk: $(ls -A small)"
    # one file mounted into a container: its folder is another file system
    : >mine.json
    if mount --bind small/filler mine.json 2>/dev/null; then
        rm small/filler # its blocks stay while it is mounted
        ab --json mine.json || fail "a mounted file: exit $status: $(cat err)"
        is_json mine.json
        umount mine.json
    fi
else
    echo "skipped: no file system may be mounted here"
fi

# ---- the standard output, whatever prints to it
if [ -c /dev/full ]; then
    results=rows/results.csv
    "$octbench" run -q gate.yaml -o rows >/dev/null 2>&1
    for command in "list gate.yaml" "kernels" "verify gate.yaml" "doctor" "--help" "--version" "ab --help" \
        "compare $results $results" "run gate.yaml -o full_run" "run gate.yaml --dry-run" \
        "ab -q --tolerance 90 --quads 2 --sample 20 --new-kernel f32_naive --base-kernel f32_naive gate.yaml" "${aa[*]:1}"; do
        # shellcheck disable=SC2086 # words are meant to be split
        "$octbench" $command >/dev/full 2>err
        got=$?
        case $got in
        1 | 4) said err 'the standard output cannot be written: No space left on device' ;;
        *) fail "octbench $command on a full device: exit $got" ;;
        esac
    done
fi

[ $failures = 0 ] || { echo "$failures failures"; exit 1; }
echo "output paths: all as they must be"
