#!/usr/bin/env bash
# Installs what is missing, builds in build-check/, runs the tests.
set -u
cd "$(dirname "$0")"
. tools/packages.sh

usage() {
    cat << END
usage: ./check.sh [--full] [--no-install] [--minutes N] [PART...]

Builds bprop in build-check/ and runs its tests: a few minutes on two cores.
Ends with the totals; the exit code is 0 if nothing failed.

  --full         everything: the long tests too, and each part below
  --no-install   install nothing; without it, missing Debian packages are
                 installed as root or where sudo asks for no password
  --minutes N    start no part that may end later than that
  PART...        only these parts:
$(for p in $parts; do printf '    %-10s %s\n' "$p" "$(about "$p")"; done)
END
}

parts="main sanitize off hostile clang aarch64 threads"
about() {
    case $1 in
    main) echo "the ordinary build, all tests" ;;
    sanitize) echo "AddressSanitizer and UndefinedBehaviorSanitizer" ;;
    off) echo "every option off: a C compiler and CMake alone" ;;
    hostile) echo "tiny buffers and poisoned memory" ;;
    clang) echo "another compiler, the same bits" ;;
    aarch64) echo "built for ARM, run under qemu: the same bits" ;;
    threads) echo "ThreadSanitizer over the pool and the programs" ;;
    esac
}
# Minutes that a part may take on two cores, build and tests.
cost() {
    case $1 in
    sanitize) echo 12 ;;
    aarch64 | hostile) echo 8 ;;
    *) echo 6 ;;
    esac
}

full=0 install=1 minutes=0 chosen=
while [ $# -gt 0 ]; do
    case $1 in
    --full) full=1 ;;
    --no-install) install=0 ;;
    --minutes)
        minutes=${2-}
        case $minutes in '' | *[!0-9]*)
            echo "check.sh: --minutes takes a whole number" >&2
            exit 2
            ;;
        esac
        shift
        ;;
    -h | --help)
        usage
        exit 0
        ;;
    *)
        case " $parts " in
        *" $1 "*) chosen="$chosen $1" ;;
        *)
            echo "check.sh: unknown argument \"$1\"; see ./check.sh --help" >&2
            exit 2
            ;;
        esac
        ;;
    esac
    shift
done
if [ -z "$chosen" ]; then
    chosen=main
    [ $full = 0 ] || chosen=$parts
fi

jobs=$(nproc)
passed=0 failed=0 skipped=0
failures= left_out= options=

# ---- what is missing ---------------------------------------------------------

wanted="yaml $optional"
for p in $chosen; do
    case $p in
    clang) wanted="$wanted clang" ;;
    aarch64) wanted="$wanted aarch64" ;;
    main) [ $full = 0 ] || wanted="$wanted cxx" ;;
    esac
done
missing=$(missing_packages $wanted)
if [ -n "$missing" ] && [ $install = 1 ]; then
    install_packages $missing || echo "could not install:$missing"
fi
missing=$(missing_packages $wanted)
[ -z "$missing" ] || echo "missing:$missing"
for p in cc cmake; do
    if ! command -v $p > /dev/null; then
        echo "check.sh: no $p: apt-get install gcc libc6-dev make cmake" >&2
        exit 2
    fi
done
if ! has_library yaml; then
    echo "without libyaml: model files and the bprop command are left out"
    options="$options -DBPROP_YAML=OFF"
fi
options="$options$(options_without)"
off="-DBPROP_YAML=OFF"
for what in $optional; do
    off="$off -DBPROP_$(echo "$what" | tr '[:lower:]' '[:upper:]')=OFF"
done

# ---- one part ----------------------------------------------------------------

