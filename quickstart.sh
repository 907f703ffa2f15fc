#!/usr/bin/env bash
# Installs what is missing, builds bprop in build/, trains a network on the
# built-in digits. A second call starts at once.
#
#   ./quickstart.sh [options of `bprop train`]
set -u
cd "$(dirname "$0")" || exit 2
. tools/packages.sh

# shellcheck disable=SC2154
missing=$(missing_packages yaml $optional)
if [ -n "$missing" ]; then
    # shellcheck disable=SC2086
    install_packages $missing || true
fi
options=$(options_without)
missing=$(missing_packages yaml)
if [ -n "$missing" ]; then
    echo "quickstart.sh: missing:$missing" >&2
    echo "as root: apt-get install$missing" >&2
    exit 1
fi

if [ ! -x build/bprop ] || [ -n "$(find src cli include CMakeLists.txt \
    -newer build/bprop -print -quit 2> /dev/null)" ]; then
    echo "building in build/ (a minute or two, once)"
    mkdir -p build
    log=build/quickstart.log
    {
        cmake -S . -B build $options &&
            cmake --build build -j "$(nproc)" --target bprop_command
    } > "$log" 2>&1 || {
        tail -n 20 "$log" >&2
        echo "quickstart.sh: the build failed; all of it is in $log" >&2
        exit 1
    }
    touch build/bprop
fi

out=runs/digits
mkdir -p runs
n=1
while [ -e "$out" ]; do
    n=$((n + 1))
    out=runs/digits-$n
done
build/bprop train --out "$out" "$@" || exit
if [ $# = 0 ]; then
    hash=$(sed -nE 's/.*weights have the hash `([0-9a-f]{16})`.*/\1/p' README.md)
    echo
    echo "the README's hash of these weights, the same on every machine: $hash"
fi
