#!/usr/bin/env bash
# What `bprop new` and `bprop train`, nothing edited, reach on tables: adult on
# its test file, the others over five folds, for seeds 1 to 3. Prints accuracy
# or R2 of the network and of the linear model beside it, and the seconds.
#
# usage: tools/tables.sh BPROP DATA [SEEDS [TABLE...]]
#   DATA: a folder with adult-train.csv, adult-test.csv, iris.csv, ...
set -u
bprop=$(realpath "$1")
data=$(realpath "$2")
seeds=${3:-3}
shift 2
[ $# -gt 0 ] && shift
tables=("$@")
[ ${#tables[@]} -gt 0 ] || tables=(adult banknote_authentication wine iris
    german breast-cancer abalone winequality-white)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2

draft() {
    case $1 in
    adult) "$bprop" new "$data/adult-train.csv" --test "$data/adult-test.csv" \
        --out adult.yaml ;;
    abalone | winequality-white) "$bprop" new "$data/$1.csv" --task number ;;
    *) "$bprop" new "$data/$1.csv" ;;
    esac > /dev/null
}

for table in "${tables[@]}"; do
    draft "$table" || exit 1
    folds=(--folds 5)
    [ "$table" = adult ] && folds=()
    for seed in $(seq "$seeds"); do
        start=$(date +%s)
        "$bprop" train "$table.yaml" "${folds[@]}" --force --out run \
            --set train.seed="$seed" --set data.split.seed="$seed" > out 2>&1 || {
            cat out
            exit 1
        }
        end=$(date +%s)
        awk -v name="$table" -v seed="$seed" -v s=$((end - start)) '
            /^  this network/ { net += $3; n++ }
            /^  a linear model/ { linear += $4 }
            END { printf "%-24s seed %d  network %.4g  linear %.4g  %d s\n",
                         name, seed, net / n, linear / n, s }' out
        rm -rf run
    done
done
