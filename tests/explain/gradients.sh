#!/usr/bin/env bash
# Every gradient that `bprop explain` prints is what `bprop grad` prints for
# the same sample, to the last digit, in both languages.
# usage: gradients.sh BPROP
set -eu
bprop=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for case in "article 0 f32" "article 7 f64" "conv 0 f32" "conv 11 f64" \
    "branch 3 f32" "branch 0 f64"; do
    set -- $case
    args=("$here/$1.yaml" --data "$here/data" --sample "$2" --dtype "$3")
    "$bprop" grad --threads 1 "${args[@]}" > grad
    for lang in en zh; do
        "$bprop" explain --threads 1 "${args[@]}" --lang $lang > explained
        printf '%s, sample %s, %s, %s: ' "$1" "$2" "$3" $lang
        awk -f "$here/gradients.awk" grad explained
    done
done
# The comparison must notice a digit.
"$bprop" grad --threads 1 "$here/article.yaml" --data "$here/data" --sample 0 |
    sed 's/^\(2\.bias\[0\]\) .*/\1 0.123456/' > wrong
"$bprop" explain --threads 1 "$here/article.yaml" --data "$here/data" > explained
if awk -f "$here/gradients.awk" wrong explained > /dev/null; then
    echo "a wrong gradient was not noticed"
    exit 1
fi
