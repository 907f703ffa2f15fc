#!/usr/bin/env bash
# examples/predict.c on runs that the command has made: its answers are those
# of `bprop predict`.
# usage: predict.sh BPROP EXAMPLE MAKE_PICTURES
set -u
bprop=$(realpath "$1") example=$(realpath "$2") make=$(realpath "$3")
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

"$make" shapes 20 || exit 77
awk 'BEGIN {
    print "age,town,member"
    for (i = 0; i < 200; i++)
        print 18 + i * 7 % 50 "," (i % 3 ? "Bern" : "Chur") "," \
            (i * 7 % 50 > 20 ? "yes" : "no")
}' > people.csv
for data in people.csv shapes; do
    "$bprop" new $data > /dev/null
    check "$data trains" "$bprop" train "${data%.csv}.yaml" \
        --set train.epochs=3 > /dev/null 2>&1
done
printf 'town,age\nBern,44\n' > one.csv
picture=$(find shapes -name '0003.*' | sort | head -n 1)
"$bprop" predict runs/people one.csv --json > want.txt
"$bprop" predict runs/shapes "$picture" --json >> want.txt
"$example" runs/people age=44 town=Bern no=matter -- runs/shapes "$picture" \
    > got.txt
check "the example runs" test $? = 0
cat got.txt
sed -E 's/.*"label":"([^"]*)","probability":([0-9.e-]*).*/\1 \2/' want.txt |
    awk '{ printf "%s, %.1f %%\n", $1, 100 * $2 }' > labels.txt
check "as the command says" cmp <(sed 's/^[^:]*: //' got.txt) labels.txt
check "a row without its column" test "$("$example" runs/people age=44 -- \
    runs/shapes "$picture" 2>&1)" = \
    "predict: the row has no column 'town', which the training data had"
echo "$checks checks, $failed failed"
[ $failed = 0 ]
