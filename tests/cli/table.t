# A table: trained, evaluated, predicted, shown; faults in one report.
% awk 'BEGIN { print "width;color;id;kind"; for (i = 0; i < 120; i++) { k = i % 3; print k * 2 + (i * 7 % 10) / 9 ";" (k == 1 ? "red" : i % 2 ? "blue" : "green") ";n" i ";" substr("abc", k + 1, 1) } }' >flowers.csv
% awk '/^```/ { if (on) { on = 0; next } if ($0 == "```yaml" && ++k == 3) { on = 1; next } } on' "$BPROP_SOURCE/doc/model-file.md" >model.yaml && grep -q flowers.csv model.yaml
% "$bprop" train model.yaml --out run >out.txt && grep -q 'test loss .* accuracy 100.00 %' out.txt && grep -q '^ *a *8 ' out.txt
% "$bprop" train model.yaml --out run3 --threads 3 >/dev/null && cmp run/last.safetensors run3/last.safetensors && cmp run/config.yaml run3/config.yaml
% "$bprop" eval run --json | grep -q '"samples":24,.*"accuracy":1'
% printf 'color;width\nred;2.5\npurple;0.2\n' >new.csv
# More epochs are advised to a network that still got better; its best epoch is another's last word.
% "$bprop" train model.yaml --out more --set train.epochs=4 2>/dev/null | grep -q -- '--resume --set train.epochs=8' && ! "$bprop" train model.yaml --out best --set train.epochs=40 --set optimizer.adam.lr=0.5 2>/dev/null | grep -q -- --resume
# One output is none for a softmax; nothing held back is said.
% ! "$bprop" train model.yaml --out one --set 'model.layers=[dense: 1]' 2>one.txt && tail -1 one.txt | grep -qx 'bprop: the network has one output; softmax_cross_entropy takes one for each class (binary_cross_entropy takes one for two classes)'
% test ! -e one && sed '/split/d' model.yaml >all.yaml && "$bprop" train all.yaml --out all --set train.epochs=1 2>/dev/null | grep -q '^nothing is held back' && ! grep -q 'nothing is held back' out.txt
$ predict run new.csv
> new.csv:2  b ...
> new.csv:3  a ...
! input ('new.csv'), 'color': no word of the training rows in 1 cell (they count as unknown): line 3 'purple'
$ predict run model.yaml
! bprop: 'model.yaml' is a model file; this run takes tables (.csv, .csv.gz ...) with the columns of that which it was trained on
? 1
$ predict run run
! bprop: 'run' is a folder; this run takes tables (.csv, .csv.gz ...) with the columns of that which it was trained on
? 1
% "$bprop" show run | grep -A 9 '^column' >columns.txt
% grep -q '^id  *ignored  *different in nearly every row' columns.txt && grep -q '^kind  *category  *target  *a, b, c' columns.txt && grep -q '^color  *category  *3' columns.txt
% "$bprop" show model.yaml | grep -q '^0  *dense  *32 '
% "$bprop" check model.yaml | grep -q 'all gradients are right'
# Stopped in the middle and gone on with: the same bits.
% "$bprop" train model.yaml --out stop --set train.epochs=7 >/dev/null && "$bprop" train model.yaml --out stop --resume --set train.epochs=7 >/dev/null
% "$bprop" train model.yaml --out whole --set train.epochs=7 >/dev/null && cmp stop/last.safetensors whole/last.safetensors
% { cat flowers.csv; echo '1;red'; echo '2;red;n;d'; echo 'x;red;m;a'; } >bad.csv
$ train model.yaml --out bad --set data.train.csv=bad.csv
! bprop: train ('bad.csv'): 1 row has other than 4 cells: line 122 has 2
! train ('bad.csv'), 'width': no number in 1 cell (data.table.missing lists words that stand for a missing value): line 124 'x'
? 1
$ train model.yaml --out bad --set data.table.target=knd
! bprop: 'flowers.csv' has no column 'knd' (the target); did you mean 'kind'? (columns go by their names, or by numbers from 1 to 4)
? 1
% test ! -e bad
# The source is named; a word that is no shape; nothing is left of what fails.
% sed 's|dense: 3]|dense: 2]|' model.yaml >two.yaml; ! "$bprop" train two.yaml --out two 2>two.txt && grep -q "^train (flowers.csv): .* labels are not within 0 to 1: line " two.txt && test ! -e two
$ show model.yaml --set model.input=tabel
! --set model.input: model.input: expected table, a whole number from 1 or a list of them, got tabel
? 2
% ! "$bprop" train digits --folds 3 --out folded 2>folds.txt >/dev/null && grep -q 'exclude each other' folds.txt && test ! -e folded
