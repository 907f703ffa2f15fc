# Names and words as a terminal shows them: whole characters, one line, columns that align.
% awk 'BEGIN { print "Länge der Schlüsselbretter,朝向,note,y"; for (i = 0; i < 60; i++) printf "%d.5,%s,\"%s\",%s\n", i * 7 % 31, i % 3 ? "南" : "北", i % 2 ? "one\nline" : "plain", i % 2 ? "\"größte Schlüsselübergabegröße\"" : "\"two\nlines\"" }' >words.csv
$ new words.csv
> words.csv: 60 rows, 4 columns, separated by commas, with a header
>     1 Länge der Schlüsselbre number    median 15
>     2 朝向                   category  2 words: 北, 南
>     3 note                   category  2 words: one line, plain
>     4 y                      target    2 classes: größte Schlüsselübergabe (30), two lines (30)
> 'note' alone tells 'y' in every row: is it known before 'y' is? If not, it goes out by data.table.columns: {"note": ignored}
>
> the model file is words.yaml; train it with
>   bprop train words.yaml
% "$bprop" train words.yaml 2>/dev/null >out.txt; grep -qx ' *größte Schlü    two lines' out.txt && grep -qx '     two lines  *[0-9.]*  *[0-9.]*' out.txt && grep -q '^  always größte Schlüsselü   50.00 %' out.txt
% "$bprop" predict runs/words words.csv | grep -c '^words.csv:[0-9]*  \(größte Schlüsselübergabegröße\|two lines\)  [0-9.]* %$' | grep -qx 60
% "$bprop" show runs/words | grep -q '^朝向                 category            1  北, 南$'
# The mean of large targets has all its digits; errors have five that count.
% awk 'BEGIN { print "a,y"; for (i = 0; i < 60; i++) print i * 7 % 31 "," 400000 + i * 7 % 31 * 1000 + i }' >money.csv && "$bprop" new money.csv >/dev/null && "$bprop" train money.yaml --set train.epochs=1 2>/dev/null >out.txt; grep -q '^  always the mean, 41[0-9]\{4\}  *-*[0-9.]* .*  [0-9.]\{4,6\}  *[0-9.]\{4,6\}$' out.txt
