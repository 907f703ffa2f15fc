#!/usr/bin/env bash
# Runs the cases of a .t file: commands, and what they print and return.
#
#   $ ARGUMENTS      the command under test, with these arguments
#   % COMMAND        any other command, which must succeed
#   > LINE           expected on standard output ("..." matches anything)
#   ! LINE           expected on standard error
#   ? N              expected exit code (default: 0)
#   # ...            a remark
#
# usage: run.sh BPROP CASES
set -u
bprop=$(realpath "$1")
cases=$(realpath "$2")
BPROP_SOURCE=$(realpath "$(dirname "$cases")/../..") # for the cases
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0 checks=0

# "a...b" as a glob that matches only those dots loosely.
pattern() {
    local s=${1//\\/\\\\}
    s=${s//\*/\\*}
    s=${s//\?/\\?}
    s=${s//\[/\\[}
    s=${s//\]/\\]}
    printf '%s' "${s//.../*}"
}

compare() { # what, expected file, got file
    local want got line=0 p
    if [ "$(wc -l < "$2")" != "$(wc -l < "$3")" ]; then
        return 1
    fi
    while IFS= read -r want <&3 && IFS= read -r got <&4; do
        line=$((line + 1))
        p=$(pattern "$want")
        # shellcheck disable=SC2053
        [[ $got == $p ]] || return 1
    done 3< "$2" 4< "$3"
    return 0
}

finish() {
    [ -n "$command" ] || return 0
    checks=$((checks + 1))
    local bad=
    [ "$rc" = "$want_rc" ] || bad="exit code $rc, not $want_rc; "
    compare stdout want.out got.out || bad+="standard output differs; "
    compare stderr want.err got.err || bad+="standard error differs; "
    if [ -n "$bad" ]; then
        failed=$((failed + 1))
        echo "$cases:$at: bprop $command: ${bad%; }"
        echo "--- expected"
        cat want.out want.err
        echo "--- got"
        cat got.out got.err
    fi
    command=
}

command= at=0 n=0
while IFS= read -r line || [ -n "$line" ]; do
    n=$((n + 1))
    case $line in
    '$ '*)
        finish
        command=${line#??} at=$n want_rc=0
        : > want.out
        : > want.err
        eval "timeout 120 \"$bprop\" $command" > got.out 2> got.err < /dev/null
        rc=$?
        ;;
    '% '*)
        finish
        if ! eval "${line#??}"; then
            echo "$cases:$n: ${line#??} failed"
            failed=$((failed + 1))
        fi
        ;;
    '> '*) printf '%s\n' "${line#??}" >> want.out ;;
    '>') echo >> want.out ;;
    '! '*) printf '%s\n' "${line#??}" >> want.err ;;
    '? '*) want_rc=${line#??} ;;
    '#'* | '') ;;
    *)
        echo "$cases:$n: what is '$line'?"
        failed=$((failed + 1))
        ;;
    esac
done < "$cases"
finish
echo "$checks commands, $failed failed"
[ "$checks" -gt 0 ] && [ "$failed" = 0 ]
