# Numbers of files at the ends of what they can be: each command ends, with success or one message.
% npy() { printf '\223NUMPY\1\0v\0%-117s\n' "{'descr': '$1', 'fortran_order': $3, 'shape': ($2), }"; }; for s in '9223372036854775807, 0' '4611686018427387904, 4611686018427387904, 0' '0, 9223372036854775807, 9223372036854775807'; do for o in True False; do npy '<f4' "$s" $o >"$o${s%%,*}.npy"; done; done; npy '<f4' '1000000000000000, 0' False >empty.npy; { npy '<f4' '40, 1' False; for i in $(seq 0 39); do printf "\\0\\0\\x$(printf %02x $((i * 6)))\\x3f"; done; } >x.npy; { npy '<f4' '40, 1' False; for i in $(seq 0 39); do printf "\\x$(printf %02x $i)\\xc2\\x3e\\x4d"; done; } >y.npy
% printf 'model:\n  input: 1\n  layers: [dense: 1]\nloss: mean_squared_error\nmetrics: [mean_squared_error]\noptimizer: {adam: {lr: 0.01}}\ndata:\n  train: {npy: {inputs: [x.npy], target: y.npy}}\ntrain: {epochs: 3, batch: 16}\n' >real.yaml; timeout 60 "$bprop" train real.yaml --out real >/dev/null 2>&1 && grep -q '</svg>' real/curve.svg
$ predict real False9223372036854775807.npy
! bprop: 'False9223372036854775807.npy' is not a sound .npy file: no memory can hold its shape
? 1
$ predict real True4611686018427387904.npy
! bprop: 'True4611686018427387904.npy' is not a sound .npy file: no memory can hold its shape
? 1
$ predict real True0.npy
! bprop: 'True0.npy' is not a sound .npy file: no memory can hold its shape
? 1
$ predict real empty.npy
! bprop: empty.npy: the input 0 has the shape [1000000000000000,0]: no sample holds a number
? 1
$ new empty.npy --target empty.npy --out empty.yaml
! bprop: 'empty.npy': 'empty.npy' has the shape [1000000000000000,0]: there is no number in it
? 1
# One label that asks for 17 GB of counts. A sanitizer needs more room than any.
% room=unlimited; if (ulimit -v 3000000; "$bprop" version) >version.txt 2>&1; then room=3000000; fi
% { printf '\0\0\10\3\0\0\0\50\0\0\0\2\0\0\0\2'; head -c 160 /dev/zero; } >im; { printf '\0\0\14\1\0\0\0\50'; for i in $(seq 1 39); do printf "\\0\\0\\0\\x0$((i % 3))"; done; printf '\177\377\377\377'; } >la; for split in '' ', split: {valid: 0.3, stratify: true}' ', split: {valid: 0.3}'; do for loss in softmax_cross_entropy '{softmax_cross_entropy: {class_weights: balanced}}'; do printf "model: {input: [2, 2], layers: [flatten, {dense: 3}]}\nloss: $loss\nmetrics: [accuracy]\ndata: {train: {idx: {images: im, labels: la}}$split}\ntrain: {epochs: 1}\n" >lab.yaml; (ulimit -v $room; timeout 60 "$bprop" train lab.yaml --out lab --force) >out.txt 2>&1; rc=$?; [ $rc = 1 ] && grep -q 'not within 0 to 2.*2147483647' out.txt || { echo "$rc $split $loss"; cat out.txt; exit 1; }; done; done
# A line of more cells than a table may have.
% { head -c 70000 /dev/zero | tr '\0' ','; echo; head -c 70000 /dev/zero | tr '\0' ','; echo; } >wide.csv
$ new wide.csv --target 1
! bprop: 'wide.csv' has 70001 columns; 65535 are possible
? 1
