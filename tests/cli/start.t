# train.init_from and train.freeze: PyTorch's file with names mapped, another
# run; what does not fit; the same bits stopped and gone on with.
% npy() { printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '$1', 'fortran_order': False, 'shape': ($2), }"; tail -c +129 "$BPROP_SOURCE/tests/data/torch/$3"; }; npy '<f4' '15, 1, 8, 8' input.npy >x.npy && npy '<i4' '15,' target.npy >y.npy && test $(wc -c <x.npy) = 3968
% printf 'model:\n  input: [1, 8, 8]\n  layers:\n  - conv2d: {filters: 4, kernel: 3, padding: 1, bias: false}\n  - batch_norm\n  - relu\n  - max_pool2d: 2\n  - {conv2d: {filters: 6, kernel: 3, padding: 1, name: second}}\n  - gelu\n  - max_pool2d: 2\n  - flatten\n  - {dense: {units: 16, name: hidden}}\n  - relu\n  - {dense: {units: 10, name: head}}\nloss: softmax_cross_entropy\ndata:\n  train: {npy: {inputs: [x.npy], target: y.npy}}\n  normalize: none\ntrain:\n  epochs: 3\n  batch: 5\n  init_from:\n    path: %s/net.safetensors\n    map: {"4.*": "second.*", "8.*": "hidden.*", "11.*": "head.*"}\n' "$BPROP_SOURCE"/tests/data/torch >m.yaml
% "$bprop" train m.yaml --out run >out.txt && grep -q 'starting from .*net.safetensors (hash [0-9a-f]*): 11 tensors taken, 0 missing, 0 extra, 0 of another shape' out.txt
% h=$(sed -n 's/.*(hash \([0-9a-f]*\)).*/\1/p' out.txt); grep -q "init_hash: \"\?$h" run/config.yaml
# Not trained at all: the file's weights are the run's.
% "$bprop" train m.yaml --out still --set 'optimizer={sgd: {lr: 1e-30}}' --set train.epochs=1 --set train.batch=15 >/dev/null && "$bprop" predict still x.npy >still.txt && "$bprop" train m.yaml --out other --set 'optimizer={sgd: {lr: 1e-30}}' --set train.epochs=1 --set train.batch=15 --set train.seed=9 >/dev/null && "$bprop" predict other x.npy >other.txt && cmp still.txt other.txt
% "$bprop" train m.yaml --out stop --set train.epochs=1 >/dev/null && "$bprop" train m.yaml --out stop --resume >stop.txt && cmp stop/last.safetensors run/last.safetensors && ! grep -q 'starting from' stop.txt && cmp stop/config.yaml run/config.yaml
% "$bprop" train m.yaml --out r3 --threads 3 >/dev/null && cmp r3/last.safetensors run/last.safetensors
# Another run, its last weights; parts frozen: those stay.
% "$bprop" train m.yaml --out tuned --set train.init_from.path=run --set train.init_from.map=null --set train.init_from.weights=last --set 'train.freeze=["second.*", 0.*]' >tuned.txt && grep -q 'starting from run/last.safetensors' tuned.txt
% tail -c +9 tuned/last.safetensors | head -c 2000 | grep -q second.weight
% "$bprop" train m.yaml --out tuned2 --set train.init_from.path=tuned --set train.init_from.map=null --set train.init_from.allow_missing=true --set 'train.freeze=["*"]' 2>all.txt; grep -q 'are frozen' all.txt
# Everything that does not fit, at once; then nothing is there.
$ train m.yaml --out bad --set 'train.init_from.map={"4.weight": "second.weight", "8.*": "hidden.*", "11.bias": "1.bias2"}'
! train: 2 classes are without a sample, the first is 0
! init_from: missing: second.bias f32[6] (4.bias of the file has this shape)
! init_from: missing: head.weight f32[10,16] (11.weight of the file has this shape)
! init_from: missing: head.bias f32[10] (11.bias of the file has this shape)
! init_from: extra: 4.bias f32[6]
! init_from: extra: 11.weight f32[10,16]
! init_from: extra: 11.bias f32[10] (as 1.bias2)
! bprop: init_from: '...net.safetensors' does not fit the model: 8 taken, 3 missing, 3 extra, 0 of another shape
? 1
% test ! -e bad
$ train m.yaml --out bad --set 'train.init_from.map={"4.*": "second.*", "8.*": "hidden.*", "12.*": "head.*"}'
! train: 2 classes are without a sample, the first is 0
! bprop: init_from: map: no tensor of '...net.safetensors' is named "12.*"; there are 0.weight, 1.weight, 1.bias, ...
? 1
$ train m.yaml --out bad --set 'train.freeze=[secnd.*]'
! bprop: freeze: no parameter is named "secnd.*"; there are 0.weight, 1.weight, ...
? 2
$ train m.yaml --out bad --set train.init_from.alow_missing=true
! --set train.init_from.alow_missing: unknown key 'alow_missing' in train.init_from (did you mean 'allow_missing'?)
? 2
$ train m.yaml --out bad --set train.init_from=nowhere
! train: 2 classes are without a sample, the first is 0
! bprop: init_from: cannot ...'nowhere'...
? 1
% printf 'PK\003\004 and more' >m.pt; ! "$bprop" train m.yaml --out bad --set train.init_from=m.pt 2>bad.txt && grep -q "'m.pt' is an archive, as torch.save writes them" bad.txt
# A new head: what is missing starts anew, when that is allowed.
% sed 's/units: 10, name: head/units: 10, name: top/; s/"11[.][*]": "head[.][*]"/"11.*": null/' m.yaml >top.yaml && "$bprop" train top.yaml --out top --set train.init_from.allow_missing=true 2>top.txt | grep -q '9 tensors taken, 2 missing, 0 extra' && grep -q 'init_from: missing: top.weight' top.txt
# It goes on, from its own folder too, with names left out by null; what it
# started from may not change.
% "$bprop" train top.yaml --out top --resume --set train.init_from.allow_missing=true --set train.epochs=4 >/dev/null && "$bprop" train --out top --resume --set train.epochs=5 >/dev/null && "$bprop" predict top x.npy >/dev/null && grep -q '"11.\*": null' top/config.yaml && grep -q init_hash top/config.yaml
% ! "$bprop" train m.yaml --out run --resume --set train.init_from.path=top 2>bad.txt && grep -q 'it differs in train.init_from' bad.txt
# LSUV: for the whole model, or one layer; the same bits from any threads.
% "$bprop" train digits --out l1 --set model.init=lsuv --set optimizer=adam --set data.train.digits.n=400 --set train.epochs=2 --threads 1 >/dev/null && "$bprop" train digits --out l3 --set 'model.init={lsuv: 0.1}' --set optimizer=adam --set data.train.digits.n=400 --set train.epochs=1 --threads 3 >/dev/null && "$bprop" train digits --out l3 --resume --set 'model.init={lsuv: {steps: 10}}' --set optimizer=adam --set data.train.digits.n=400 --set train.epochs=2 --threads 2 >/dev/null && cmp l1/last.safetensors l3/last.safetensors
% "$bprop" train digits --out l64 --set train.dtype=f64 --set train.shards=3 --set model.init=lsuv --set train.steps=2 --set data.train.digits.n=400 >/dev/null && "$bprop" eval l64 >/dev/null
$ train digits --out bad --set 'model.init=lsv'
! --set model.init: unknown initializer "lsv": did you mean lsuv?
? 2
