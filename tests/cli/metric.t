# Metrics: by name in the log, at the end of an epoch, in eval; monitored;
# classes by name; the same bits stopped and gone on with.
% awk 'BEGIN { print "width;color;kind"; for (i = 0; i < 300; i++) { k = i % 3; print k + (i * 7 % 10) / 5 ";" (i % 2 ? "blue" : "green") ";" (k == 2 ? "<c & d" : substr("ab", k + 1, 1)) } }' >flowers.csv
% printf 'model:\n  input: table\n  layers: [dense: 8, relu, dense: 3]\nloss: softmax_cross_entropy\noptimizer: {adam: 0.03}\nmetrics: [auc, accuracy, top_k: 1, top_k: 2, {precision: {class: a}}, recall: "<c & d", {f1: {average: micro}}, calibration_error: 10]\ndata:\n  train: {csv: flowers.csv}\n  split: {valid: 0.2, test: 0.2}\n  table: {target: kind}\ntrain: {epochs: 20, batch: 16, monitor: top_2, log_every: 3}\n' >m.yaml
% "$bprop" train m.yaml --out run >out.txt && grep -q 'test loss [0-9.]*  auc 0.[6-9][0-9]*  accuracy .* top_1 .* top_2 .* precision_a .* recall_<c & d .* f1_micro .* calibration_error_10 ' out.txt
% "$bprop" train m.yaml --out run3 --threads 3 >/dev/null && cmp run/last.safetensors run3/last.safetensors && sed 's/,"seconds.*//' run/log.jsonl >a && sed 's/,"seconds.*//' run3/log.jsonl >b && cmp a b
% "$bprop" eval run --json | grep -q '"auc":0.[6-9].*"top_1":.*"recall_<c & d":.*"f1_micro":'
# What the two names of one number say, eval on any batches too.
% "$bprop" eval run --json | sed 's/.*"accuracy":\([^,]*\),"top_1":\([^,]*\),.*"f1_micro":\([^,]*\),.*/\1 \2 \3/' | awk '{ exit !($1 > 0.4 && $1 == $2 && $2 == $3) }'
% grep -q 'recall_&lt;c &amp; d\|>auc<' run/curve.svg
% "$bprop" train m.yaml --out stop --set train.epochs=2 >/dev/null && "$bprop" train m.yaml --out stop --resume >/dev/null && cmp stop/best.safetensors run/best.safetensors
$ train m.yaml --out bad --set train.monitor=top_3
! --set train.monitor: train.monitor: 'top_3' is neither loss nor one of the metrics (did you mean 'top_1' or 'top_2'?)
? 2
$ train m.yaml --out bad --set 'metrics=[top_k, {top_k: 5}]' --set train.monitor=loss
! --set metrics: metrics: the metric top_5 is given twice
? 2
% sed 's/class: a/class: aa/' m.yaml >bad.yaml; ! "$bprop" train bad.yaml --out bad 2>bad.txt && grep -q 'precision: there is no class "aa": did you mean "a"?' bad.txt && test ! -e bad
$ train m.yaml --out bad --set 'metrics=[recal: a]'
! --set metrics: unknown metric "recal": did you mean recall?
? 2
# Numbers: the values after training, of the same rows.
% awk 'BEGIN { print "x,y"; for (i = 0; i < 200; i++) print i % 17 "," (i % 17) * 3 + (i % 5) }' >n.csv
% printf 'model:\n  input: table\n  layers: [dense: 8, relu, dense: 1]\nloss: mean_squared_error\nmetrics: [r2, root_mean_squared_error]\ndata:\n  train: {csv: n.csv}\n  split: {test: 0.3}\n  table: {target: y, task: number}\ntrain: {epochs: 20, batch: 8}\n' >n.yaml
% "$bprop" train n.yaml --out nr >n.txt && r2=$(sed -n 's/.*test loss .* r2 \([0-9.]*\) .*/\1/p' n.txt) && awk -v a="$r2" '/^  this network/ { d = a - $3; exit !(a > 0.5 && d < 2e-4 && d > -2e-4) }' n.txt
