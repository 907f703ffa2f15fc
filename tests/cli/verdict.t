# The verdict below the table that ends training: is the network worth anything.
# Numbers from 0 to 999 in an order that tells nothing; no seed of a shell.
% draw() { awk -v n="$1" -v what="$2" 'BEGIN { s = 7; print "a,b,y"; for (i = 0; i < n; i++) { s = (s * 171 + 11213) % 53125; a = s % 1000; s = (s * 171 + 11213) % 53125; b = s % 1000; s = (s * 171 + 11213) % 53125; c = s % 1000; if (what == "noise") y = c < 700 ? "u" : "v"; if (what == "ring") y = (a - 500) ^ 2 + (b - 500) ^ 2 < 120000 ? "in" : "out"; if (what == "line") y = a + b > 1000 ? "up" : "low"; if (what == "rare") y = c < 5 + (a > 800) * 60 ? "hit" : "no"; if (what == "tail") y = exp(a / 250 + (c > 990) * 4 + c / 500); print a "," b "," y } }'; }
% draw 300 noise >noise.csv && draw 900 ring >ring.csv && draw 700 line >line.csv && draw 2000 rare >rare.csv && draw 900 tail >tail.csv
% verdict() { "$bprop" new $1.csv >/dev/null && "$bprop" train $1.yaml 2>/dev/null | sed -n '/^on the/,/^all/p' >$1.txt; sed -n '/^verdict/,/^$/p' $1.txt; }
# No better than the guess; and few rows.
% verdict noise | diff - <(printf '%s\n' 'verdict: no better than always u, as far as these rows can tell:' '  the inputs do not hold the target, or more rows are needed' '  60 rows are few to judge by; --folds 5 tests on all of them' '')
# With a test file of its own there are no folds to take.
% "$bprop" new noise.csv --test noise.csv --out own.yaml >/dev/null; head -50 noise.csv >test.csv; "$bprop" train own.yaml --set data.test.csv=test.csv --set train.epochs=1 2>/dev/null | grep -qx '  49 rows are few to judge by'
# A ring is beyond a linear model, a line is not.
% verdict ring | diff - <(printf '%s\n' 'verdict: better than always out, and better than the linear model' '')
% verdict line | head -1 | grep -q '^verdict: better than always [a-z]*, and as .* as the linear model'
# A rare class: the accuracy is the guess's, and its F1 is a mean over classes.
% verdict rare | sed -n 1p | grep -qx 'verdict: its classes are right no more often than always no; its probabilities are' && grep -q 'interval  *macro F1  *AUC' rare.txt && grep -q 'class_weights: balanced' rare.txt
# What it advises is a model file's language.
% "$bprop" show rare.yaml --set 'loss={softmax_cross_entropy: {class_weights: balanced}}' >/dev/null
$ eval runs/rare
> test: 400 samples, ...
> rows: the truth; columns: the prediction
> ...
> ...
> ...
# All classes right says little of 40 rows: no "100.00 to 100.00"; no "-0.0000".
% draw 200 ring >few.csv && sed 's/,in$/,P,in/; s/,out$/,F,out/; s/,y$/,z,y/' few.csv >sure.csv && verdict sure >/dev/null && grep -q ' 100.00 %  91.19 to 100.00 ' sure.txt
% verdict tail >/dev/null; grep -q 'always the mean' tail.txt && ! grep -q -- '-0\.0000' tail.txt
