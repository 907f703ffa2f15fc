# What a newcomer types wrong.
$ tran
! bprop: unknown command 'tran' (did you mean 'train'?); `bprop help` lists them
? 2
$ xyzzy
! bprop: unknown command 'xyzzy'; `bprop help` lists them
? 2
$ train --forse
! bprop: unknown option --forse (did you mean --force?); `bprop help train` explains
? 2
$ train --json
! bprop: `bprop train` takes no option --json; `bprop help train` explains
? 2
$ train --set
! bprop: --set needs KEY=VALUE; `bprop help train` explains
? 2
$ train --force=yes
! bprop: --force takes no value; `bprop help train` explains
? 2
$ train --threads 0
! bprop: --threads '0': expected a whole number from 1 to 1024; `bprop help train` explains
? 2
$ train --threads=two
! bprop: --threads 'two': expected a whole number from 1 to 1024; `bprop help train` explains
? 2
$ train --level avx1024
! bprop: --level 'avx1024': expected plain, avx2, avx512 or neon; `bprop help train` explains
? 2
$ train --resume --force
! bprop: --resume goes on with a run, --force replaces it: give one of them; `bprop help train` explains
? 2
$ train digits extra
! bprop: what is 'extra'? `bprop train` takes [FILE]; `bprop help train` explains
? 2
$ eval
! bprop: `bprop eval` needs RUN; `bprop help eval` explains
? 2
$ predict some-run
! bprop: `bprop predict` needs RUN INPUT...; `bprop help predict` explains
? 2
$ eval run --split tset
! bprop: --split 'tset': expected train, valid or test; `bprop help eval` explains
? 2
$ check --dtype f16
! bprop: --dtype 'f16': expected f32 or f64; `bprop help check` explains
? 2
$ version extra
! bprop: what is 'extra'? `bprop version` takes no operand; `bprop help version` explains
? 2
$ help trian
! bprop: unknown command 'trian' (did you mean 'train'?); `bprop help` lists them
? 2
$ train missing.yaml
! bprop: no file or run 'missing.yaml', and no shipped model of this name (`bprop models` lists those)
? 2
$ models difits
! bprop: no model 'difits' (did you mean 'digits'?); `bprop models` lists them
? 2
$ ops mtmul
! bprop: unknown op 'mtmul' (did you mean 'matmul'?); `bprop ops` lists them
? 2
$ ops --backward
! bprop: --backward needs the name of an op
? 2
$ ops argmax --backward
! bprop: argmax has no gradient
? 2
$ eval digits
! bprop: 'digits' is a model file; eval wants a run folder, as `bprop train` makes them
? 2
% mkdir empty
$ eval empty
! bprop: 'empty' is not a run: it has no config.yaml (if it holds pictures, `bprop new empty` drafts a model file)
? 2
# What a newcomer types right.
# Data where a model file should stand.
% printf 'a,b\n1,2\n' >people.csv && cp people.csv all.zip && cp people.csv x.npy
$ train people.csv
! bprop: 'people.csv' is a table, not a model file; `bprop new people.csv` drafts one for it
? 2
$ show all.zip
! bprop: 'all.zip' is an archive, not a model file; `bprop new all.zip` drafts one for it
? 2
$ train x.npy
! bprop: 'x.npy' is an array, not a model file or a run
? 2
$ help eval
> usage: bprop eval RUN [options]
>
> loss and metrics of a run's weights on a data split
>
> With --json: one object with split, samples, loss and each metric by its name
> (accuracy from 0 to 1).
>
> options:
>   --data DIR         folder that the data files are in
>   --split NAME       train, valid or test (default: test)
>   --weights WHICH    best (default) or last
>   --json             print JSON
>   --set KEY=VALUE    change a key of the model file: --set train.epochs=3
>   --threads N        threads (default: the CPUs allowed)
>   --level NAME       kernels for plain, avx2, avx512 or neon (default: the best here)
>   --no-pass LIST     switch passes off: names, or all
>   --no-kernel LIST   switch kernels off: names, or all (leaves the reference ones)
>   --help             print this help
$ --version --threads 1 --level plain
> bprop 0.1.0
> compiler   ...
> level      plain (available: plain...)
>            plain C: the same bits, slowly
> threads    1 (this process may use ...
> libraries  libyaml ...
$ ops matmul
> matmul (...
> ...
>
> gradient of input 0: yes
> gradient of input 1: yes
> properties: ...
> attributes: ta, tb
$ ops relu --backward
> %1 = input...
> ...
> ...
> ...
> ...
> ...
> output "dx0" = ...
