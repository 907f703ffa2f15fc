# A small run, and what can be done with it.
% small='--set train.epochs=2 --set train.batch=16 --set data.train.digits.n=600 --set data.valid.digits.n=100 --set data.test.digits.n=100'
$ train $small --out run
> digits: 54,314 parameters (212.2 KiB), trained on 600 samples, ...
> epoch  1/2  train loss ...  accuracy ... %  valid loss ...  accuracy ... %  ...
> epoch  2/2  train loss ...  accuracy ... %  valid loss ...  accuracy ... %  ...
> weights of epoch ...:  test loss ...  accuracy ... %...
>
> rows: the truth; columns: the prediction
>             0     1     2     3     4     5     6     7     8     9
>       0...
>       1...
>       2...
>       3...
>       4...
>       5...
>       6...
>       7...
>       8...
>       9...
>
> all 2 epochs are done; in run:
>   best.safetensors        weights of epoch ...
>   last.safetensors        weights at the end, hash ...
>   curve.svg               loss and metric over the epochs
>   log.jsonl               every number of this run
>   config.yaml, checkpoint.safetensors
>
> next:
>   bprop eval run
>   bprop predict run INPUT.npy
>   bprop models                 models to train and change
% test "$(ls run | tr '\n' ' ')" = "best.safetensors checkpoint.safetensors config.yaml curve.svg last.safetensors log.jsonl "
% cp -r run keep
$ train $small --out run
! bprop: 'run' holds a run already: --resume goes on with it, --force replaces it, --out DIR takes another folder
? 2
% diff -r run keep
$ train $small --out run --resume --set train.seed=2
! bprop: 'run' is a run of another configuration: it differs in train.seed (its options). On resume only train.epochs,
! train.checkpoint_seconds, train.log_every and train.tensorboard may change
? 2
% diff -r run keep
$ eval run --json
> {"split":"test","samples":100,"loss":...,"accuracy":0...}
$ eval run --json --split valid --weights last --threads 1
> {"split":"valid","samples":100,"loss":...,"accuracy":...}
$ eval run
> test: 100 samples, loss ..., accuracy ... %
> rows: the truth; columns: the prediction
> ...
> ...
> ...
> ...
> ...
> ...
> ...
> ...
> ...
> ...
> ...
% { printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 28, 28), }"; head -c 1568 /dev/zero; } >in.npy
$ predict run in.npy
> in.npy:0  ... %...
> in.npy:1  ... %...
$ predict run in.npy --json
> {"input":"in.npy","sample":0,"class":...,"label":"...","probability":...,"probabilities":[...]}
> {"input":"in.npy","sample":1,"class":...,"label":"...","probability":...,"probabilities":[...]}
$ predict run missing.npy
! bprop: cannot open 'missing.npy': No such file or directory
? 1
$ predict run run/config.yaml
! bprop: 'run/config.yaml' is a model file; this run takes a .npy array, an IDX file, or pictures: one (.png, .jpg), a folder or an archive
? 1
% printf 'some text' >note
% printf '\0\0\x08\x03\0\0\0\x02\0\0\0\x1c\0\0\0\x1c' >in.idx && head -c 1568 /dev/zero >>in.idx && "$bprop" predict run in.idx | grep -c '^in.idx:' | grep -qx 2 && "$bprop" predict run <(cat in.idx) | grep -c ':[01]  ' | grep -qx 2
$ predict run note
! bprop: 'note' is no IDX file; this run takes ...
? 1
$ grad run --out g.safetensors --sample 3 $small
> 1 sample, loss ...; gradients in g.safetensors
$ grad run --out h.safetensors --sample 600 $small
! bprop: --sample 600: there are 600 samples
? 1
$ grad digits --out g64.safetensors --dtype f64 $small
> 16 samples, loss ...; gradients in g64.safetensors
% test ! -e h.safetensors && test "$(stat -c %s g64.safetensors)" -gt 434512
# Damage.
% head -c 1000 keep/best.safetensors >run/best.safetensors
$ eval run
! bprop: 'run/best.safetensors' is not a sound safetensors file: ...
? 1
% rm run/best.safetensors
$ eval run
! bprop: cannot open 'run/best.safetensors': No such file or directory
? 1
% echo 'foo: 1' >>run/config.yaml
$ eval run
! run/config.yaml:...:1: unknown key 'foo'; expected name, model, loss, metrics, penalty, optimizer, data or train
? 2
# Data that is not there, or does not fit.
$ train mnist-cnn --out m
! bprop: cannot open 'train-images-idx3-ubyte.gz': No such file or directory
! cannot open 'train-labels-idx1-ubyte.gz': No such file or directory
! (where is the data? --data FOLDER says it)
? 1
% test ! -e m
$ train $small --out m --set model.input='[1,27,28]'
! bprop: 800 of 800 samples cannot be used:
! train (digits): all 600 samples of input 0 have the shape [28,28], and the model asks for [1,27,28]
! valid (digits): all 100 samples of input 0 have the shape [28,28], and the model asks for [1,27,28]
! test (digits): all 100 samples of input 0 have the shape [28,28], and the model asks for [1,27,28]
? 1
$ train $small --out m --set model.layers.9.dense.units=9
! bprop: ... of 800 samples cannot be used:
! train (digits): ...
! valid (digits): ...
! test (digits): ...
? 1
% test ! -e m
# A number that grows beyond all bounds.
$ train $small --out nan --set 'optimizer={sgd: {lr: 1e30}}'
> digits: ...
! bprop: step 2 (epoch 1, batch 2 of 38): ...
! no file in nan holds that value; a smaller lr or clip_norm may help
? 1
% test "$(ls nan | tr '\n' ' ')" = "config.yaml log.jsonl "
% : >file
$ train $small --out file
! bprop: cannot make folder 'file': File exists
? 1
$ train $small --out no/such/parent
! bprop: cannot make folder 'no/such/parent': No such file or directory
? 1
