# README.zh.md says what README.md says: the same listings, but for remarks,
# which README's own test runs; the same headings, files, links and hash.
% listings() { awk '/^```/ { on = !on; print; next } on' "$BPROP_SOURCE/$1" | sed 's/ *#[^i].*//'; }
% listings README.md >en.txt && listings README.zh.md >zh.txt && test "$(grep -c '^```[a-z]' zh.txt)" = 7 && diff en.txt zh.txt
% outline() { grep -o '^#* ' "$BPROP_SOURCE/$1" | tr '\n' '|'; }
% test "$(outline README.md)" = "$(outline README.zh.md)"
% named() { awk '/^```/ { on = !on; next } !on' "$BPROP_SOURCE/$1" | tr '\n' ' ' | grep -o '`[^`]*`' | tr -d '\n' | tr '`' '\n' | grep . | grep -v '^bp_$' | sort -u; }
% diff <(named README.md) <(named README.zh.md)
% links() { grep -o '](doc[^)]*)\|](bench[^)]*)' "$BPROP_SOURCE/$1" | sort; }
% diff <(links README.md) <(links README.zh.md) && test "$(links README.zh.md | wc -l)" = 4
% for f in $(named README.zh.md | grep '^[a-z]*/[A-Za-z/.-]*[a-z]$' | grep -v '^build/'); do test -e "$BPROP_SOURCE/$f" || { echo "no $f"; exit 1; }; done
% test "$(grep -c '^- \*\*' "$BPROP_SOURCE/README.md")" = "$(grep -c '^- \*\*' "$BPROP_SOURCE/README.zh.md")"
# Each shown remark is in Chinese.
% awk '/^```sh/ { on = 1; next } /^```/ { on = 0 } on && / # /' "$BPROP_SOURCE/README.zh.md" | LC_ALL=C grep -vc '[^ -~]' | grep -qx 0
$ help COMMAND
! bprop: unknown command 'COMMAND'; `bprop help` lists them
? 2
