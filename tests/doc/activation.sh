#!/usr/bin/env bash
# Applies the diff of doc/adding-an-activation.md to a copy of the tree, builds
# that, and looks for the activation where the page says it appears.
# usage: activation.sh SOURCE CC
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

mkdir tree
cp -r "$source"/{src,include,cli,tools,models,doc,tests,examples} tree
cp "$source"/{CMakeLists.txt,README.md} tree
awk '/^```/ { on = $0 == "```diff"; next } on' \
    "$source/doc/adding-an-activation.md" > it.diff
check "three files" test "$(grep -c '^+++ ' it.diff)" = 3
check "one line of the list" test "$(grep -c '^+BP__ACTIVATION' it.diff)" = 1
check "nothing is removed" test "$(grep -c '^-[^-]' it.diff)" = 0
check "the diff applies" patch -p1 -F0 -d tree -i "$work/it.diff"
launcher=
if command -v ccache > /dev/null; then
    export CCACHE_BASEDIR=$work CCACHE_NOHASHDIR=1
    launcher=-DCMAKE_C_COMPILER_LAUNCHER=ccache
fi
# shellcheck disable=SC2086
check "configured" cmake -S tree -B build -DCMAKE_C_COMPILER="$cc" \
    -DCMAKE_BUILD_TYPE=Debug -DBPROP_SIMD=OFF -DBPROP_EXAMPLES=OFF $launcher
check "built" cmake --build build -j 2 --target bprop_command gen_ops_doc \
    gen_layers_doc op.contract op.shape op.grad op.kinks op.alias \
    unit.nn.layer_table
[ "$failed" = 0 ] || exit 1

bprop=$PWD/build/bprop
cat > m.yaml << END
model:
  input: 4
  layers: [{dense: 3}, logish, {dense: 2}]
loss: softmax_cross_entropy
END
check "a model file" "$bprop" show m.yaml
check "is a layer" has last.txt '^1 .*logish'
check "its gradients" "$bprop" check m.yaml
check "are right" has last.txt 'all gradients are right'
check "the op" "$bprop" ops logish
check "has its formula" has last.txt 'x log(1 + sigmoid(x))'
check "its backward" "$bprop" ops logish --backward
"$bprop" show m.yaml --set 'model.layers=[logihs]' > hint.txt 2>&1
check "a hint" has hint.txt 'did you mean logish?'
"$bprop" help layers > layers.txt
check "help layers" has layers.txt '^logish  *Zhu'
check "doc/ops.md" sh -c 'build/tests/gen_ops_doc tree | grep -q logish'
check "doc/layers.md" sh -c 'build/tests/gen_layers_doc tree | grep -q logish'
"$bprop" help bash > bprop.bash
check "completion" bash -c '. ./bprop.bash; COMP_WORDS=(bprop ops logi)
    COMP_CWORD=2; _bprop; [ "${COMPREPLY[*]}" = logish ]
    COMP_WORDS=(bprop show --set model.layers.1 = logi) COMP_CWORD=5; _bprop
    [ "${COMPREPLY[*]}" = logish ]'
for t in op.contract op.shape op.grad op.kinks op.alias unit.nn.layer_table; do
    check "$t" sh -c "cd build && tests/$t"
done
[ "$failed" = 0 ] && echo "doc/adding-an-activation.md holds"
exit $failed
