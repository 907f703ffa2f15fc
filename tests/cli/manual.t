# The manual page and bash's completion are those of this command, and hold.
% "$bprop" help man | diff "$BPROP_SOURCE/doc/man/bprop.1" - || { echo "stale: build the target man_doc"; exit 1; }
% "$bprop" help bash | diff "$BPROP_SOURCE/doc/man/bprop.bash" - || { echo "stale: build the target man_doc"; exit 1; }
% if command -v man >/dev/null && man --version 2>/dev/null | grep -q '^man [0-9]'; then MANWIDTH=80 man --warnings -l "$BPROP_SOURCE/doc/man/bprop.1" >page.txt 2>warnings.txt; test ! -s warnings.txt && for c in $("$bprop" help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do grep -q "^ *bprop $c" page.txt || exit 1; done; else echo "not run: man (no man-db)"; fi
% if command -v mandoc >/dev/null; then mandoc -Tlint -W warning "$BPROP_SOURCE/doc/man/bprop.1"; else echo "not run: mandoc -Tlint (no mandoc)"; fi
# Every option of every command stands in the page.
% for c in $("$bprop" help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do for o in $("$bprop" help $c | sed -n 's/^  \(--[a-z-]*\).*/\1/p'); do [ $o = --help ] || grep -qF -e ".B ${o//-/\\-}" "$BPROP_SOURCE/doc/man/bprop.1" || { echo "no $o"; exit 1; }; done; done
# bash completes; words as bash cuts them, the last one is completed.
% . "$BPROP_SOURCE/doc/man/bprop.bash" && complete -p bprop >/dev/null
% gives() { local want=$1; shift; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _bprop 2>/dev/null; [ "$(printf '%s\n' "${COMPREPLY[@]}" | sort | tr '\n' ' ')" = "$want " ] || { echo "bprop $*: ${COMPREPLY[*]}, not $want"; return 1; }; }
% gives 'train' bprop tr
% gives 'grad' bprop gr
% gives '--folds --force' bprop train --fo
% gives '--from' bprop lr --f
% gives 'avx2 avx512' bprop train --level av
% gives 'avx2 avx512' bprop train --level = av
% gives 'best last' bprop eval run --weights ''
% gives 'test train' bprop eval run --split t
% gives 'class number' bprop new x.csv --task ''
% gives 'train.steps=' bprop train --set train.st
% gives 'adam adamax adamw' bprop train --set optimizer = adam
% gives 'f32 f64' bprop train --set train.dtype = ''
% gives 'false true' bprop train --set train.tensorboard = ''
% gives 'conv1d conv2d conv_transpose2d' bprop train --set model.layers.0 = conv
% gives 'mean_absolute_error mean_squared_error' bprop train --set loss = mean_
% gives 'layers losses lr' bprop help l
% gives 'matmul' bprop ops matm
% gives 'mnist-cnn mnist-mlp' bprop show mnist
% touch mnetwork.yaml && mkdir runs && gives 'mnetwork.yaml mnist-cnn mnist-mlp' bprop train mn
% gives 'runs' bprop eval ru
% gives 'runs' bprop train --out ru
% gives '' bprop version x
# Every command, option, op and kind that there is.
% for c in $("$bprop" help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do COMP_WORDS=(bprop $c) COMP_CWORD=1; _bprop; [[ " ${COMPREPLY[*]} " == *" $c "* ]] || exit 1; for o in $("$bprop" help $c | sed -n 's/^  \(--[a-z-]*\).*/\1/p'); do COMP_WORDS=(bprop $c $o) COMP_CWORD=2; _bprop; [[ " ${COMPREPLY[*]} " == *" $o "* ]] || { echo "$c $o"; exit 1; }; done; done
% for o in $("$bprop" ops | sed -n 's/^\([a-z0-9_]*\) .*/\1/p'); do gives "$o" bprop ops $o >/dev/null || [[ " ${COMPREPLY[*]} " == *" $o "* ]] || exit 1; done
# Installed where they are looked for.
% cmake --install "$(dirname "$bprop")" --prefix "$PWD/usr" >install.txt && cmp usr/share/man/man1/bprop.1 "$BPROP_SOURCE/doc/man/bprop.1" && cmp usr/share/bash-completion/completions/bprop "$BPROP_SOURCE/doc/man/bprop.bash"
$ help bsah
! bprop: unknown command 'bsah' (did you mean 'bash'?); `bprop help` lists them
? 2
