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
# Several targets: numbers, each with its own scale, table and name.
% awk 'BEGIN { print "x,color,speed,\"heat, C\""; for (i = 0; i < 90; i++) { a = (i * 7 % 90) / 90; c = i % 2; print a "," (c ? "red" : "blue") "," 2 * a - c "," 100 * a * a + 20 * c } }' >both.csv
$ new both.csv --target 'speed, 4'
> both.csv: 90 rows, 4 columns, separated by commas, with a header
> ...
> ...
>     3 speed                  target    a number, mean 0.4888...
>     4 heat, C                target    a number, mean 42.77...
>
> the model file is both.yaml; train it with
>   bprop train both.yaml
% grep -q 'target: \["speed", "heat, C"\]' both.yaml && grep -q 'dense: 2 # a number for each target' both.yaml
% "$bprop" train both.yaml --set train.epochs=20 >out.txt && grep -q '^  speed  *R2 ' out.txt && grep -q '^  heat, C  *R2 ' out.txt
# Both explained for the most part; the mean of the second in its own units.
% awk '/this network/ && $3 > 0.9 { n++ } END { exit n != 2 }' out.txt && test $(grep -c 'always the mean, [0-9][0-9]\.' out.txt) = 1
% printf 'x,color\n0.5,red\n' >one.csv && "$bprop" predict runs/both one.csv | grep -q '^one.csv:2  speed -\{0,1\}0\.[0-9]*  heat, C 4[0-9]\.'
% "$bprop" predict runs/both one.csv --json | grep -q '"targets":\["speed","heat, C"\]'
% "$bprop" eval runs/both --json | grep -q '"samples":18,'
% "$bprop" train both.yaml --folds 3 --set train.epochs=20 | grep -q '^3 folds, .*: mean 0.9'
$ new both.csv --target speed,color --force
! bprop: 'both.csv': several targets are numbers all; 'color' is to be a class: a target alone may be one
? 2
$ new both.csv --target speed,3 --force
! bprop: 'both.csv': the target 'speed' is named twice
? 2
$ train both.yaml --out t --set 'data.table.columns={speed: ignored}'
! bprop: 'both.csv': 'speed' is the target, and cannot be ignored
? 1
# Many words: a vector for each, learned with the network.
% awk 'BEGIN { print "zip,x,kind"; for (i = 0; i < 700; i++) { z = i * 37 % 70; print "z" z "," i * 11 % 100 "," (z * z % 7 < 3 ? "yes" : "no") } }' >zips.csv
% "$bprop" new zips.csv | grep -q '^ *1 zip  *embedding  *70 words: z0, z1, z10, z11 \.\.\.$'
% "$bprop" train zips.yaml --set train.epochs=25 >out.txt 2>/dev/null && grep -q 'this network  *100.00 %' out.txt && grep -q 'a linear model  *100.00 %' out.txt
% "$bprop" train zips.yaml --set train.epochs=25 --out zip3 --threads 3 >/dev/null 2>&1 && cmp runs/zips/last.safetensors zip3/last.safetensors
% "$bprop" show runs/zips | grep -q '^columns\.0  *embedding  *9  *630 ' && "$bprop" show runs/zips | grep -q '^zip  *embedding  *1  *z0, z1'
% printf 'zip,x\nz1,5\nz5,5\nz77,5\n' >z.csv
% "$bprop" predict runs/zips z.csv 2>err.txt >out.txt && sed -n 1p out.txt | grep -q 'yes' && sed -n 2p out.txt | grep -q 'no' && test $(wc -l <out.txt) = 3 && grep -q "line 4 'z77'" err.txt
% "$bprop" check zips.yaml --data . | grep -q 'columns.0.weight' && "$bprop" check zips.yaml --data . | grep -q 'all gradients are right'
% "$bprop" explain zips.yaml >explained.txt 2>/dev/null && grep -q '^ *columns\.0\.weight' explained.txt
% "$bprop" train zips.yaml --set 'data.table.columns={zip: category}' --set train.epochs=1 --out hot >/dev/null 2>&1 && ! "$bprop" show hot | grep -q '^columns'
$ train zips.yaml --out no --set data.normalize=feature
! bprop: data.normalize is for numbers: 'zip' is an embedded category; data.table.columns: {zip: category} makes features of it
? 1
$ train zips.yaml --out no --set 'data.table.columns={kind: embedding}'
! bprop: 'zips.csv': 'kind' is the target: a category or a number, no embedding
? 1
# A class of one row is in the training part of every fold.
% { cat flowers.csv; echo '9;red;n;z'; } >rare.csv; sed 's|dense: 3]|dense: 4]|; s|flowers.csv|rare.csv|' model.yaml >rare.yaml
% "$bprop" train rare.yaml --out rare --folds 4 --set train.epochs=1 | grep -q '^4 folds, in rare: mean'
# Data that changed under a run are no data to go on with.
% cp flowers.csv mine.csv && sed 's|flowers.csv|mine.csv|' model.yaml >mine.yaml && "$bprop" train mine.yaml --out mine --set train.epochs=1 >/dev/null && sed -i '3s/^[^;]*;/0.123;/; 4s/^[^;]*;/0.456;/' mine.csv
% ! "$bprop" train mine.yaml --out mine --resume --set train.epochs=2 2>mine.txt >/dev/null && grep -q 'the data of "train"' mine.txt
