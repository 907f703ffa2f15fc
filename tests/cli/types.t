# Types: whole numbers of any width, f64 and labels for each place, as .npy.
% npy() { printf '\223NUMPY\1\0v\0%-117s\n' "{'descr': '$1', 'fortran_order': False, 'shape': ($2), }"; }; b() { printf "\\x$(printf %02x $(($1 & 255)))\\x$(printf %02x $(($1 >> 8 & 255)))\\x$(printf %02x $(($1 >> 16 & 255)))\\x$(printf %02x $(($1 >> 24 & 255)))"; }; { npy '<i8' '40, 3'; for i in $(seq 0 119); do b $((i * 7 % 20)); b 0; done; } >tok.npy; { npy '<i2' '40, 3'; for i in $(seq 0 119); do printf "\\x$(printf %02x $((i * 7 % 20)))\\0"; done; } >tok2.npy; { npy '|u1' '40, 3'; for i in $(seq 0 119); do printf "\\x$(printf %02x $((i * 7 % 20)))"; done; } >tok1.npy; { npy '<i8' '40, 3'; for i in $(seq 0 119); do b $((i * 7 % 20 % 3)); b 0; done; } >tags.npy; { npy '<i8' '40, 3'; for i in $(seq 0 119); do b $((i * 7 % 20)); b $((i == 67)); done; } >large.npy
% printf 'model: {input: [3], layers: [embedding: {count: 20, dim: 4}, dense: 3]}\nloss: softmax_cross_entropy\nmetrics: [accuracy]\noptimizer: {adam: 0.1}\ndata: {train: {npy: {inputs: [tok.npy], target: tags.npy}}, split: {valid: 0.2}}\ntrain: {epochs: 12, batch: 8}\n' >m.yaml
% "$bprop" train m.yaml --out run >out 2>/dev/null && grep -q 'valid .*accuracy 100' out
% "$bprop" train m.yaml --set data.train.npy.inputs=tok2.npy --out run2 >out 2>/dev/null && "$bprop" train m.yaml --set data.train.npy.inputs=tok1.npy --out run1 >out 2>/dev/null && cmp run/last.safetensors run2/last.safetensors && cmp run/last.safetensors run1/last.safetensors
% "$bprop" train m.yaml --set 'model.input={shape: [3], dtype: i32}' --out typed >out 2>/dev/null && cmp run/last.safetensors typed/last.safetensors && grep -q 'dtype: i32' typed/config.yaml && "$bprop" eval typed --split valid >out && grep -q 'accuracy 100' out && "$bprop" train m.yaml --set 'model.input={shape: [3], dtype: i32}' --set train.epochs=13 --out typed --resume >out 2>/dev/null
% "$bprop" train m.yaml --set 'model.input={words: {shape: [3], dtype: float}}' --set data.normalize=none --out floats >out 2>/dev/null && cmp run/last.safetensors floats/last.safetensors
% for c in check explain 'grad --sample 1' show; do "$bprop" $c m.yaml --set 'model.input={shape: [3], dtype: i32}' >out || exit 1; done
$ train m.yaml --set data.train.npy.inputs=large.npy --out no
! bprop: 'large.npy': the whole number at [22,1] is 4294967305: from -2147483648 to 2147483647 are possible (i32)
? 1
% ! "$bprop" train m.yaml --set 'model.layers=[{embedding: {count: 19, dim: 3}}]' --out no 2>err && grep -q '^train (tok.npy): 3 samples of input 0 hold a number that is none of the whole numbers from 0 to 18: sample 18 has 19 at \[2\]' err
$ train m.yaml --set 'model.input={shape: [3], dtype: i64}' --out no
! --set model.input: model.input.dtype: unknown name 'i64' (did you mean 'i32'?)
? 2
$ train m.yaml --set 'model.layers=[{dense: 3}]' --set 'model.input={shape: [3], dtype: i32}' --out no
! bprop: --set model.layers: 0.dense: its input is ...i32[2,3], the network's type is f32
? 2
# f64 numbers around 1.6e9 that differ by 62 at most; [2, 4] whose channels are 1,000 apart.
% d() { v=$(((0x41D << 52) | (($1 - 1073741824) << 22))); b $v; b $((v >> 32)); }; { npy '<f8' '32, 1'; for i in $(seq 0 31); do d $((1600000000 + i * 13 % 32 * 2)); done; } >time.npy; { npy '<f8' '32, 1'; for i in $(seq 0 31); do d $((1500000000 + i * 13 % 32)); done; } >later.npy; printf 'model: {input: [1], layers: [dense: 1]}\nloss: huber\nmetrics: [r2]\noptimizer: {sgd: 0.3}\ndata: {train: {npy: {inputs: [time.npy], target: time.npy}}, normalize: feature}\ntrain: {epochs: 1, batch: 32}\n' >t.yaml
% for t in f32 f64; do "$bprop" train t.yaml --set train.dtype=$t --out $t >out 2>/dev/null && grep -A 2 'fitted:' $t/config.yaml | tr '\n' ' ' | grep -q 'mean: \[1600000031\].*std: \[18.46' || exit 1; done
% "$bprop" grad t.yaml --sample 1 --set data.train.npy.target=later.npy >g1 && "$bprop" grad t.yaml --sample 2 --set data.train.npy.target=later.npy >g2 && ! cmp -s g1 g2
% { npy '<i4' '12, 2, 4'; for i in $(seq 0 95); do b $((i / 4 % 2 ? i * 1000 : i)); done; } >c.npy; { npy '|u1' '12,'; for i in $(seq 0 11); do printf "\\x0$((i % 2))"; done; } >y.npy; printf 'model: {input: [2, 4], layers: [{conv1d: {filters: 3, kernel: 2}}, flatten, {dense: 2}]}\nloss: softmax_cross_entropy\ndata: {train: {npy: {inputs: [c.npy], target: y.npy}}, normalize: channel}\ntrain: {epochs: 1}\n' >c.yaml && "$bprop" train c.yaml --out c >out 2>/dev/null && grep -A 2 'fitted:' c/config.yaml | grep -q 'mean: \[45.5, 49500\]' && "$bprop" predict c c.npy | grep -c '^c.npy:' | grep -qx 12
