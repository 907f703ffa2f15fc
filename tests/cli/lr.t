# The range test of the rate.
% small="--steps 80 --set data.train.digits.n=600"
% "$bprop" lr digits $small --svg lr.svg --threads 1 >one.txt
% "$bprop" lr digits $small --svg two.svg --threads 2 >two.txt && cmp one.txt two.txt && cmp lr.svg two.svg
% grep -q '^digits: [0-9]* steps of adam on 600 samples$' one.txt && grep -q '= basin, ^ suggested$' one.txt
% grep -q '^basin      [0-9.e-]* to [0-9.e-]*: [0-9.]* decades in which the loss falls' one.txt && grep -q '^diverges ' one.txt
% head -c 4 lr.svg | grep -q '<svg' && tail -n 1 lr.svg | grep -qx '</svg>'
# What it suggests is an option that can be pasted.
% "$bprop" train digits --set data.train.digits.n=600 --set train.epochs=1 $(grep -o -e '--set optimizer.*' one.txt) >train.txt && grep -q '^epoch  1/1' train.txt
# The run's folder is not made; every file's schedule is set aside.
% rm -r runs && "$bprop" lr digits $small --set 'optimizer={sgd: {schedule: {warmup: 1000000}}}' >sgd.txt && test ! -e runs && grep -q 'suggested' sgd.txt
# Nothing falls: told, and exit code 1.
% "$bprop" lr digits $small --from 1e-12 --to 1e-10 >flat.txt; test $? = 1 && grep -q '^basin      none: the loss falls at no rate from 1e-12 to 1e-10' flat.txt
% "$bprop" lr digits $small --set 'metrics=[accuracy, auc]' --set train.monitor=auc --steps 60 >auc.txt && grep -q suggested auc.txt
$ lr digits --from 1 --to 0.1
! bprop: a range test goes from a rate above 0 to a larger one, not from 1 to 0.1
? 2
$ lr digits --from 0
! bprop: --from '0': expected a number above 0; `bprop help lr` explains
? 2
$ lr digits --steps 3
! bprop: --steps '3': expected a whole number from 10 to 1000000; `bprop help lr` explains
? 2
$ train digits --svg x
! bprop: `bprop train` takes no option --svg; `bprop help train` explains
? 2
