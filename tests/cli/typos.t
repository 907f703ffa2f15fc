# One letter changed in each command, each option of each command, each op,
# shipped model and topic of help: refused, with the right name among the
# hints. The names come from what the command prints.
% typos() { local w=$1 n=${#1} i c; for ((i = 0; i <= n; i++)); do c=${typo_letters:i%5:1}; echo "${w:0:i}$c${w:i}"; ((i < n)) && { [ "${w:i:1}" = "$c" ] || echo "${w:0:i}$c${w:i+1}"; echo "${w:0:i}${w:i+1}"; }; ((i + 1 < n)) && [ "${w:i:1}" != "${w:i+1:1}" ] && echo "${w:0:i}${w:i+1:1}${w:i:1}${w:i+2}"; done; true; }
% typo_letters=qxzjk; test "$(typos ab | tr '\n' ' ')" = 'qab qb b ba axb ax a abz '
# hinted RIGHT WRONG VALID COMMAND...: VALID is a list of names that are right.
% hinted() { local right=$1 wrong=$2 valid=$3; shift 3; [ -n "$wrong" ] && [[ " $valid " != *" $wrong "* ]] || return 0; tried=$((tried + 1)); "$bprop" "$@" >out.txt 2>err.txt </dev/null; local rc=$?; [ $rc = 2 ] && sed 's/.*(did you mean//' err.txt | grep -qw -e "$right" && grep -q 'did you mean' err.txt || { echo "bprop $*: rc $rc, no hint at $right: $(cat err.txt)"; return 1; }; }
% tried=0; commands=$("$bprop" help | sed -n 's/^  \([a-z]*\) .*/\1/p' | tr '\n' ' '); test "$(echo $commands | wc -w)" -ge 12
% for c in $commands; do for w in $(typos $c); do hinted $c $w "$commands" $w || exit 1; done; done
% topics="keys layers losses metrics penalties optimizers schedules initializers groups"; for c in $topics $commands; do for w in $(typos $c | sed -n "1~4p"); do hinted $c $w "$topics $commands" help $w || exit 1; done; done
% seen=; for c in $commands; do opts=$("$bprop" help $c | sed -n 's/^  \(--[a-z-]*\).*/\1/p' | tr '\n' ' '); for o in $opts; do every=1; [[ $seen == *" $o "* ]] && every=7; seen+=" $o "; for w in $(typos ${o#--} | sed -n "1~${every}p"); do hinted $o --$w "$opts" $c --$w || exit 1; done; done; done
% ops=$("$bprop" ops | sed -n 's/^\([a-z0-9_]*\) .*/\1/p' | tr '\n' ' '); test "$(echo $ops | wc -w)" -ge 80; for o in $ops; do for w in $(typos $o | sed -n '1~3p'); do hinted $o $w "$ops" ops $w || exit 1; done; done
% models=$("$bprop" models | sed -n 's/^\([a-z0-9/_-]*\)  .*/\1/p' | tr '\n' ' '); for o in $models; do for w in $(typos $o | sed -n '1~3p'); do hinted $o $w "$models" models $w || exit 1; done; done
% test $tried -ge 1200
$ train --epcohs 3
! bprop: unknown option --epcohs (did you mean --set train.epochs=...?); `bprop help train` explains
? 2
$ show digits --set optimizer.adm.lr=1
! --set optimizer.adm.lr: unknown optimizer "adm": did you mean adam?
? 2
$ show digits --set optimizer.sgd.lr=1
! --set optimizer.sgd.lr: the file's optimizer is 'adam'; another one takes its place with all its arguments: --set '...={sgd: {...}}'
? 2
