#!/usr/bin/env bash
# examples/loop.c and stateful.c: killed and called again, at whatever moment,
# they end with the bits of a run that was never stopped.
# usage: loops.sh LOOP STATEFUL
set -u
loop=$(realpath "$1") stateful=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0 checks=0

check() { # what, condition...
    local what=$1
    shift
    checks=$((checks + 1))
    if ! "$@"; then
        echo "failed: $what"
        failed=$((failed + 1))
    fi
}

same() { # FOLDER FOLDER FILE...
    local a=$1 b=$2 f
    shift 2
    for f in "$@"; do
        cmp "$a/$f" "$b/$f" || return 1
    done
}

# ---- two networks, two optimizers, a gradient penalty -----------------------

"$loop" whole 60 > whole.txt 2> whole.err
check "loop runs" grep -q '^50: ' whole.txt
check "and says nothing else" test ! -s whole.err
check "no lock is left" test ! -e whole/lock
check "it draws" test "$(grep -c '[#*]' whole.txt)" -gt 5
# In two parts, and killed in between: what nobody saved is done again.
"$loop" parts 25 > /dev/null
timeout -s KILL 1 "$loop" parts 1000000 > /dev/null 2>&1
"$loop" parts 60 > /dev/null
check "loop: the same bits" same whole parts last.safetensors \
    checkpoint.safetensors
# One process at a time. The second may come before the first has its lock:
# then it is the first that is refused, and both try again.
for _ in $(seq 20); do
    "$loop" busy 1000000 > /dev/null 2>&1 &
    pid=$!
    sleep 1
    "$loop" busy 5 > /dev/null 2> busy.err
    kill -0 $pid 2> /dev/null && break
    rm -rf busy
done
check "a folder in use is refused" grep -q "is in use" busy.err
kill -9 $pid
wait $pid 2> /dev/null
"$loop" busy 60 > /dev/null
check "and free again after a kill" same whole busy last.safetensors

# ---- carried state; a replay buffer and a target network ---------------------

"$stateful" whole 900 > stateful.txt
check "stateful runs" grep -q '^pole 500: ' stateful.txt
for steps in 100 401 700; do
    rm -rf cut-text cut-pole
    "$stateful" cut "$steps" > /dev/null
    timeout -s KILL 0.5 "$stateful" cut 1000000 > /dev/null 2>&1
    # The text learns a third of the steps; those of the killed run were never
    # saved.
    "$stateful" cut 900 > /dev/null
    check "text, stopped at $steps" same whole-text cut-text \
        last.safetensors checkpoint.safetensors
    check "pole, stopped at $steps" same whole-pole cut-pole \
        last.safetensors checkpoint.safetensors
done

echo "$checks checks, $failed failed"
[ $failed = 0 ]
