#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The command line of octbench from outside: exit statuses, files, --resume after kills, full disks.
#   tests/bench/test_run.sh OCTBENCH
set -u
export LC_ALL=C
unset OCTBENCH_ISA OCTBENCH_OUT OCTBENCH_SEED
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
    local want=$1
    shift
    "$@" >out 2>err
    local got=$?
    [ $got = "$want" ] || fail "$*: exit $got, want $want: $(tail -3 err)"
}

# said FILE TEXT: the text stands in the file
said() {
    grep -qF -- "$2" "$1" || fail "'$2' is not in $1: $(head -5 "$1")"
}

# ids DIR FILE COLUMN: the case ids of a report's file, sorted, each as often as it stands there
ids() {
    tail -n +2 "$1/$2" | cut -d, -f"$3" | sort
}

# samples_whole DIR: 8 samples of every measured case, and of no other
samples_whole() {
    ids "$1" samples.csv 1 | uniq -c | awk '$1 != 8' | grep . && fail "$1: not 8 samples of every case"
    ids "$1" samples.csv 1 | uniq | cmp -s - measured.txt || fail "$1: the samples are of other cases"
}

cat >tiny.yaml <<'YAML'
schema: 1
suites:
  tiny:
    zip: {layer: [a, b, c], c_in: [8, 16, 8], c_out: [8, 8, 16], hw: [7, 7, 14], k: [1, 3, 3]}
    matrix: {alpha: [0.5, 1], threads: [1, 2], kernel: [f32_naive]}
measure: {min_time: 1ms, rounds: 8}
YAML
cat >one.yaml <<'YAML'
schema: 1
suites: {one: {matrix: {layer: [x], c_in: [8], c_out: [8], hw: [7], k: [3], alpha: [0.5], kernel: [f32_naive]}}}
measure: {min_time: 1ms, rounds: 8}
YAML

# ---- help and usage
expect 0 "$octbench" --version
said out 'octbench '
expect 0 "$octbench" --help
said out 'octbench run configs/quick.yaml'
for command in run list verify kernels; do
    expect 0 "$octbench" $command --help
    said out 'xample'
done
[ "$(awk 'length > 80' out | wc -l)" = 0 ] || fail "the help is wider than 80 columns"
expect 2 "$octbench"
said err 'which command?'
expect 2 "$octbench" rum
said err "did you mean 'run'?"
expect 2 "$octbench" run
said err 'which CONFIG?'
expect 2 "$octbench" run nowhere.yaml
said err 'nowhere.yaml'
expect 2 "$octbench" run one.yaml --nonsense
expect 2 "$octbench" run one.yaml two.yaml
expect 2 "$octbench" run one.yaml --shard 3/2
expect 2 "$octbench" run one.yaml --seed x
expect 2 "$octbench" run one.yaml --resume
said err '--resume needs -o DIR'
expect 2 "$octbench" --isa 386 list one.yaml
said err "'386' is none of base, avx2"
expect 2 "$octbench" list one.yaml --filter '('
[ -z "$(ls reports 2>/dev/null)" ] || fail "usage errors left a report"

# ---- list, filter, shard
expect 0 "$octbench" list tiny.yaml
cp out all.txt
cases=$(grep -c / all.txt)
said out "$cases cases in 6 groups"
expect 6 "$octbench" list tiny.yaml --filter nothing
said err "no case of tiny.yaml matches 'nothing'"
for shard in 1 2 3; do
    expect 0 "$octbench" list tiny.yaml --shard $shard/3
    grep / out
done | sort >shards.txt
grep / all.txt | sort | cmp -s - shards.txt || fail "the shards are not the whole"
expect 6 "$octbench" list one.yaml --shard 2/2