# Builds in a folder and runs its tests; adds to the totals.
build_and_test() { # NAME DIR CTEST-ARGS -- CMAKE-ARGS
    local name=$1 dir=$2 tests= out rc n f s
    shift 2
    while [ "$1" != -- ]; do
        tests="$tests $1"
        shift
    done
    shift
    printf '\n==== %s: %s\n' "$name" "$(about "$name")"
    mkdir -p "$dir"
    if ! cmake -S . -B "$dir" -DBPROP_WERROR=ON "$@" > "$dir/build.log" 2>&1 ||
        ! cmake --build "$dir" -j "$jobs" >> "$dir/build.log" 2>&1; then
        grep -E 'error|Error|warning' -A 5 "$dir/build.log" | head -n 40
        echo "$name: the build failed; all of it is in $dir/build.log"
        failed=$((failed + 1))
        failures="$failures $name:build"
        return
    fi
    [ $full = 1 ] || tests="$tests -LE full"
    (cd "$dir" && ctest -j "$jobs" --output-on-failure $tests) 2>&1 |
        tee "$dir/tests.log"
    out=$(grep -E 'tests passed, [0-9]+ tests failed out of' "$dir/tests.log")
    n=$(echo "$out" | sed -E 's/.* out of ([0-9]+).*/\1/')
    f=$(echo "$out" | sed -E 's/.*, ([0-9]+) tests failed.*/\1/')
    s=$(grep -cE '\*\*\*Skipped' "$dir/tests.log")
    if [ -z "$n" ] || [ "$n" = 0 ]; then
        echo "$name: no test ran"
        failed=$((failed + 1))
        failures="$failures $name:none"
        return
    fi
    passed=$((passed + n - f - s))
    failed=$((failed + f))
    skipped=$((skipped + s))
    [ "$f" = 0 ] || failures="$failures $(sed -nE \
        's/^[[:space:]]+[0-9]+ - (.*) \((Failed|Timeout|Not Run|SEGFAULT|.*)\).*/'"$name"':\1/p' \
        "$dir/tests.log" | tr '\n' ' ')"
}

have() { # NAME COMMAND...: are the commands there?
    local name=$1 c
    shift
    for c in "$@"; do
        command -v "$c" > /dev/null && continue
        left_out="$left_out $name(no-$c)"
        return 1
    done
}

run_part() {
    local d=build-check-$1
    case $1 in
    main) build_and_test main build-check -- $options ;;
    sanitize) # gcc's warnings are often wrong about instrumented code
        ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 \
            build_and_test sanitize $d -- $options \
            -DBPROP_SANITIZE=address,undefined -DBPROP_WERROR=OFF
        ;;
    off)
        build_and_test off $d -- $off -DBPROP_SIMD=OFF
        ;;
    hostile) build_and_test hostile $d -- $options -DBPROP_HOSTILE=ON ;;
    clang)
        have clang clang &&
            build_and_test clang $d -- $options -DCMAKE_C_COMPILER=clang
        ;;
    aarch64)
        have aarch64 aarch64-linux-gnu-gcc qemu-aarch64 &&
            build_and_test aarch64 $d -R '^(exec|e2e[.]model|unit[.](base|cpu|ir|nn))' \
                -- $off -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
                -DCMAKE_C_COMPILER=aarch64-linux-gnu-gcc \
                "-DCMAKE_CROSSCOMPILING_EMULATOR=qemu-aarch64;-L;/usr/aarch64-linux-gnu"
        ;;
    threads)
        build_and_test threads $d -R '^(exec|predict|unit[.](base[.]threads|data))' \
            -- $options -DBPROP_SANITIZE=thread -DBPROP_WERROR=OFF
        ;;
    esac
}

# ---- all parts ---------------------------------------------------------------

for p in $chosen; do
    if [ "$minutes" != 0 ] &&
        [ $((SECONDS / 60 + $(cost $p))) -gt "$minutes" ]; then
        left_out="$left_out $p(time)"
        continue
    fi
    run_part $p
done

echo
[ -z "$left_out" ] || echo "not run:$left_out"
[ -z "$failures" ] || echo "failed:$failures"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ] && [ $passed -gt 0 ]
