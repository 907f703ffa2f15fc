#!/usr/bin/env bash
# check_mutual.sh OBJECTS [LIST]: pairs of files of src/ that call each other.
# Each must stand in the list with its reason. OBJECTS: the folder with the
# library's object files, laid out as src/ is.
set -eu
objects=$1
list=${2:-$(dirname "$0")/mutual.txt}
command -v nm > /dev/null || {
    echo "no nm: skipped"
    exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$objects" && find . -name '*.o' | sort | while read -r o; do
    name=${o#./}
    name=${name%.o}
    nm -g "$o" | awk -v f="$name" '
        NF == 2 && $1 == "U" { print "U", f, $2 }
        NF == 3 { print "D", f, $3 }'
done) > "$work/symbols"
awk '
    NR == FNR {
        if ($1 == "D")
            where[$3] = $2
        next
    }
    $1 == "U" && ($3 in where) && where[$3] != $2 {
        calls[$2 " " where[$3]] = 1
    }
    END {
        for (k in calls) {
            split(k, p, " ")
            if (p[1] < p[2] && ((p[2] " " p[1]) in calls))
                print p[1], p[2]
        }
    }' "$work/symbols" "$work/symbols" | sort > "$work/found"
grep -vE '^(#|$)' "$list" | awk '{ sub(/:$/, "", $2); print $1, $2 }' |
    sort > "$work/listed"
n=$(wc -l < "$work/symbols")
[ "$n" -gt 1000 ] || {
    echo "only $n symbols seen: the search is broken"
    exit 1
}
unlisted=$(comm -23 "$work/found" "$work/listed")
if [ -n "$unlisted" ]; then
    echo "files that call each other without a reason in $list:"
    echo "$unlisted" | sed 's/^/  /'
    exit 1
fi
bare=$(grep -vE '^(#|$)' "$list" | grep -vE '^[^ ]+ [^ ]+: .{10}' || true)
if [ -n "$bare" ]; then
    echo "without a reason: $bare"
    exit 1
fi
echo "$(wc -l < "$work/found") pairs call each other, each with its reason"
