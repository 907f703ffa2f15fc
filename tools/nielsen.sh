#!/usr/bin/env bash
# Trains the rows of Nielsen's book (models/nielsen) with seeds 1 to 10 and
# prints, for each, the best epoch of every seed, the median, and how many runs
# end stuck (an output that never leaves saturation: a class hardly ever predicted).
#
# usage: tools/nielsen.sh BPROP DATA [SEEDS [MODEL...]]
set -u
bprop=$(realpath "$1")
data=$(realpath "$2")
seeds=${3:-10}
shift 2
[ $# -gt 0 ] && shift
cd "$(dirname "$0")/.." || exit 2
models=("$@")
[ ${#models[@]} -gt 0 ] || models=(quadratic-30 quadratic-100 cross-entropy-100
    cross-entropy-100-long better-quadratic-30 better-quadratic-100
    better-cross-entropy-100 better-cross-entropy-100-long)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

best() { # accuracy of the best epoch, and whether the last one is stuck
    sed -n 's/.*"split":"valid","whole_epoch":true.*"accuracy":\([0-9.]*\).*/\1/p' \
        "$1/log.jsonl" | sort -g | tail -n 1
}

for model in "${models[@]}"; do
    list=() free=() stuck=0
    for seed in $(seq "$seeds"); do
        "$bprop" train "models/nielsen/$model.yaml" --data "$data" \
            --threads 1 --out "$work/run" --force --set train.seed="$seed" \
            > "$work/out" 2>&1 || {
            cat "$work/out"
            exit 1
        }
        accuracy=$(best "$work/run")
        list+=("$accuracy")
        if grep '"split":"valid"' "$work/run/log.jsonl" | tail -n 1 |
            grep -q stuck; then
            stuck=$((stuck + 1))
        else
            free+=("$accuracy")
        fi
    done
    median() {
        printf '%s\n' "$@" | sort -g | awk '{ x[NR] = $1 }
            END { print 100 * (x[int((NR + 1) / 2)] + x[int(NR / 2) + 1]) / 2 }'
    }
    echo "$model: median $(median "${list[@]}") %, stuck $stuck of $seeds" \
        "$([ "$stuck" -gt 0 ] && [ ${#free[@]} -gt 0 ] &&
            echo "(median of the others $(median "${free[@]}") %)"):" \
        "${list[@]}"
done
