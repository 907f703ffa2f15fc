# doc/explain.md: its listings are run; and what a newcomer types.
% block() { awk -v want="$1" -v n="$2" '/^```/ { if (on) { on = 0; next } if (($1 == "```" want) && ++k == n) { on = 1; next } } on' "$BPROP_SOURCE/doc/explain.md"; }
% block yaml 1 >hill.yaml && block csv 1 >hill.csv && test "$(wc -l <hill.csv)" = 9
% "$bprop" explain hill.yaml >hill.txt && sed -n '/^Backward, layer 1 of 2/,/^Step 5/p' hill.txt | sed '$d' | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}' | diff - <(block terminal 1)
% "$bprop" explain article --threads 1 >article.txt && sed -n '/^4[.] What it comes to/,/^5[.]/p' article.txt | sed '$d' | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}' | diff - <(block article 1)
# All that a page has: both languages, no other file.
$ explain hill.yaml --html hill.html
> the page is in hill.html: open it in a browser
% grep -q 'class="zh" lang="zh">步骤 4' hill.html && grep -q 'class="en" lang="en">Step 4' hill.html && ! grep -q 'http' hill.html
$ explain article --threads 1 --lang zh --html article.html
> the page is in article.html: open it in a browser
% grep -q '<html lang="zh"' article.html
# The same for any number of threads, and with and without passes.
% "$bprop" explain hill.yaml --threads 3 | diff - hill.txt
% "$bprop" explain hill.yaml --no-pass all | diff - hill.txt
% "$bprop" explain hill.yaml --lang zh >zh.txt && grep -q '^步骤 4：反向传播' zh.txt && ! grep -q 'engine' zh.txt
# A sample of a run.
% "$bprop" train hill.yaml --out run >out.txt 2>&1 && "$bprop" explain run --sample 3 >run.txt && grep -q 'as the run has learned them' run.txt && grep -q 'on sample 3 of the' run.txt
% "$bprop" grad run --sample 3 >grad && awk -f "$BPROP_SOURCE/tests/explain/gradients.awk" grad run.txt >compared
# Gradients as text.
% "$bprop" grad hill.yaml --sample 0 >grad.txt && test "$(grep -cE '^0[.]weight\[[01],[0-9]\] [-0-9.e]+$' grad.txt)" = 20 && test "$(grep -cE '^[0-9.a-z]+ \[[0-9,]*\]: min .*, norm [0-9.e-]+$' grad.txt)" = 4
$ explain
! bprop: `bprop explain` needs FILE|RUN|article; `bprop help explain` explains
? 2
$ explain hill.yaml --lang fr
! bprop: --lang 'fr': expected en or zh; `bprop help explain` explains
? 2
$ explain hill.yaml --sample 99
! bprop: --sample 99: there are 8 samples
? 1
$ explain hill.yaml --htlm x
! bprop: unknown option --htlm (did you mean --html?); `bprop help explain` explains
? 2
$ explain article --sample 3
! bprop: `bprop explain article` runs the article's own program: of the options it takes --lang, --html, --threads and --level
? 2
$ explain hill.yaml --html no/such/folder.html
! bprop: cannot create 'no/such/folder.html.tmp': No such file or directory
? 1
$ show hill.yaml --sample 3
! bprop: --sample and --weights go with --features
? 2
# Filters and activations, where PNG can be written.
% if "$bprop" version | grep -q 'no libpng'; then "$bprop" show run --features f.png 2>&1 | grep -q 'made without libpng'; else "$bprop" show run --features f.png >f.txt && head -c 4 f.png | od -c | grep -q 'P   N   G' && grep -q 'filters of 0.dense + 1.tanh \[2,10\], 1 of 1, 2x10' f.txt; fi
