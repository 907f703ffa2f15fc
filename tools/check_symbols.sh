#!/usr/bin/env bash
# check_symbols.sh LIBRARY.a: what the library defines starts with bp_; it
# keeps no mutable global; it refers to nothing that ends the process, prints,
# reads the environment, depends on the locale, or rounds as a libm pleases.
set -eu
lib=${1:?usage: check_symbols.sh LIBRARY.a}
nm -g "$lib" | awk '
function listed(list, name,    a, n, i) {
    n = split(list, a, " ")
    for (i = 1; i <= n; i++)
        if (a[i] == name)
            return 1
    return 0
}
BEGIN {
    process = "exit _exit _Exit abort __assert_fail atexit quick_exit raise" \
        " kill system fork execv execve execvp signal longjmp _longjmp"
    output = "printf __printf_chk vprintf puts putchar perror stdout stderr" \
        " fprintf __fprintf_chk vfprintf fputs fputc putc fwrite"
    world = "getenv secure_getenv setenv environ rand srand random drand48" \
        " getrandom time localtime gmtime strtok tmpnam"
    locale = "setlocale localeconv newlocale uselocale strtod strtof strtold" \
        " atof atoi strtol isalpha isdigit isspace toupper tolower" \
        " __ctype_b_loc scanf sscanf fscanf __isoc99_sscanf strcoll"
    # Of math.h, what IEEE 754 (or the meaning itself) fixes to the last bit.
    exact = "sqrt fma floor ceil trunc rint nearbyint round lrint llrint" \
        " lround llround fabs copysign ldexp scalbn scalbln frexp logb" \
        " ilogb modf fmod remainder remquo fmin fmax fdim nextafter"
    inexact = "exp exp2 exp10 expm1 log log2 log10 log1p pow sin cos tan" \
        " sincos asin acos atan atan2 sinh cosh tanh asinh acosh atanh erf" \
        " erfc tgamma lgamma hypot cbrt"
}
/:$/ {
    member = $1
}
NF >= 2 && $(NF - 1) == "U" {
    name = $NF
    sub(/@.*/, "", name)
    # libjpeg and libpng have no other way to come back from an error.
    if (name == "longjmp" && (member == "picture_jpeg.c.o:" ||
                             member == "picture_png.c.o:" ||
                             member == "picture_write.c.o:"))
        next
    if (listed(process, name))
        bad(name, "ends or forks the process")
    if (listed(output, name))
        bad(name, "prints")
    if (listed(world, name))
        bad(name, "reads what no caller gave")
    # libarchive gives names in the encoding of a locale: UTF-8 is
    # set there, so that nothing depends on the one that the program has.
    if (member == "archive.c.o:" && listed("newlocale uselocale", name))
        next
    if (listed(locale, name))
        bad(name, "depends on the locale")
    stem = name
    sub(/^__/, "", stem)
    sub(/_finite$/, "", stem)
    bare = stem
    sub(/[fl]$/, "", bare)
    if (listed(inexact, stem) || listed(inexact, bare))
        bad(name, "is rounded as each libm pleases")
    refs++
    next
}
NF == 3 && $2 ~ /^[A-Z]$/ {
    defined++
    if ($3 !~ /^bp_/)
        bad($3, "is external and does not start with bp_")
}
function bad(name, why) {
    if (!((name, why) in said))
        print name ": " why
    said[name, why] = 1
    failed = 1
}
END {
    if (defined < 100 || refs < 100) {
        print "too few symbols seen: the search is broken"
        failed = 1
    }
    printf "%d defined, %d references, %s\n", defined, refs,
        failed ? "failed" : "all allowed"
    exit failed
}'
# Constant tables with addresses in them lie in .data.rel.ro; what lies in
# .data, .bss or thread-local storage can change.
objdump -t "$lib" | awk '
/^[0-9a-f]+ / {
    n = 0
    for (i = 2; i <= NF && !n; i++)
        if ($i ~ /^(\.data|\.bss|\.tdata|\.tbss|\*COM\*)$/)
            n = i
    if (n && $NF != $n && $NF !~ /^\$[dx]/) {
        print $NF ": a mutable global (" $n ")"
        failed = 1
    }
}
END { exit failed }'
