#!/usr/bin/env bash
# One result: from 1, 2, 3 and 8 threads, every level of this machine, with
# bit-exact passes off, killed at random moments and resumed, and stopped by
# Ctrl-C and resumed.
# usage: resume.sh BPROP
set -u
bprop=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0 checks=0
small="--set train.epochs=2 --set train.batch=37 --set train.log_every=9
 --set data.train.digits.n=1003 --set data.valid.digits.n=200
 --set data.test.digits.n=200 --set train.checkpoint_seconds=0.001
 --set data.train.augment.shift=1"

check() { # what, condition...
    local what=$1
    shift
    checks=$((checks + 1))
    if ! "$@"; then
        echo "failed: $what"
        failed=$((failed + 1))
    fi
}

log() { sed 's/,"seconds":.*//' "$1/log.jsonl"; }
same_log() { cmp -s <(log "$1") <(log "$2"); }

# shellcheck disable=SC2086
train() { "$bprop" train $small --out "$@"; }

check "a run" train whole > whole.txt
check "its log" test "$(wc -l < whole/log.jsonl)" = 11
for threads in 1 2 3 8; do
    check "$threads threads run" train t$threads --threads $threads > /dev/null
    check "$threads threads" cmp whole/last.safetensors t$threads/last.safetensors
    check "log of $threads threads" same_log whole t$threads
done
levels=$("$bprop" version | sed -n 's/^level.*available: *\(.*\))$/\1/p')
for level in $levels; do
    check "level $level runs" train l-$level --level "$level" > /dev/null
    check "level $level" cmp whole/last.safetensors l-$level/last.safetensors
done

# Killed at random moments, again and again: earlier ones on a machine that has
# ended before, from the start when nothing is left to resume. Then resumed and
# compared with WHOLE, whose run was not disturbed.
kill_and_resume() { # a command that ends in --out, folder, WHOLE
    local command=$1 folder=$2 whole=$3 kills=0 longest=50 pid file
    for _ in $(seq 24); do
        [ "$kills" -lt 6 ] || break
        # shellcheck disable=SC2086
        exec_train "$command" "$folder" --resume > killed.txt 2>&1 &
        pid=$!
        sleep "$(printf '0.%02d' $((RANDOM % longest)))"
        if kill -9 $pid 2> /dev/null; then
            kills=$((kills + 1))
            wait $pid 2> /dev/null
        else
            wait $pid 2> /dev/null
            longest=$((longest * 2 / 3 + 1))
            rm -rf "$folder"
        fi
    done
    check "at least one kill hit ($kills)" test "$kills" -ge 1
    check "resumed after kills" "$command" "$folder" --resume > killed.txt 2>&1
    for file in last best; do
        check "$file after kills" cmp "$whole/$file.safetensors" \
            "$folder/$file.safetensors"
    done
    check "log after kills" same_log "$whole" "$folder"
    check "curve after kills" cmp "$whole/curve.svg" "$folder/curve.svg"
}
# The command itself in the shell's place, so that the kill hits it.
exec_train() {
    local options=$small
    [ "$1" = train ] || options=$table
    shift
    # shellcheck disable=SC2086
    exec "$bprop" train $options --out "$@"
}
kill_and_resume train killed whole

# The same on a table, in the middle of an epoch too.
awk 'BEGIN { print "a;b;c;y"; for (i = 0; i < 700; i++)
    print i * 7919 % 103 ";" (i % 9 ? i % 5 : "?") ";w" i * 31 % 13 ";" \
        (i * 7919 % 103 + i % 5 > 50 ? "yes" : "no") }' > rows.csv
check "a draft" "$bprop" new rows.csv > /dev/null
table="rows.yaml --set train.epochs=5 --set train.log_every=7
 --set train.checkpoint_seconds=0.001"
# shellcheck disable=SC2086
on_table() { "$bprop" train $table --out "$@"; }
check "a run on a table" on_table rows > /dev/null
for threads in 1 2 3; do
    check "table, $threads threads" on_table rows$threads --threads $threads \
        > /dev/null
    check "the same" cmp rows/last.safetensors rows$threads/last.safetensors
done
kill_and_resume on_table rows-killed rows

# And on a folder of pictures, augmented, read from their cache.
if make_pictures=$(dirname "$bprop")/tests/make_pictures &&
    "$make_pictures" shapes 60; then
    check "a draft of pictures" "$bprop" new shapes > /dev/null
    table="shapes.yaml --set train.epochs=3 --set train.log_every=3
     --set train.checkpoint_seconds=0.001
     --set data.train.augment.rotate=9 --set data.train.augment.cutout=3"
    check "a run on pictures" on_table shapes-run > /dev/null
    for threads in 1 2 3; do
        check "pictures, $threads threads" on_table shapes$threads \
            --threads $threads > /dev/null
        check "the same" cmp shapes-run/last.safetensors \
            shapes$threads/last.safetensors
    done
    kill_and_resume on_table shapes-killed shapes-run
else
    echo "not run: pictures (built without libpng and libjpeg)"
fi

# Ctrl-C, as soon as the run has begun.
"$bprop" train $small --out stopped --set train.epochs=12 > stopped.txt 2>&1 &
pid=$!
for i in $(seq 200); do
    [ -s stopped/log.jsonl ] && break
    sleep 0.05
done
kill -INT $pid
wait $pid
rc=$?
check "exit code of a stopped run is $rc" test $rc = 1
check "it says how to go on" grep -q 'bprop train --out stopped --resume' stopped.txt
check "it says where" grep -q '^stopped after step' stopped.txt
# The same schedule, undisturbed.
check "an undisturbed run" train finite --set train.epochs=12 > /dev/null
check "resumed after Ctrl-C" train stopped --resume --set train.epochs=12 > /dev/null
check "after Ctrl-C" cmp finite/last.safetensors stopped/last.safetensors
check "log after Ctrl-C" same_log finite stopped

check "nothing left to do" train whole --resume > again.txt
check "the same hash" cmp <(grep hash whole.txt) <(grep hash again.txt)

echo "$checks checks, $failed failed"
[ "$checks" -gt 20 ] && [ "$failed" = 0 ]
