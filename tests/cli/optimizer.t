# Optimizers and schedules by their names in a model file and in --set.
% printf 'model:\n  input: 4\n  layers: [{dense: 3}, relu, {dense: 2}]\nloss: softmax_cross_entropy\noptimizer: {lion: {lr: 0.001}}\n' >m.yaml
$ show m.yaml
> layer ...
> 0                dense              3                        15               12
> 1                relu               3 ...
> 2                dense              2                         8                6
> all                                                          23               18
>
> a training step of 64 samples: ...
> memory: ...
$ show m.yaml --set 'optimizer={lion: {beta1: 1}}'
! --set optimizer: lion: beta1 is "1", must be a number from 0 to below 1
? 2
$ show m.yaml --set optimizer=addagrad
! --set optimizer: unknown optimizer "addagrad": did you mean adagrad?
? 2
# A few steps with each: the loss falls.
% small="--set train.batch=50 --set train.epochs=4 --set data.train.digits.n=400 --set data.valid.digits.n=50 --set data.test.digits.n=50"
% falls() { "$bprop" train digits $small --out "$1" --set "optimizer=$2" >/dev/null && sed -n 's/.*"split":"train".*"loss":\([0-9.e+-]*\).*/\1/p' "$1/log.jsonl" | awk '{ if (NR == 1) first = $1; last = $1 } END { exit !(NR == 4 && last < 0.95 * first) }'; }
% falls adagrad 'adagrad'
% falls rmsprop '{rmsprop: {lr: 0.001, centered: true, momentum: 0.5}}'
% falls adadelta 'adadelta'
% falls adamax 'adamax'
% falls nadam 'nadam'
% falls nadamw '{nadamw: {weight_decay: 0.01}}'
% falls lion '{lion: {lr: 0.001}}'
% falls lamb '{lamb: {lr: 0.01}}'
% falls muon 'muon'
% falls schedule_free '{schedule_free: {lr: 0.01, schedule: {warmup: 4}}}'
% grep -q 'centered: true' rmsprop/config.yaml
% falls one_cycle '{sgd: {lr: 0.5, schedule: one_cycle}}'
% falls exponential '{adam: {schedule: {exponential: 0.9}}}'
% falls polynomial '{adam: {schedule: {polynomial: {power: 2}}}}'
% falls inverse_sqrt '{adam: {lr: 0.01, schedule: {inverse_sqrt: {warmup: 4}}}}'
% falls plateau '{adam: {schedule: {warmup: {steps: 4, then: {plateau: {patience: 1}}}}}}'
% falls ema '{adam: {ema: 0.99, clip_value: 0.1}}'
$ show m.yaml --set 'optimizer={sgd: {clip_norm: 1, clip_value: 1}}'
! --set optimizer: sgd: clip_norm and clip_value exclude each other
? 2
# Groups.
% falls groups '{adamw: {groups: [{freeze: "0.*"}, {group: {params: "*.bias", weight_decay: 0, lr_factor: 2}}]}}'
% grep -A 1 'freeze:' groups/config.yaml | grep -q 'params: "0.\*"'
% falls again "{adamw: {groups: [{freeze: '0.*'}, {group: {params: '*.bias', weight_decay: 0, lr_factor: 2}}]}}"
% cmp groups/last.safetensors again/last.safetensors
$ show m.yaml --gradient --set 'optimizer={sgd: {groups: [{freeze: "0.wieght"}]}}'
! ...freeze: no parameter is named "0.wieght"; there are 0.weight, 0.bias, 2.weight, 2.bias
? 2
$ show m.yaml --set 'optimizer={sgd: {groups: [{frieze: "0.*"}]}}'
! --set optimizer: unknown group "frieze": did you mean freeze?
? 2
# Muon with AdamW for the last layer.
% falls mixed '{muon: {groups: [{group: {params: "9.*", adamw: true}}]}}'
$ show m.yaml --gradient --set 'optimizer={adam: {groups: [{group: {params: "2.*", adamw: true}}]}}'
! ...group(2.*): adamw is for muon; adam has one rule for all parameters
? 2