# ---- a run
expect 0 "$octbench" run tiny.yaml --dry-run -o dry
[ ! -e dry ] || fail "a dry run wrote something"
expect 0 "$octbench" run tiny.yaml -o whole
said out 'f32_naive'
said err 'report in whole'
awk 'length > 100' out | grep . && fail "the table is wider than 100 columns"
ids whole results.csv 3 >want.txt
[ "$(wc -l <want.txt)" = "$cases" ] || fail "$(wc -l <want.txt) rows instead of $cases"
[ -z "$(uniq -d want.txt)" ] || fail "an id stands twice"
awk -F, '/,ok,/ {print $3}' whole/results.csv | sort >measured.txt
samples_whole whole
said whole/run.json '"status": "complete"'
said whole/run.json '"command": "octbench run tiny.yaml -o whole"'
said whole/run.json "\"ok\": $(wc -l <measured.txt)"
expect 0 "$octbench" run one.yaml -o "it's here" --filter 'x|y z'
said "it's here/run.json" "octbench run one.yaml -o 'it'\\\\''s here' --filter 'x|y z'"
expect 0 "$octbench" -q run one.yaml -o quiet
[ ! -s err ] || fail "-q is not quiet: $(cat err)"
expect 0 "$octbench" run one.yaml -o shown --no-progress
(cd whole && expect 0 "$octbench" run ../one.yaml && ls -d reports/*-one >/dev/null) || fail "no default directory"

# ---- launches: fresh processes
sed 's/min_time: 1ms/min_time: 1ms, launches: 3/' tiny.yaml >thrice.yaml
expect 0 "$octbench" run thrice.yaml -o thrice
ids thrice results.csv 3 | cmp -s - want.txt || fail "the rows of three launches are of other cases"
for launch in 0 1 2; do
    awk -F, -v l=$launch '$2 == l {print $1}' thrice/samples.csv | sort | uniq -c | awk '$1 != 8' | grep . &&
        fail "launch $launch: not 8 samples of every case"
    [ "$(awk -F, -v l=$launch '$2 == l {print $3}' thrice/samples.csv | sort -un | tr '\n' ' ')" = \
        "$(seq -s ' ' $((8 * launch)) $((8 * launch + 7))) " ] || fail "launch $launch: rounds are numbered wrongly"
done
expect 0 "$octbench" run -o behind -- thrice.yaml
launched() { # CONFIG DIR: starts it, and waits for a launch: run and child are set
    env --default-signal=INT "$octbench" run "$1" -o "$2" >out 2>err &
    run=$!
    child=
    while [ -z "$child" ] && kill -0 $run 2>/dev/null; do
        read -r child _ <"/proc/$run/task/$run/children"
        sleep 0.02
    done
}
gone() { # PID: it ends within a second
    for _ in $(seq 50); do
        read -r _ _ state _ 2>/dev/null <"/proc/$1/stat" || return 0
        [ "$state" != Z ] || return 0
        sleep 0.02
    done
    fail "$2"
}
sed 's/min_time: 1ms/min_time: 60ms/; s/launches: 3/launches: 6/' thrice.yaml >often.yaml
launched often.yaml ended
kill -TERM $run
wait $run
status=$?
[ $status = 130 ] || fail "ended in a launch: exit $status"
gone "$child" "a launch goes on when its run is ended"
launched often.yaml gone
kill -KILL $run
wait $run 2>/dev/null
gone "$child" "a launch goes on when its run is killed"
launched often.yaml dead
kill -SEGV "$child"
wait $run
status=$?
grep -q Sanitizer err || [ $status = 5 ] || fail "a launch crashed: exit $status"
said err 'octbench: launch 0 of tiny/'
launched often.yaml changed
sed -i 's/c_in: \[8, 16, 8\]/c_in: [8, 8, 8]/' often.yaml
wait $run
status=$?
[ $status = 1 ] || fail "the config was changed meanwhile: exit $status"
said err 'the config was changed while it was run'

# ---- an existing directory
cp -r whole before
expect 2 "$octbench" run tiny.yaml -o whole
said err 'already holds a run'
diff -r whole before >/dev/null || fail "a refused run changed the directory"
mkdir -p kept && echo mine >kept/notes
expect 0 "$octbench" run one.yaml -o kept
said kept/notes mine
expect 0 "$octbench" run tiny.yaml -o whole --resume
for file in results samples paths counters; do
    cmp -s whole/$file.csv before/$file.csv || fail "resuming a complete run changed $file.csv"
done
sed 's/rounds: 8/rounds: 9/' tiny.yaml >other.yaml
expect 2 "$octbench" run other.yaml -o whole --resume
said err 'another config'
expect 2 "$octbench" run tiny.yaml -o whole --resume --isa base
said err 'begun with no --isa'

# ---- a row's rerun command reruns it
rerun=$(tail -1 whole/results.csv)
rerun="octbench run ${rerun#*,octbench run }"
rerun=${rerun%%,layer,*} # the next columns are kind and network
expect 0 bash -c "${rerun/octbench/$octbench} -o again"
id=$(tail -1 whole/results.csv | cut -d, -f3)
ids again results.csv 3 | grep -q "$id" || fail "'$rerun' does not rerun $id"

# ---- the environment, and flags over it
expect 0 env OCTBENCH_OUT=by_env OCTBENCH_SEED=77 OCTBENCH_ISA=base "$octbench" run one.yaml
said by_env/run.json '"seed": 77'
said by_env/run.json '"isa_limit": "base"'
expect 0 env OCTBENCH_OUT=by_env OCTBENCH_SEED=77 OCTBENCH_ISA=base "$octbench" --isa avx2 run one.yaml -o by_flag --seed 5
said by_flag/run.json '"seed": 5'
said by_flag/run.json '"isa_limit": "avx2"'
expect 2 env OCTBENCH_ISA=386 "$octbench" list one.yaml
expect 2 env OCTBENCH_SEED=-1 "$octbench" list one.yaml

# ---- a torn and half-written run
size=$(wc -c <before/results.csv)
for cut in 0 100 $((size / 3)) $((size / 2)) $((size - 1)); do
    rm -rf torn && cp -r before torn
    head -c "$cut" before/results.csv >torn/results.csv
    printf 'torn,' >>torn/samples.csv
    expect 0 "$octbench" run tiny.yaml -o torn --resume
    ids torn results.csv 3 | cmp -s - want.txt || fail "cut at $cut: other ids, or one twice"
    samples_whole torn
done
rm -rf broken && cp -r before broken && sed -i '3s/^2,/x,/' broken/results.csv
expect 2 "$octbench" run tiny.yaml -o broken --resume
said err "broken/results.csv:3: column schema: 'x' is not a whole number"
rm -rf bare && cp -r before bare && rm bare/run.json
expect 2 "$octbench" run tiny.yaml -o bare --resume
said err 'no run.json'

# ---- killed at ten moments, resumed each time
start=$(date +%s%N)
expect 0 "$octbench" run tiny.yaml -o timed
span=$((($(date +%s%N) - start) / 1000000))
rm -rf killed
for kill in 1 2 3 4 5 6 7 8 9 10; do
    after=$((span * (RANDOM % 45 + 3) / 100))
    timeout -s KILL $((after / 1000)).$(printf %03d $((after % 1000))) \
        "$octbench" run tiny.yaml -o killed --resume >/dev/null 2>&1
done 2>/dev/null
expect 0 "$octbench" run tiny.yaml -o killed --resume
ids killed results.csv 3 | cmp -s - want.txt || fail "after ten kills the ids differ"
samples_whole killed
said killed/run.json '"status": "complete"'

# ---- interrupted: Ctrl-C, and what a batch system sends. (Bash has what it runs in the background ignore Ctrl-C.)
sed 's/min_time: 1ms/min_time: 60ms/' tiny.yaml >long.yaml
for signal in INT TERM; do
    rm -rf interrupted
    env --default-signal=INT "$octbench" run long.yaml -o interrupted >out 2>err &
    pid=$!
    while kill -0 $pid 2>/dev/null && [ "$(wc -l 2>/dev/null <interrupted/results.csv || echo 0)" -lt 3 ]; do
        sleep 0.05
    done
    kill -$signal $pid
    wait $pid
    status=$?
    [ $status = 130 ] || fail "interrupted by $signal: exit $status"
    said interrupted/run.json '"status": "interrupted"'
    [ "$(ids interrupted results.csv 3 | wc -l)" -ge 3 ] || fail "what was measured is not on disk"
    expect 0 "$octbench" run long.yaml -o interrupted --resume
    ids interrupted results.csv 3 | cmp -s - want.txt || fail "an interrupted run was not completed"
done
said before/run.json '"resumed": []'
for times in 1 2; do
    [ "$(sed -n '/"resumed": \[/,/\]/p' interrupted/run.json | grep -c '"20.*Z"')" = $times ] ||
        fail "run.json does not say that the run was resumed $times times"
    expect 0 "$octbench" run long.yaml -o interrupted --resume
done

# ---- a crash names what ran
"$octbench" run long.yaml -o crashed >out 2>err &
pid=$!
while kill -0 $pid 2>/dev/null && [ "$(wc -l 2>/dev/null <crashed/results.csv || echo 0)" -lt 3 ]; do
    sleep 0.05
done
kill -SEGV $pid
wait $pid
status=$?
if [ $status = 5 ]; then
    said err 'octbench: crashed reading or writing memory in '
    said err 'tiny/'
else # under a sanitizer, which reports crashes itself
    grep -q Sanitizer err || fail "crashed: exit $status"
fi

# ---- where nothing can be written
expect 2 "$octbench" run one.yaml -o tiny.yaml
said err 'Not a directory'
expect 2 "$octbench" run one.yaml -o /proc/nowhere
said err 'cannot make the directory'
expect 1 bash -c "'$octbench' run one.yaml -o full_stdout >/dev/full"
[ -s full_stdout/results.csv ] || fail "a full standard output cost the report"
mkdir links && ln -s /dev/full links/samples.csv
expect 2 "$octbench" run one.yaml -o links
rm -rf limited
expect 1 bash -c "ulimit -f 8; '$octbench' run tiny.yaml -o limited"
said err 'File too large'
said err 'is kept in limited'
expect 0 "$octbench" run tiny.yaml -o limited --resume
ids limited results.csv 3 | cmp -s - want.txt || fail "after a full disk the ids differ"
mkdir small
if mount -t tmpfs -o size=32k none small 2>/dev/null; then
    mounted=$work/small
    expect 1 "$octbench" run tiny.yaml -o small/report
    said err 'No space left on device'
    cp -r small/report rescued
    expect 0 "$octbench" run tiny.yaml -o rescued --resume
    ids rescued results.csv 3 | cmp -s - want.txt || fail "after a full tmpfs the ids differ"
else
    echo "skipped: cannot mount a tmpfs here"
fi

# ---- verify, kernels
expect 0 "$octbench" verify --count 20 --kernel f32_naive
said out 'f32_naive'
expect 0 "$octbench" verify tiny.yaml --kernel f32_naive
expect 6 "$octbench" verify --count 2 --kernel no_such_kernel
expect 2 "$octbench" verify --count none
expect 0 "$octbench" kernels
said out 'f32_ref'
expect 0 "$octbench" kernels --isa base
# excluded by the limit, or by the processor itself
grep avx512_direct out | grep -Eq 'isa limit excludes|does not have' || ! grep -q avx512_direct out ||
    fail "--isa base keeps avx512"

[ $failures = 0 ] || { echo "$failures failures"; exit 1; }
echo "all good"
