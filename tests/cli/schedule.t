# A schedule that looks at the end of a run: going on for longer makes the rate
# jump. That is said before it starts, and what does not jump is offered.
% small="--set data.train.digits.n=600 --set data.valid.digits.n=200 --set data.test.digits.n=60 --set train.batch=20"
% cosine='optimizer={adam: {lr: 0.002, schedule: {cosine: {to: 0}}}}'
% "$bprop" train digits --out cos $small --set "$cosine" --set train.epochs=2 >cos.txt && grep -q 'the learning rate jumps. A new schedule from these weights' cos.txt && grep -q -- '--out cos-more --set train.init_from=cos' cos.txt
% "$bprop" train digits --out cos --resume $small --set "$cosine" --set train.epochs=4 >more.txt && grep -q '^note: the learning rate jumps from 0 to 0.001' more.txt
# A constant rate jumps nowhere.
% "$bprop" train digits --out flat $small --set 'optimizer={adam: {lr: 0.002}}' --set train.epochs=1 >flat.txt && ! grep -q jumps flat.txt
% "$bprop" train digits --out flat --resume $small --set 'optimizer={adam: {lr: 0.002}}' --set train.epochs=2 >flat.txt && ! grep -q jumps flat.txt
# Each epoch's line has the hash of its weights; the last one's is that of the file.
% hash=$(grep -o '"weights":"[0-9a-f]*"' cos/log.jsonl | tail -n 1 | cut -d'"' -f4) && grep -q "weights at the end, hash $hash" more.txt
% test "$(grep -c '"weights":' cos/log.jsonl)" = 4
# The schedule itself may not change under a run.
$ train digits --out flat --resume --set 'optimizer={adam: {lr: 0.002, schedule: cosine}}'
! bprop: 'flat' is a run of another configuration: it differs in optimizer.adam, data.train, data.valid, data.test, train.batch (its options and data). On resume only train.epochs,
! train.checkpoint_seconds, train.log_every and train.tensorboard may change
? 2
# Nor may the order of the layers, with the same weights.
% "$bprop" train digits --out flat --resume $small --set 'optimizer={adam: {lr: 0.002}}' --set 'model.layers=[{conv2d: {filters: 8, kernel: 5, padding: same}}, {max_pool2d: 2}, relu, {conv2d: {filters: 16, kernel: 5, padding: same}}, relu, {max_pool2d: 2}, flatten, {dense: 64}, relu, {dense: 10}]' --set train.epochs=3 2>order.txt; test $? = 2 && grep -q 'it differs in model.layers.* (its graph)' order.txt
