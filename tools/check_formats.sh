#!/usr/bin/env bash
# check_formats.sh [ROOT]: what differs from one kind of data to another stands
# in its row, in src/source. src/config names none, and of src/source others see
# the interface alone. Exit 1 names each offender.
set -eu
root=${1:-$(cd "$(dirname "$0")/.." && pwd)}
cd "$root"

# The rows' own names, and what belongs to them.
names=$(sed -n 's/^    \.name = "\([a-z0-9_]*\)",$/\1/p' src/source/kind_*.c)
count=$(wc -w <<< "$names")
if [ "$count" -lt 6 ]; then
    echo "only $count kinds of data found in src/source: the search is broken"
    exit 1
fi
words=$(tr '\n' '|' <<< "$names")'picture|pixel|archive|columns|"table"'
words="$words|data/(table|columns|pictures?|picture_files|digits|looks)\\.h"
failed=0
if grep -nEi "(^|[^a-z])($words)" src/config/*.[ch]; then
    echo "src/config names a kind of data: that belongs into its row"
    failed=1
fi
if grep -nE '#[[:space:]]*include "source/' $(find src cli -name '*.[ch]' |
    grep -v '^src/source/') | grep -v '"source/source\.h"'; then
    echo "of src/source only source.h is for others"
    failed=1
fi
echo "$count kinds of data, $([ $failed = 0 ] && echo all in rows || echo failed)"
exit $failed
