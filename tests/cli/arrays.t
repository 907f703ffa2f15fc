# Arrays: what `bprop new` sees in a pair of .npy files, and what that trains to.
% npy() { printf '\223NUMPY\1\0v\0%-117s\n' "{'descr': '$1', 'fortran_order': False, 'shape': ($2), }"; }; { npy '|u1' '60, 4'; for i in $(seq 0 59); do printf "\\x$(printf %02x $((i % 3 * 40 + i * 7 % 13)))\\x$(printf %02x $((i * 11 % 30)))\\x$(printf %02x $((120 - i % 3 * 40 + i % 5)))\\x09"; done; } >x_train.npy; { npy '|u1' '60,'; for i in $(seq 0 59); do printf "\\x0$((i % 3))"; done; } >y_train.npy; cp x_train.npy x_test.npy; cp y_train.npy y_test.npy; { npy '<f4' '60,'; for i in $(seq 0 59); do printf "\\0\\0\\x$([ $((i % 3)) = 0 ] && echo 00 || echo 80)\\x$([ $((i % 3)) = 0 ] && echo 00 || echo 3f)"; done; } >heat.npy
$ new x_train.npy --test x_test.npy --out model.yaml
> x_train.npy: 60 samples
>   x_train.npy          input, uint8 [4], from 0 to 124
>   y_train.npy          target, 3 classes: 0 (20), 1 (20), 2 (20)
> x_test.npy, y_test.npy: 60 samples to test on
>
> the model file is model.yaml; train it with
>   bprop train model.yaml
% "$bprop" train model.yaml --out run >out.txt 2>/dev/null && grep -q '^on the 60 samples of the test part:$' out.txt && grep -q 'this network  *9[0-9]\.[0-9]* %' out.txt && grep -q 'a linear model  *100.00 %' out.txt && grep -q '^verdict: better than always' out.txt
% "$bprop" predict run x_test.npy | sed -n 2p | grep -q '^x_test.npy:1  1 '
% "$bprop" new x_train.npy --target heat.npy --out heat.yaml | grep -q 'heat.npy  *target, 1 number a sample, mean 0.666667, deviation 0.471405$'
% "$bprop" train heat.yaml --out heat 2>/dev/null | grep -A 4 '^on the 12 samples of the test part' | grep -q 'this network  *0\.[4-9]'
$ new y_train.npy
! bprop: 'y_train.npy' is one array: which file holds its targets does not show; --target FILE.npy names it, or names such as x.npy and y.npy
? 2
$ new x_train.npy --task class --force
! bprop: 'x_train.npy': --task is for tables; an array's type says what it is: whole numbers are classes
? 2
