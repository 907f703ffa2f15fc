#!/usr/bin/env bash
# Training on the built-in digits gives the weights whose hash the README
# states, whatever this machine is.
#   hash.sh BPROP README
set -u
bprop=$1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
want=$(sed -n 's/^The digits. weights have the hash `*\([0-9a-f]\{16\}\).*/\1/p' \
    "$2")
[ -n "$want" ] || { echo "no hash in $2"; exit 1; }
got=$("$bprop" train --out "$dir/run" --threads 2 |
    sed -n 's/.*weights at the end, hash \([0-9a-f]\{16\}\).*/\1/p')
if [ "$got" = "$want" ]; then
    echo "1 check: $got"
else
    echo "the weights' hash is '$got', the README says '$want'"
    exit 1
fi
