#!/usr/bin/env bash
# Applies the diff of doc/adding-a-data-format.md to a copy of the tree, builds
# that, trains on files of the new kind and looks for it where the page says it
# appears.
# usage: format.sh SOURCE CC
set -u
source=$(realpath "$1") cc=$2
command -v patch > /dev/null || { echo "skipped: no patch"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0

check() { # what, command...
    local what=$1
    shift
    "$@" > out.txt 2>&1 && cp out.txt last.txt && return
    echo "failed: $what"
    tail -n 20 out.txt
    failed=1
}
has() { grep -q -e "$2" "$1"; }
refused() { # what, text, command...
    local what=$1 text=$2
    shift 2
    if "$@" > out.txt 2>&1 || ! grep -qF -e "$text" out.txt; then
        echo "failed: $what"
        cat out.txt
        failed=1
    fi
}

mkdir tree
cp -r "$source"/{src,include,cli,tools,models} tree
cp "$source"/CMakeLists.txt tree
awk '/^```/ { on = $0 == "```diff"; next } on' \
    "$source/doc/adding-a-data-format.md" > it.diff
check "two files" test "$(grep -c '^+++ ' it.diff)" = 2
check "one line of the list" test "$(grep -c '^+    ROW' it.diff)" = 2
check "the diff applies" patch -p1 -F0 -d tree -i "$work/it.diff"
check "src/config still names no format" bash tree/tools/check_formats.sh tree
check "has the row" has last.txt '^7 kinds of data'
launcher=
if command -v ccache > /dev/null; then
    export CCACHE_BASEDIR=$work CCACHE_NOHASHDIR=1 # as a build of the tree
    launcher=-DCMAKE_C_COMPILER_LAUNCHER=ccache
fi
# shellcheck disable=SC2086
check "configured" cmake -S tree -B tree/build -DCMAKE_C_COMPILER="$cc" \
    -DBPROP_WERROR=ON -DBPROP_EXAMPLES=OFF -DBPROP_TESTS=OFF $launcher
check "built" cmake --build tree/build -j 2 --target bprop_command
[ "$failed" = 0 ] || exit 1

bprop=$PWD/tree/build/bprop
sample() { # CLASS GREY, in octal
    printf "\\$1"
    head -c 3072 /dev/zero | tr '\0' "\\$2"
}
for i in 1 2 3 4 5 6 7; do
    for grey in 20 40 60; do
        sample 0 $grey
        sample 1 3$grey
    done
done > data_batch.bin
{ sample 1 315; sample 0 25; } > test_batch.bin
cat > m.yaml << END
model: {input: [3, 32, 32], layers: [flatten, {dense: 2}]}
loss: softmax_cross_entropy
metrics: [accuracy]
data:
  train: {cifar: data_batch.bin}
  split: {valid: 0.2}
train: {epochs: 4, batch: 8}
END
check "training" "$bprop" train m.yaml --out run
check "says what it predicts on" has last.txt 'predict run test_batch.bin'
check "predicting" "$bprop" predict run test_batch.bin
check "is right" sh -c "grep -q 'bin:0  1 ' last.txt && \
    grep -q 'bin:1  0 ' last.txt"
refused "another file" 'or a file of CIFAR-10 (..._batch.bin)' \
    "$bprop" predict run m.yaml
head -c 5000 test_batch.bin > cut_batch.bin
refused "a cut file" '5000 bytes are no multiple of 3073' \
    "$bprop" predict run cut_batch.bin
refused "a typo" "(did you mean 'cifar'?)" "$bprop" train m.yaml \
    --set data.train.cifra=x
refused "no kind" 'pictures, digits or cifar, got none' "$bprop" train m.yaml \
    --set 'data.train={range: [0, 3]}'
refused "no draft" 'is a file of CIFAR-10; `bprop new` looks at' \
    "$bprop" new test_batch.bin
check "help" sh -c "'$bprop' help keys | grep -q '^data.train.cifar '"
[ "$failed" = 0 ] && echo "doc/adding-a-data-format.md holds"
exit $failed
