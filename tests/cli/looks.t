# What `bprop new` says of cells: hidden numbers and dates, columns that tell the target.
% awk 'BEGIN { print "weight,price,share,day,room,code,age,y"; for (i = 0; i < 60; i++) printf "%.1f kg,$%d,%d %%,2024-%02d-%02d,room %d,n%d,%d,%d\n", 40 + i * 7 % 23, 100 + i * 11 % 37, i * 13 % 41, 1 + i % 12, 1 + i % 28, i % 7, i % 9, 20 + i * 17 % 31, i * i % 97 + 20 }' >units.csv
% "$bprop" new units.csv | grep "^'" >got.txt; printf '%s\n' "'weight' has numbers with a unit ('40.0 kg'): each is a word; without the unit they would be numbers" "'price' has numbers with a unit ('\$100'): each is a word; without the unit they would be numbers" "'share' has numbers with a unit ('0 %'): each is a word; without the unit they would be numbers" "'day' has dates ('2024-01-01'): it is left out; columns of numbers or words made of it (days since a start, month, weekday) could be learned from" | diff - got.txt
# As the target, each of them is a class.
% "$bprop" new units.csv --target price --force | grep "^'price'" >got.txt; printf '%s\n' "'price' has numbers with a unit ('\$100'): each is a class; without the unit they would be numbers" "'price' has 37 classes in 60 rows: each should have several to learn from and to be tested on" | diff - got.txt
# Sizes that vary in their unit, and a few words, are none of that.
% awk 'BEGIN { print "a,b,y"; for (i = 0; i < 40; i++) print (i % 8) " " (i % 2 ? "kg" : "lb") "," (i % 2 ? "18 years" : "65 years") "," i * i % 97 }' >odd.csv && ! "$bprop" new odd.csv | grep "^'"
# The target under another name: words, a threshold, another unit.
% awk 'BEGIN { print "age,code,level,cents,euro,pass"; for (i = 0; i < 60; i++) { p = i * 7 % 11 > 4; x = i * 37 % 101; print 20 + i * 13 % 31 "," (p ? "P" : i % 2 ? "F" : "E") "," (p ? 50 : 10) + i % 9 "," 100 * x "," x "," (p ? "yes" : "no") } }' >leak.csv
$ new leak.csv
> leak.csv: 60 rows, 6 columns, separated by commas, with a header
> ...
> ...
> ...
> ...
> ...
> ...
> 'code' alone tells 'pass' in every row: is it known before 'pass' is? If not, it goes out by data.table.columns: {"code": ignored}
> 'level' alone tells 'pass' in every row: is it known before 'pass' is? If not, it goes out by data.table.columns: {"level": ignored}
>
> ...
> ...
% "$bprop" new leak.csv --target euro --force | grep "^'" | grep -q "^'cents' alone tells 'euro' "
# Before the first step too, once; and no more after what it advises.
% "$bprop" new leak.csv --force >/dev/null && "$bprop" train leak.yaml --set train.epochs=1 2>&1 >/dev/null | grep -c "alone tells" | grep -qx 2
% "$bprop" train leak.yaml --folds 2 --set train.epochs=1 2>&1 >/dev/null | grep -c "alone tells" | grep -qx 2
% ! "$bprop" train leak.yaml --out out --set train.epochs=1 --set 'data.table.columns={"code": ignored, "level": ignored}' 2>&1 | grep "alone tells"
# One row of another kind, or four rows of a class, could be chance.
% sed '5s/yes/no/; t; 5s/no/yes/' leak.csv >but.csv && ! "$bprop" new but.csv | grep "alone tells"
% awk -F, 'NR == 1 || $6 == "no" || k++ < 4' leak.csv >rare.csv && ! "$bprop" new rare.csv | grep "alone tells"
