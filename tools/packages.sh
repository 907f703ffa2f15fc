# Sourced by quickstart.sh and check.sh: what a build needs, and installing it
# with apt where that is allowed. Nothing here asks a question.

# May this user install packages without being asked anything?
may_install() {
    command -v apt-get > /dev/null || return 1
    [ "$(id -u)" = 0 ] || sudo -n true 2> /dev/null
}

# Does a C program that includes these headers compile?
has_header() {
    local h
    for h in "$@"; do
        printf '#include <%s>\n' "$h"
    done | cc -E -x c - > /dev/null 2>&1
}

has_library() {
    case $1 in
    yaml) has_header stdio.h yaml.h ;;
    zlib) has_header zlib.h ;;
    png) has_header png.h ;;
    jpeg) has_header stdio.h jpeglib.h ;;
    archive) has_header archive.h ;;
    esac
}

# The Debian package of each thing that is missing, of those asked for: the
# compiler and CMake always, others by name.
missing_packages() { # [yaml] [zlib] [png] [jpeg] [archive] [cxx] [clang] ...
    local what
    command -v cc > /dev/null || printf ' gcc'
    has_header stdio.h || printf ' libc6-dev'
    command -v cmake > /dev/null || printf ' cmake'
    command -v make > /dev/null || printf ' make'
    for what in "$@"; do
        case $what in
        zlib) has_library zlib || printf ' zlib1g-dev' ;;
        yaml | png | jpeg | archive)
            has_library "$what" || printf ' lib%s-dev' "$what"
            ;;
        cxx) command -v c++ > /dev/null || printf ' g++' ;;
        clang) command -v clang > /dev/null || printf ' clang' ;;
        aarch64)
            command -v aarch64-linux-gnu-gcc > /dev/null ||
                printf ' gcc-aarch64-linux-gnu libc6-dev-arm64-cross'
            command -v qemu-aarch64 > /dev/null || printf ' qemu-user'
            ;;
        esac
    done
}

# Installs packages; false if it may not or cannot.
install_packages() {
    local as=
    may_install || return 1
    [ "$(id -u)" = 0 ] || as='sudo -n'
    echo "installing:$(printf ' %s' "$@")"
    {
        $as apt-get update -qq &&
            $as env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
                --no-install-recommends "$@"
    } < /dev/null > "${TMPDIR:-/tmp}/bprop-apt.$$" 2>&1 && {
        rm -f "${TMPDIR:-/tmp}/bprop-apt.$$"
        return 0
    }
    tail -n 5 "${TMPDIR:-/tmp}/bprop-apt.$$" >&2
    rm -f "${TMPDIR:-/tmp}/bprop-apt.$$"
    return 1
}

# The libraries that a build can do without.
optional="zlib png jpeg archive"

# CMake's options for those that are not here; says what that costs.
options_without() { # to stdout: options; to stderr: what is left out
    local what
    for what in $optional; do
        has_library "$what" && continue
        case $what in
        zlib) echo "without zlib: .gz files cannot be read" >&2 ;;
        png) echo "without libpng: .png pictures cannot be read" >&2 ;;
        jpeg) echo "without libjpeg: .jpg pictures cannot be read" >&2 ;;
        archive)
            echo "without libarchive: pictures in .tar files cannot be read" >&2
            ;;
        esac
        printf ' -DBPROP_%s=OFF' "$(echo "$what" | tr '[:lower:]' '[:upper:]')"
    done
}
