#!/usr/bin/env bash
# The checks of tools/ find what is planted in a copy of the tree, and a
# library with a forbidden symbol is refused.
# tools.sh SOURCE_DIR CC
set -u
source=$1 cc=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
checks=0 failed=0

fresh() {
    rm -rf "$dir/tree"
    mkdir "$dir/tree"
    (cd "$source" && cp -r src include examples tests bench tools "$dir/tree")
    [ ! -d "$source/cli" ] || cp -r "$source/cli" "$dir/tree"
}
# The check fails, and what it prints holds the text.
refused() { # CHECK TEXT
    local out
    checks=$((checks + 1))
    if out=$(bash "$source/tools/check_$1.sh" "$dir/tree" 2>&1); then
        echo "$1 let pass: $2"
        failed=$((failed + 1))
    elif ! grep -qF -- "$2" <<< "$out"; then
        printf '%s did not name "%s" but printed:\n%s\n' "$1" "$2" "$out"
        failed=$((failed + 1))
    fi
}
accepted() { # CHECK
    local out
    checks=$((checks + 1))
    out=$(bash "$source/tools/check_$1.sh" "$dir/tree" 2>&1) && return
    printf '%s refuses the tree as it is:\n%s\n' "$1" "$out"
    failed=$((failed + 1))
}
plant() { # FILE TEXT
    fresh
    printf '%s\n' "$2" >> "$dir/tree/$1"
}

fresh
accepted layers
accepted size
accepted style
accepted formats
plant src/base/status.c '#include "ir/ir.h"'
refused layers 'src/base/status.c'
plant src/exec/run.c '#include <bprop/nn.h>'
refused layers 'src/exec/run.c'
plant src/exec/run.c '#include "nn/nn.h"'
refused layers 'src/exec/run.c'
plant examples/xor.c '#include "base/base.h"'
refused layers 'examples/xor.c'
plant include/bprop/ops.h '#include "ir/ir.h"'
refused layers 'include/bprop/ops.h'
fresh
mkdir "$dir/tree/src/other"
echo '#include "base/base.h"' > "$dir/tree/src/other/x.c"
refused layers '"other" has no place'
plant src/config/keys.c '/* "csv" is read by itself */'
refused formats 'src/config/keys.c'
plant src/config/data.c 'static bool x(void) { return bp__config_has_pictures(); }'
refused formats 'bp__config_has_pictures'
plant src/config/data.c 'int y; /* train.npy */'
refused formats 'src/config/data.c'
plant src/config/data.c '#include "data/columns.h"'
refused formats 'data/columns.h'
plant cli/new.c '#include "source/tables.h"'
refused formats 'cli/new.c'
plant src/base/status.c "$(printf 'int long_one(void)\n{\n'
    yes '    ;' | head -125
    printf '}')"
refused size 'long_one'
plant src/base/status.c "$(yes '/* */' | head -800)"
refused size 'src/base/status.c'
plant src/base/status.c '/* TOD''O: later */'
refused style 'status.c'
plant src/base/status.c '/* see /wor''k/x */'
refused style 'status.c'
plant src/exec/run.c 'case BP__O''P_add:'
refused style 'run.c'
plant src/exec/run.c 'int x; '
refused style 'run.c'
if command -v git > /dev/null; then
    fresh
    git -C "$dir/tree" init -q
    touch "$dir/tree/x.st"
    git -C "$dir/tree" add x.st
    refused style 'x.st'
fi

library() { # SOURCE TEXT
    checks=$((checks + 1))
    {
        printf '%s\n' "$1"
        # Enough symbols for the search to count as one that works.
        for i in $(seq 110); do
            echo "void ext$i(void); void bp_$i(void);" \
                "void bp_$i(void) { ext$i(); }"
        done
    } > "$dir/x.c"
    rm -f "$dir/x.a"
    "$cc" -w -O1 -fno-builtin -c "$dir/x.c" -o "$dir/x.o" &&
        ar rc "$dir/x.a" "$dir/x.o" || exit 1
    local out rc=0
    out=$(bash "$source/tools/check_symbols.sh" "$dir/x.a" 2>&1) || rc=1
    if [ -z "$2" ] && [ $rc = 0 ]; then
        return
    fi
    if [ -n "$2" ] && [ $rc = 1 ] && grep -qF -- "$2" <<< "$out"; then
        return
    fi
    printf 'symbols: %s\n%s\n' "$1" "$out"
    failed=$((failed + 1))
}
library '' ''
library 'int helper(void) { return 1; }' helper
library 'void exit(int); void bp_x(void) { exit(1); }' exit
library 'int printf(const char *, ...); int bp_x(void) { return printf("x"); }' \
    printf
library 'char *getenv(const char *); char *bp_x(void) { return getenv("x"); }' \
    getenv
library 'double exp(double); double bp_x(double a) { return exp(a); }' exp
library 'float tanhf(float); float bp_x(float a) { return tanhf(a); }' tanhf
library 'double sqrt(double); double bp_x(double a) { return sqrt(a); }' ''
library 'static int n; int bp_x(void) { return n++; }' 'mutable global'
library 'static int n = 3; int bp_x(void) { return n++; }' 'mutable global'
library 'static const char *const t[] = {"a", "b"};
         const char *bp_x(int i) { return t[i]; }' ''

echo "$checks checks, $failed failed"
[ $failed = 0 ]
