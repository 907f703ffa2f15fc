#!/usr/bin/env bash
# The page of `bprop explain --html` in a real browser: the text at all
# positions of its slider, in both languages, is the terminal's text; it fits a
# phone and loads nothing. Skipped (77) where there is no Chromium.
# usage: page.sh BPROP
set -eu
export LC_ALL=C.UTF-8 # brackets below hold characters, not bytes
bprop=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
browser=
for name in chromium chromium-browser google-chrome; do
    browser=${browser:-$(command -v $name || true)}
done
if [ -z "$browser" ]; then
    echo "skipped: no chromium here"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failed=0
# A path is part of a page's title: one that has no place to break at.
cases=$work/$(printf 'x%.0s' $(seq 120))
cp -r "$here" "$cases"

# PAGE in a frame of WIDTH, since the browser's own windows are no narrower than
# 500; what its script leaves becomes the text of the document around it.
framed() { # PAGE WIDTH
    printf '<body><iframe id="f" style="width:%spx;height:900px;border:0" srcdoc="' "$2"
    sed 's/&/\&amp;/g; s/"/\&quot;/g' "$1"
    cat <<'END'
"></iframe><script>
onload = function () {
    var seen = document.getElementById('f').contentDocument.getElementById('seen');
    document.body.textContent = seen ? seen.textContent : 'nothing';
};
</script></body>
END
}
# The document's text after its script has run: entities are undone.
dom() { # PAGE
    HOME=$work "$browser" --headless --no-sandbox --disable-gpu \
        --disable-dev-shm-usage --user-data-dir="$work/profile" \
        --window-size=1200,900 --virtual-time-budget=20000 --dump-dom \
        "file://$work/$1" 2> /dev/null |
        sed -e 's/&lt;/</g; s/&gt;/>/g; s/&nbsp;/ /g; s/&amp;/\&/g'
}
part() { # FROM TO
    sed -n "/@@$1/,/@@$2/p" dom | sed '/@@/d'
}
# What is compared: no blanks, pictures, rules, or marks of commands.
squeeze() {
    sed -e '/^    |.*|$/d' -e '/^=*$/d' | tr -d ' \n`' |
        sed -e 's/(inpictures[^)]*)//' -e 's/（图像中[^）]*）//'
}

look() { # CASE WIDTH ARGUMENTS...
    local name=$1 width=$2
    shift 2
    "$bprop" explain --threads 1 "$@" --lang en > en.txt
    "$bprop" explain --threads 1 "$@" --lang zh > zh.txt
    "$bprop" explain --threads 1 "$@" --lang en --html page.html > /dev/null
    if grep -qE 'https?:|src=|href=|@import|url\(' page.html; then
        echo "$name: the page refers to something outside"
        failed=1
    fi
    sed 's/<\/body><\/html>$//' page.html > with.html
    { printf '<script>'; cat "$here/page.js"; printf '</script></body></html>\n'; } >> with.html
    framed with.html "$width" > framed.html
    dom framed.html > dom
    if ! grep -q '@@end' dom; then
        echo "$name: the script did not finish in the browser"
        failed=1
        return
    fi
    for pair in "first second en" "second faults zh"; do
        set -- $pair
        part "$1" "$2" | squeeze > page
        squeeze < "$3.txt" > terminal
        if ! cmp -s page terminal; then
            echo "$name: the page's text ($3) is not the terminal's:"
            cmp page terminal || true
            failed=1
        fi
        if [ "$(wc -c < terminal)" -lt 2000 ]; then
            echo "$name: too little text to compare"
            failed=1
        fi
    done
    if part faults end | grep -q .; then
        part faults end | sed "s/^/$name: /"
        failed=1
    fi
    echo "$name, $width wide: $(wc -c < terminal) bytes compared in each language"
}
look article 1000 "$cases/article.yaml" --data "$cases/data"
look article 360 "$cases/article.yaml" --data "$cases/data" --sample 4
look conv 360 "$cases/conv.yaml" --sample 2
look branch 360 "$cases/branch.yaml"
exit $failed
