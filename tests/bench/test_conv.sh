#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# octbench conv: every golden vector, bit for bit; and what it says to tensors that do not fit together.
# Usage: test_conv.sh OCTBENCH
set -u
export LC_ALL=C OMP_WAIT_POLICY=passive
unset OCTBENCH_ISA
octbench=$(realpath "$1")
golden=$(cd "$(dirname "$0")/../data/golden" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

wrong() {
    echo "FAILED: $*" >&2
    failures=$((failures + 1))
}

declare -A option # of the current case's case.txt
declare -a arguments

prepare() { # the current case's arguments of octbench conv
    local key value file name
    option=()
    while IFS='=' read -r key value; do
        option[$key]=$value
    done <"$case/case.txt"
    arguments=("--bands=${option[bands]}" "--hw=${option[h]}x${option[w]}" "--stride=${option[stride]}"
        "--pad=${option[pad]}" "--dilation=${option[dilation]}" "--groups=${option[groups]}"
        "--down=${option[down]}" "--stride-order=${option[stride_order]}")
    for key in "${!option[@]}"; do
        case $key in
        stride_[dhw] | dilation_[dhw] | pad_* | groups_per_path) arguments+=("--set=$key=${option[$key]}") ;;
        esac
    done
    case ${option[epilogue]} in
    *relu6) arguments+=(--epilogue=relu6) ;;
    *relu) arguments+=(--epilogue=relu) ;;
    esac
    for file in "$case"/*.npy; do
        name=${file##*/}
        name=${name%.npy}
        case $name in
        x?) arguments+=("--in=${name#x}=$file") ;;
        w??) arguments+=("--weights=${name#w}=$file") ;;
        bias?) arguments+=("--bias=${name#bias}=$file") ;;
        r?) arguments+=("--residual=${name#r}=$file") ;;
        y?) arguments+=("--out=${name#y}=$name.npy") ;;
        esac
    done
}

through() { # KERNEL [FLAGS...]: the current case; counts it unless the kernel declines
    local want status
    rm -f y?.npy
    prepare
    "$octbench" -q conv --kernel "$@" "${arguments[@]}" 2>stderr
    status=$?
    [ $status = 6 ] && return
    [ $status = 0 ] || { wrong "$1 on $case: status $status: $(cat stderr)"; return; }
    for want in "$case"/y?.npy; do
        cmp -s "$want" "${want##*/}" || wrong "$1 on $case: ${want##*/} differs"
    done
    done_by=$((done_by + 1))
}

done_by=0
count=0
for case in "$golden"/[!_]*/; do
    case=${case%/}
    [ -f "$case/case.txt" ] || continue
    count=$((count + 1))
    through f32_ref
done
[ $count -ge 50 ] || wrong "only $count golden cases"
[ $done_by = $count ] || wrong "the reference computed $done_by of $count cases"
done_by=0
for case in "$golden"/{octave,octave_odd,bias,groups2,vanilla}; do
    through f32_naive --threads 2
done
[ $done_by = 5 ] || wrong "f32_naive computed $done_by of 5 cases"

# ---- what does not fit -------------------------------------------------------------------------------

refuses() { # MESSAGE ARGUMENTS...: status 2, the message, and no output
    local want=$1 status
    shift
    rm -f y?.npy
    "$octbench" conv "$@" >stdout 2>stderr
    status=$?
    [ $status = 2 ] || wrong "status $status instead of 2 for: $*"
    grep -qF -- "$want" stderr || wrong "for: $*: says '$(cat stderr)' instead of '$want'"
    [ -z "$(find . -name 'y?.npy')" ] || wrong "wrote an output for: $*"
    [ -s stdout ] && wrong "wrote to stdout for: $*"
}

