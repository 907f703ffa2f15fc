# What `bprop grad` prints, then what `bprop explain` prints of the same sample:
# every gradient that the explanation shows is one of those, digit by digit.
# Of each parameter the whole tensor, or its range, must be there.
function fail(why) {
    print "explain: " why
    failed = 1
}
function same(got, want, what) {
    compared++
    if (got "" != want "")
        fail(what " is " got ", bprop grad has " want)
}
FNR == NR {
    if ($2 ~ /^\[.*\]:$/) {
        gsub(/,$/, "", $4); gsub(/,$/, "", $6); gsub(/,$/, "", $8)
        range[$1] = $4 " " $6 " " $8 " " $10
        names[++n_names] = $1
    } else if ($1 ~ /\[/) {
        key = $1
        value[key] = $2
        name = key
        sub(/\[.*/, "", name)
        element[name, ++count[name]] = $2
    }
    next
}
{
    gsub(/[,:]( |$)/, " ")
    gsub(/，|：|；|。/, " ")
    for (i = 1; i <= NF; i++)
        token[++n] = $i
}
END {
    for (i = 1; i <= n; i++) {
        name = token[i + 1]
        if (token[i] == "grad" && name in range && token[i - 1] == "=") {
            p = i + 4
            if (token[p] ~ /^(min|最小)$/) {
                split(range[name], r, " ")
                for (k = 1; k <= 4; k++)
                    same(token[p + 2 * k - 1], r[k], name "'s range")
            } else {
                for (k = 1; k <= count[name]; k++)
                    same(token[p + k - 1], element[name, k],
                         name ", element " k)
            }
            seen[name] = 1
        }
        # A row of a table: element, a number, the gradient, a number.
        if (token[i] in value) {
            same(token[i + 2], value[token[i]], token[i])
            rows++
        }
    }
    for (k = 1; k <= n_names; k++)
        if (!(names[k] in seen))
            fail("no gradient of " names[k])
    if (!n_names || !rows)
        fail("nothing to compare")
    print compared + 0 " numbers of " n_names + 0 " parameters compared"
    exit failed
}
