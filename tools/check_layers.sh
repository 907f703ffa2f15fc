#!/usr/bin/env bash
# check_layers.sh [ROOT]: lower folders never include higher ones, and an
# example sees what a user of the library sees. Exit 1 names each offender.
set -eu
root=${1:-$(cd "$(dirname "$0")/.." && pwd)}
cd "$root"

# From the bottom up. A public header belongs to the folder that implements
# it: nothing below may include it. bprop.h and ops.h are for everybody; data.h
# has the arrays that the formats read and write.
order="base fmt ir op xform cpu lower plan exec nn data train source loops explain config predict export cli"

awk -v order="$order" '
function folder(path) {
    if (path ~ /^cli\//)
        return "cli"
    sub(/^src\//, "", path)
    sub(/\/.*/, "", path)
    return path
}
BEGIN {
    n = split(order, name, " ")
    for (i = 1; i <= n; i++)
        level[name[i]] = i
    level["bprop/nn.h"] = level["nn"]
    level["bprop/data.h"] = level["fmt"]
    level["bprop/step.h"] = level["nn"] # traced there, run in train
    level["bprop/source.h"] = level["data"]
    level["bprop/folder.h"] = level["train"]
    level["bprop/train.h"] = level["train"]
    level["bprop/explain.h"] = level["explain"]
    level["bprop/inspect.h"] = level["nn"]
    level["bprop/config.h"] = level["config"]
    level["bprop/predict.h"] = level["predict"]
}
/^[ \t]*#[ \t]*include[ \t]*["<]/ {
    seen++
    to = $0
    sub(/^[^"<]*["<]/, "", to)
    sub(/[">].*/, "", to)
    if (FILENAME ~ /^examples\//) {
        if (to ~ /\// && to !~ /^bprop\// && to !~ /^sys\// || $0 ~ /"/)
            bad("an example may include <bprop/...> and the C library only")
        next
    }
    if (FILENAME ~ /^include\//) {
        if ($0 ~ /"/)
            bad("a public header may include public headers only")
        next
    }
    from = folder(FILENAME)
    if (!(from in level)) {
        bad("folder \"" from "\" has no place in the order of layers")
        next
    }
    if (to ~ /^bprop\//)
        high = (to in level) ? level[to] : 0
    else if ($0 ~ /"/ && to ~ /\//)
        high = (folder(to) in level) ? level[folder(to)] : 1000
    else
        high = 0
    if (high > level[from])
        bad(from " lies below what this includes")
}
function bad(why) {
    printf "%s:%d: %s: %s\n", FILENAME, FNR, $0, why
    failed = 1
}
END {
    if (seen < 50) {
        print "only " seen + 0 " includes seen: the search is broken"
        failed = 1
    }
    printf "%d includes, %s\n", seen, failed ? "failed" : "all in order"
    exit failed
}' $(find src include examples $([ ! -d cli ] || echo cli) -name '*.[ch]' \
     -o -name '*.inc' -o -name '*.def' | sort)
