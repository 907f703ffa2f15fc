# README.md: its listings are run. What installs packages or builds from
# nothing cannot run within a test: its lines are compared, its parts are run.
% block() { awk -v want="$1" -v n="$2" '/^```/ { if (on) { on = 0; next } if (($1 == "```" want) && ++k == n) { on = 1; next } } on' "$BPROP_SOURCE/README.md"; }
% test "$(grep -c '^```[a-z]' "$BPROP_SOURCE/README.md")" = 7
# 1: the two scripts.
% test "$(block sh 1 | sed 's/ *#.*//' | tr '\n' ' ')" = './quickstart.sh ./check.sh '
% for script in quickstart.sh check.sh; do test -x "$BPROP_SOURCE/$script" && bash -n "$BPROP_SOURCE/$script" || exit 1; done
% "$BPROP_SOURCE/check.sh" --help >help.txt && grep -q -e '--full' help.txt
# 2: the main job, word for word, on digits in place of MNIST's files.
% mkdir -p build && ln -s "$bprop" build/bprop && cp -r "$BPROP_SOURCE/models" .
% { printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 28, 28), }"; head -c 1568 /dev/zero; } >images.npy
% block sh 2 | sed 's/ *#.*//; s/DIR/./' >job.txt && test "$(wc -l <job.txt)" = 3
% small="--set train.epochs=1 --set train.batch=32 --set 'data.train={digits: {n: 64}}' --set 'data.valid={digits: {n: 32, seed: 2}}' --set 'data.test={digits: {n: 32, seed: 3}}'"
% sed "1s/\$/ ${small//&/\\&}/" job.txt >job.sh && sh -e job.sh >job.out && grep -q '^epoch  1/1' job.out
% test -f runs/mnist-cnn/best.safetensors && tail -n 2 job.out | grep -c % | grep -qx 2
# ... and as it stands, where MNIST is: one epoch of 640 samples.
% mnist="$BPROP_SOURCE/../shared/data/mnist"; if [ -d "$mnist" ]; then rm -r runs; block sh 2 | sed "s/ *#.*//; s|DIR|$mnist|; 1s/\$/ --set train.epochs=1 --set 'data.train.range=[0, 640]' --set 'data.valid.range=[50000, 50640]'/" | sh -e >mnist.out && grep -q '^epoch  1/1' mnist.out; else echo "not run: README's training on MNIST's files (no $mnist)"; fi
# 3: a table, word for word, in this folder and with few epochs.
% mkdir table && (cd table && mkdir build && ln -s "$bprop" build/bprop && awk 'BEGIN { print "age,income"; for (i = 0; i < 40; i++) print i % 23 "," (i % 23 > 11 ? "high" : "low") }' >people.csv && { echo age; echo 20; } >others.csv && block sh 3 | sed 's/ *#.*//; 2s/$/ --set train.epochs=2/' | sh -e >out.txt && grep -q '^  a linear model' out.txt && tail -n 1 out.txt | grep -q '^others.csv:2  [a-z]*  [0-9.]* %$')
# 4: pictures, likewise.
% pictures=$(cache() { sed -n "s/^$1:[A-Z]*=//p" "$(dirname "$bprop")/CMakeCache.txt"; }; cache BPROP_PNG; cache BPROP_JPEG)
% case $pictures in *OFF*) echo "not run: README's pictures (built without libpng or libjpeg)" ;; *) mkdir pictures && (cd pictures && mkdir build && ln -s "$bprop" build/bprop && "$(dirname "$bprop")/tests/make_pictures" shapes 12 && block sh 4 | sed 's/ *#.*//; 2s/$/ --set train.epochs=2/' | sh -e >out.txt && grep -q '^  a linear model' out.txt && tail -n 1 out.txt | grep -q '^shapes/circle/0011.png  [a-z]*  [0-9.]* %') ;; esac
# The model file, and the commands that the text names.
% block yaml 1 >model.yaml && grep -q 'idx:' model.yaml
% "$bprop" show model.yaml --plan >plan.txt && grep -q conv2d plan.txt
% "$bprop" show model.yaml --gradient >gradient.txt && grep -q output gradient.txt
% "$bprop" check model.yaml >check.txt && grep -q 'all gradients are right' check.txt
% for m in $("$bprop" models | sed -n 's/^\([a-z0-9/-]*\)  .*/\1/p'); do "$bprop" show "$m" >show.txt || exit 1; done
% for c in check show train eval predict; do "$bprop" help $c >help.txt && grep -q '^usage' help.txt || exit 1; done
# 5: installing, from what is built here, and a program on the headers.
% block sh 5 | head -n 2 | diff - <(printf '%s\n' 'cmake -S . -B build && cmake --build build' 'cmake --install build --prefix /usr/local')
% built=$(dirname "$bprop") && cache() { sed -n "s/^$1:[A-Z]*=//p" "$built/CMakeCache.txt"; }
% cmake --install "$built" --prefix "$PWD/usr" >install.txt && test -x usr/bin/bprop && test -f usr/include/bprop/train.h
% block c 1 >xor.c && diff xor.c "$BPROP_SOURCE/examples/xor.c" && mkdir examples && mv xor.c examples
% san=$(cache BPROP_SANITIZE); drop='#none'; for l in ZLIB:z PNG:png JPEG:jpeg ARCHIVE:archive; do [ "$(cache BPROP_${l%:*})" = ON ] || drop="$drop\\|-l${l#*:}"; done
% block sh 5 | sed -n 3p | sed "s|^cc|$(cache CMAKE_C_COMPILER) ${san:+-fsanitize=$san} -Iusr/include -L$(dirname usr/lib*/libbprop.* usr/lib*/*/libbprop.* 2>/dev/null | grep -v '[*]' | head -n 1)|; s/ \\($drop\\) / /g" >cc.sh && grep -q 'examples/xor.c' cc.sh && sh -e cc.sh
% ./xor >xor.txt && test "$(grep -c ' xor ' xor.txt)" = 4 && awk '/ xor /{ bad += ($5 > 0.5) != ($1 != $3) } END { exit bad }' xor.txt
# The pages and folders that it names exist.
% for f in $(grep -o '`[a-z]*/[A-Za-z/.-]*[a-z]`' "$BPROP_SOURCE/README.md" | tr -d '`' | grep -v '^build/'); do test -e "$BPROP_SOURCE/$f" || { echo "no $f"; exit 1; }; done
# The last run's predictions, one line a picture.
$ predict runs/mnist-cnn images.npy
> ...%...
> ...%...
