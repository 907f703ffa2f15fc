# bprop new: what it sees, the file it drafts, and what that trains to.
% awk 'BEGIN { print "size,color,kind"; for (i = 0; i < 60; i++) { k = i % 3; print (k * 2 + (i * 7 % 10) / 9) "," (i % 20 == 7 ? "?" : k == 1 ? "red" : "blue") "," (k == 0 ? "small one" : k == 1 ? "middle" : "large: \"x\"") } print "0,blue,small one" }' | sed 's/large: "x"/"large: ""x"""/' >things.csv
% sed 's/small one/Small one./; s/middle/MIDDLE/' things.csv >exam.csv
$ new things.csv
> things.csv: 61 rows, 3 columns, separated by commas, with a header
>     1 size                   number    median 2.44444
>     2 color                  category  2 words: blue, red; 3 missing
>     3 kind                   target    3 classes: large: "x" (20), middle (20), small one (21)
> 28 rows are equal to an earlier one; they are kept
> 'size' alone tells 'kind' in every row: is it known before 'kind' is? If not, it goes out by data.table.columns: {"size": ignored}
>
> the model file is things.yaml; train it with
>   bprop train things.yaml
$ new things.csv
! bprop: 'things.yaml' is there already: --force replaces it, --out FILE takes another name
? 2
$ new things.csv --test exam.csv --target 3 --force
> things.csv: 61 rows, 3 columns, separated by commas, with a header
> ...
> ...
> ...
> 28 rows are equal to an earlier one; they are kept
> exam.csv: 61 rows to test on, of which 20 stand in the first table too; it writes 'small one' as 'Small one.', 'middle' as 'MIDDLE'
> 'size' alone tells 'kind' in every row: is it known before 'kind' is? If not, it goes out by data.table.columns: {"size": ignored}
>
> the model file is things.yaml; train it with
>   bprop train things.yaml
% "$bprop" train things.yaml >out.txt && grep -q '^on the 61 rows of the test part:$' out.txt
% grep -q '^  this network  *[0-9.]* %  [0-9.]* to [0-9.]*' out.txt && grep -q '^  a linear model ' out.txt && grep -q '^  always small one  *34.43 %' out.txt
% "$bprop" new things.csv --target size --out number.yaml >/dev/null && "$bprop" train number.yaml --set train.epochs=2 | grep -A 4 '^on the 12 rows' >out.txt && grep -q 'always the mean, 2' out.txt && head -1 out.txt | grep -q 'test part' && sed -n 2p out.txt | grep -q 'R2.*RMSE.*MAE'
% "$bprop" train number.yaml --folds 3 --set train.epochs=1 | tail -2 >out.txt && grep -q '^3 folds, in runs/number-folds: mean ' out.txt && grep -q "^the linear model's mean is 0.[0-9]*, that of the constant guess -0" out.txt && test -s runs/number-folds/fold-2/last.safetensors
$ new things.csv --target knd --force
! bprop: 'things.csv' has no column 'knd' (the target); did you mean 'kind'? (columns go by their names, or by numbers from 1 to 3)
? 2
$ new .
! bprop: '.' holds no pictures (.png, .jpg, .jpeg), only ... other files such as ...
? 1
$ new a.npy
! bprop: 'a.npy' is one array: which file holds its targets does not show; --target FILE.npy names it, or names such as x.npy and y.npy
? 2
$ new nothing.csv
! bprop: cannot open 'nothing.csv': No such file or directory
? 1
$ new things.csv --task klass --force
! bprop: --task 'klass': expected class or number; `bprop help new` explains
? 2
% printf '1,2\n3,4\n' >short.csv
$ new short.csv
! bprop: 'short.csv' has 2 rows; 10 are the least that can be trained on and tested
? 1
% test ! -e short.yaml
% { echo a,id,y; for i in $(seq 30); do echo "1,n$i,$((i % 2))"; done; } >ids.csv
$ new ids.csv
! bprop: 'ids.csv' has 3 columns, and none but the target can be used: 'a' (constant), 'id' (different in nearly every row)
? 1
# Two columns of one name: the file says which by its number.
% awk 'BEGIN { print "a,y,y"; for (i = 0; i < 40; i++) print i * 7 % 10 "," (i % 3 ? "u" : "v") "," (i % 2 ? "p" : "q") }' >twice.csv
% "$bprop" new twice.csv >out.txt && grep -q '^ *3 y  *target  *2 classes: p (20), q (20)$' out.txt && grep -q '^    target: 3$' twice.yaml
% "$bprop" train twice.yaml --out twice --set train.epochs=1 | grep -q '^  always '
$ train twice.yaml --out again --set data.table.target=y
! bprop: 'twice.csv' has two columns 'y' (the target), 2 and 3: say which by its number
? 1
# A table to test on may have its columns in another order, but must have them.
% awk -F, -v OFS=, '{ print $3, $1, $2 }' exam.csv >moved.csv && "$bprop" new things.csv --test moved.csv --target kind --out moved.yaml | grep -q "^moved.csv: 61 rows to test on, of which 20 stand in the first table too; it writes 'small one' as 'Small one.', 'middle' as 'MIDDLE'$" && grep -q '^      "MIDDLE": "middle"$' moved.yaml
% awk -F, -v OFS=, '{ print $1, $2 }' things.csv >blind.csv; awk -F, -v OFS=, '{ print $1, $3 }' things.csv >grey.csv
$ new things.csv --test blind.csv --out blind.yaml
! bprop: 'blind.csv' has no column 'kind', the target, to test against
? 1
$ new things.csv --test grey.csv --out grey.yaml
! bprop: 'grey.csv' has no column 'color', which the training data had
? 1
$ new arrays.npz
! bprop: cannot open 'arrays.npz': No such file or directory
? 1
