# class_weights: balanced, by name, as a list; trained, evaluated, gone on with,
# checked; wrong ones.
% awk 'BEGIN { print "x,color,kind"; for (i = 0; i < 400; i++) { k = i % 10 == 0; print (k + (i * 7 % 10) / 6) "," (i % 2 ? "blue" : "green") "," (k ? "rare one" : "often") } }' >t.csv
% printf 'model:\n  input: table\n  layers: [dense: 8, relu, dense: 2]\nloss:\n  softmax_cross_entropy:\n    class_weights: balanced\noptimizer: {adam: 0.02}\nmetrics: [accuracy, recall: rare one]\ndata:\n  train: {csv: t.csv}\n  split: {valid: 0.2, test: 0.2}\n  table: {target: kind}\ntrain: {epochs: 10, batch: 16, monitor: loss}\n' >m.yaml
% "$bprop" train m.yaml --out run >out.txt && grep -q '^  class_counts: \[216, 24\]' run/config.yaml
% "$bprop" train m.yaml --out r3 --threads 3 >/dev/null && cmp run/last.safetensors r3/last.safetensors
# What training said of the test part, eval says.
% a=$(sed -n 's/.*test loss \([0-9.]*\) .*/\1/p' out.txt); "$bprop" eval run | grep -q "loss $a,"
# Rare ones are found more often than without.
% "$bprop" train m.yaml --out plain --set loss=softmax_cross_entropy >/dev/null; r() { "$bprop" eval "$1" --json | sed 's/.*"recall_rare one":\([0-9.]*\).*/\1/'; }; awk -v a="$(r run)" -v b="$(r plain)" 'BEGIN { exit !(a > b) }'
% ! grep -q class_counts plain/config.yaml
# By name and as a list of the same numbers: the same bits.
% for w in '{often: 1, rare one: 4}' '[1, 4]' '{0: 1, 1: 4.0}'; do "$bprop" train m.yaml --out named --force --set "loss.softmax_cross_entropy.class_weights=$w" >/dev/null || exit 1; cksum named/last.safetensors; done | uniq | wc -l | grep -qx ' *1'
% "$bprop" train m.yaml --out stop --set train.epochs=4 >/dev/null && "$bprop" train m.yaml --out stop --resume >/dev/null && cmp stop/last.safetensors run/last.safetensors
% "$bprop" check m.yaml | grep -q 'all gradients are right'
% "$bprop" show m.yaml --plan >/dev/null
% "$bprop" grad m.yaml --out g.safetensors >/dev/null
% ! "$bprop" train m.yaml --out bad --set 'loss.softmax_cross_entropy.class_weights={often: 1, rare: 4}' 2>bad.txt && grep -q 'class_weights: there is no class "rare"' bad.txt
% ! "$bprop" train m.yaml --out bad --set 'loss.softmax_cross_entropy.class_weights={often: 1}' 2>bad.txt && grep -q 'no number for class "rare one"' bad.txt && test ! -e bad
$ train m.yaml --out bad --set 'loss.softmax_cross_entropy.class_weights=balance'
! --set loss.softmax_cross_entropy.class_weights: softmax_cross_entropy: class_weights is "balance", must be balanced, or a number from 0 for each class: a list, or by their names
? 2
$ train m.yaml --out bad --set 'loss.softmax_cross_entropy.class_weights=[1, many]'
! --set loss.softmax_cross_entropy.class_weights: softmax_cross_entropy: class_weights is "many", must be balanced, or a number from 0 for each class: a list, or by their names
? 2
# Digits have numbers.
% "$bprop" train digits --out d --set 'loss={softmax_cross_entropy: {class_weights: balanced}}' --set train.steps=3 --set data.train.digits.n=300 >/dev/null && grep -q '^  class_counts:' d/config.yaml && "$bprop" eval d >/dev/null
