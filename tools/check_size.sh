#!/usr/bin/env bash
# check_size.sh [ROOT]: no file over 800 lines, no function over 120. A
# function starts at a brace in column 1 and ends at the next one.
set -eu
root=${1:-$(cd "$(dirname "$0")/.." && pwd)}
cd "$root"
awk '
FNR == 1 {
    finish()
    file = FILENAME
    start = 0
}
{ lines = FNR }
/^[A-Za-z_].*\(/ { head = $0 }
/^\{/ { start = FNR }
/^\}/ {
    if (start && FNR - start + 1 > 120)
        bad(file ":" start ": " head ": a function of " FNR - start + 1 \
            " lines")
    functions += start > 0
    start = 0
}
function finish() {
    if (file != "" && lines > 800 && file !~ /math_tables/)
        bad(file ": " lines " lines")
}
function bad(text) {
    print text
    failed = 1
}
END {
    finish()
    if (functions < 300) {
        print "only " functions + 0 " functions seen: the search is broken"
        failed = 1
    }
    printf "%d functions, %s\n", functions, failed ? "failed" : "none too long"
    exit failed
}' $(find src include examples tests bench $([ ! -d cli ] || echo cli) \
     -name '*.[ch]' -o -name '*.inc' | sort)