cp "$golden"/octave/*.npy .             # 2 + 2 channels at 6x6, two images
rm -f y?.npy
cp "$golden"/octave_odd/x1.npy odd1.npy # 4x4 or so
cp "$golden"/octave_5x5/w00.npy w5x5.npy
cp "$golden"/octave_17_channels/w00.npy w17.npy
cp "$golden"/bias/bias0.npy bias0.npy
cp "$golden"/three_d/x0.npy x3d.npy
head -c 100 x0.npy >short.npy
all="--in x0.npy --in x1.npy --weights 00=w00.npy 01=w01.npy 10=w10.npy 11=w11.npy"
outs="--out y0.npy --out y1.npy"

# shellcheck disable=SC2086
{
    refuses "there is no input: --in x0.npy" --weights w=w00.npy --out y0.npy
    refuses "there are no weights" --in x0.npy --out y0.npy
    refuses "x9.npy: it cannot be read: No such file or directory" --in x9.npy --weights w=w00.npy --out y0.npy
    refuses "short.npy: it ends within its header" --in short.npy --weights w=w00.npy --out y0.npy
    refuses "bias0.npy: shape (2,), but an input is N C H W or N C D H W" --in bias0.npy --weights w=w00.npy --out y0.npy
    refuses "bias0.npy: shape (2,), but weights are O I H W or O I D H W" --in x0.npy --weights w=bias0.npy --out y0.npy
    refuses "x0.npy: shape (2, 2, 6, 6), but a bias has one axis" --in x0.npy --weights w=w00.npy --bias x0.npy --out y0.npy
    refuses "odd1.npy: shape (" --in x0.npy --in odd1.npy --weights 00=w00.npy 10=w10.npy --out y0.npy
    refuses "x0.npy: 6x6, but band 1 of a layer of 6x6 is 3x3" --in x0.npy --in x0.npy --weights 00=w00.npy --out y0.npy
    refuses "x0.npy: 6x6, but band 0 of a layer of 7x7 is 7x7" --in x0.npy --weights w=w00.npy --hw 7x7 --out y0.npy
    refuses "x3d.npy: shape (1, 2, 3, 5, 4), but another band has 2 images of 1 time steps" --in x0.npy --in x3d.npy --weights 00=w00.npy --out y0.npy
    refuses "weights of path lh, but input band 1 is not given" --in x0.npy --weights hh=w00.npy lh=w10.npy --out y0.npy
    refuses "input channels, but 2 channels of input band 0 make it 2" --in x0.npy --weights w=w17.npy --out y0.npy
    refuses "w5x5.npy: a 1x5x5 window, but another path has 1x3x3" --in x0.npy --in x1.npy --weights 00=w00.npy 11=w5x5.npy $outs
    refuses "2 channels do not divide into 3 groups" $all $outs --groups 3
    refuses "a depthwise layer has no path hl between bands" --in x0.npy --in x1.npy --weights hl=w01.npy $outs --groups depthwise
    refuses "output band 1 has 2 channels, but no file: --out 1=y1.npy" $all --out y0.npy
    refuses "y1.npy: output band 1 has no channels" --in x0.npy --in x1.npy --weights 00=w00.npy 10=w10.npy $outs
    refuses "another band has a bias, but output band 1 has none" $all --bias bias0.npy $outs
    refuses "x1.npy: shape (2, 2, 3, 3), but output band 0 is 2 images of 1x6x6" $all --residual x1.npy --residual x1.npy $outs
    refuses "another band has a residual, but output band 1 has none" $all --residual x0.npy $outs
    refuses "--oc: 3 channels for output band 1, which has 2 elsewhere" $all --oc 2,3 $outs
    refuses "the weights 'w' are those of one band" --in x0.npy --in x1.npy --weights w=w00.npy --out y0.npy
    refuses "a file is given for band 1, but there are 1 bands" $all --bands 1 $outs
    refuses "with this padding the bands do not line up" $all --pad 0 $outs
    refuses "--weights: 'hm=w00.npy' is not PATH=FILE" --in x0.npy --weights hm=w00.npy --out y0.npy
    refuses "--weights: two files for the same path" --in x0.npy --weights hh=w00.npy 00=w00.npy --out y0.npy
    refuses "--in: two files for band 0" --in 0=x0.npy --in h=x0.npy --weights w=w00.npy --out y0.npy
    refuses "--in: there are at most 4 bands" --in 3=x0.npy --in x0.npy --weights w=w00.npy --out y0.npy
    refuses "--stride: '17' is not a whole number from 1 to 16" $all --stride 17 $outs
    refuses "--down: unknown word 'strides'; did you mean 'strided'?" $all --down strides $outs
    refuses "--hw: '6' is not HEIGHTxWIDTH" $all --hw 6 $outs
    refuses "--oc: '2;2' is not a list of channels" $all --oc '2;2' $outs
    refuses "unknown kernel 'f32_reff'; did you mean 'f32_ref'?" $all --kernel f32_reff $outs
    refuses "f32_avx2_direct needs avx2, which" --isa base $all --kernel f32_avx2_direct $outs
}

"$octbench" conv --in x0.npy --weights w=w00.npy --out /dev/full 2>stderr >stdout
[ $? = 1 ] || wrong "a full disk is no failure"
grep -q "/dev/full: it cannot be written: No space left on device" stderr || wrong "a full disk: $(cat stderr)"
"$octbench" conv --help >stdout || wrong "--help"
grep -q "Example: alpha 0.5" stdout || wrong "--help has no example"

[ $failures = 0 ] || { echo "$failures failures" >&2; exit 1; }
