# A network that nobody ships: odd sizes, groups, dilation, a residual block, a
# branch, a batch that does not divide the samples. It checks, trains to one
# hash, resumes and predicts.
% cp "$BPROP_SOURCE/tests/cli/odd.yaml" .
% quietly() { "$bprop" "$@" >out.txt 2>&1 || { cat out.txt; return 1; }; }
% same() { cmp "$1/last.safetensors" "$2/last.safetensors" && diff <(sed 's/"seconds":.*//' "$1/log.jsonl") <(sed 's/"seconds":.*//' "$2/log.jsonl"); }
% quietly check odd.yaml && grep -q 'all gradients are right' out.txt
% quietly check odd.yaml --dtype f32 && grep -q 'all gradients are right' out.txt
% quietly train odd.yaml --out one --threads 1
% quietly train odd.yaml --out two --threads 3 && same one two
% quietly train odd.yaml --out plain --level plain && same one plain
% quietly train odd.yaml --out half --set train.epochs=1
% quietly train odd.yaml --out half --resume --set train.epochs=2 && same one half
% quietly show odd.yaml --plan && grep -q 'kernel calls a step' out.txt
$ eval one --json
> {"split":"test","samples":100,"loss":1...,"accuracy":0.6...}
% { printf '\223NUMPY\001\000\166\000'; printf '%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1, 28, 28), }"; head -c 6272 /dev/zero; } >two.npy
% quietly predict one two.npy --json && test "$(grep -o '"label"' out.txt | wc -l)" = 2
