# Pictures of one's own: what `bprop new` sees, training, parts, reports,
# predicting. CMake leaves this out where a library for pictures is missing.
% make() { "$(dirname "$bprop")/tests/make_pictures" "$@"; }
% make shapes 40 && cp shapes/cross/0001.png shapes/cross/0003.png && cp shapes/circle/0005.png shapes/square/0090.png && echo hello >shapes/readme.txt
$ new shapes
> shapes: 121 pictures of 3 classes, all of 12 x 12 pixels, in color, PNG and JPEG
>     0 circle                             40
>     1 cross                              40
>     2 square                             41
> 1 file is no picture by the name: 'readme.txt'
> 2 files are equal to an earlier one; they are kept
> 1 stands in the folders of two classes, such as 'circle/0005.png' and 'square/0090.png'
>
> the model file is shapes.yaml; train it with
>   bprop train shapes.yaml
% "$bprop" train shapes.yaml --set train.epochs=12 >out.txt 2>err.txt
% grep -q "^'shapes': 1 file is no picture" err.txt && grep -q "equal inputs and other targets: 'c.*.png' = 's.*.png'" err.txt
% grep -q '^on the 2[34] pictures of the test part:$' out.txt && grep -q '^  this network  *[0-9.]* % ' out.txt && grep -q '^  a linear model ' out.txt && grep -q '^  always square' out.txt
% awk '/this network/ { exit !($3 > 80) }' out.txt
# A second run finds the cache, and a folder and its archive are one set.
% test "$(ls -d runs/*.pictures | wc -l)" = 1 && tar cf shapes.tar shapes && "$bprop" train shapes.yaml --set train.epochs=12 --set data.train.pictures=shapes.tar/shapes --out runs/tar >/dev/null 2>&1 && cmp runs/shapes/last.safetensors runs/tar/last.safetensors && test "$(ls -d runs/*.pictures | wc -l)" = 2
% grep -q 'classes: \["*circle"*, "*cross"*, "*square"*\]' runs/shapes/config.yaml && grep -q 'decoded:' runs/shapes/config.yaml
$ predict runs/shapes shapes/square/0002.jpg shapes/cross/0001.png
> shapes/square/0002.jpg  square  ... %...
> shapes/cross/0001.png  cross  ... %...
% test "$("$bprop" predict runs/shapes shapes | wc -l)" = 121 && test "$("$bprop" predict runs/shapes shapes.tar | wc -l)" = 121
% "$bprop" predict runs/shapes shapes --json | head -1 | grep -q '"file":"shapes/circle/0000.jpg"'
$ eval runs/shapes
> test: 24 samples, loss ...accuracy 9...
> rows: the truth; columns: the prediction
>          circle  cross square
>   circle ...
>    cross ...
>   square ...
! 'shapes': 1 file is no picture, by its name, and was passed over: 'readme.txt'
# Parts in folders of their own, other sizes, grey.
% mkdir split && make split/train 25 30 20 && make split/val 8 17 40 100 && make split/test 8 12 9 200
$ new split
> split: 123 pictures of 3 classes, 12 to 30 pixels wide, 9 to 40 high, in color, PNG and JPEG
>     0 circle                             41
>     1 cross                              41
>     2 square                             41
> the folder 'train' is the training part: 75 pictures
> the folder 'val' is the validation part: 24 pictures
> the folder 'test' is the test part: 24 pictures
>
> the model file is split.yaml; train it with
>   bprop train split.yaml
% grep -q 'train:' split.yaml && grep -q 'valid: {pictures: "split/val"}' split.yaml && grep -q 'test: {pictures: "split/test"}' split.yaml && ! grep -q 'split: {' split.yaml && "$bprop" train split.yaml --set train.epochs=2 >/dev/null && "$bprop" train split.yaml --set train.epochs=1 --set data.pictures.fit=pad --out runs/pad >/dev/null
% mv split/test/cross split/test/crass
$ eval runs/split
! bprop: 'split/test': 8 pictures in the folder 'crass', which is no class of the training set (nearest: 'cross')
? 1
$ train split.yaml --set data.train.pictures=split --out runs/none
! bprop: 'split' holds the folders 'test' and 'train', which are parts, not classes: name 'split/test' and so on, or let `bprop new` write the file
? 1
# Damage is one report; skip leaves it out.
% for i in 1 2 3; do head -c 60 shapes/cross/0007.png >shapes/cross/cut$i.png; done; : >shapes/circle/empty.jpg
% ! "$bprop" train shapes.yaml --out runs/bad >bad.txt 2>&1 && grep -q "'shapes': 4 of 125 pictures cannot be read (data.pictures.unreadable: skip leaves them out):" bad.txt && grep -q "'circle/empty.jpg' is empty" bad.txt && grep -q "'cross/cut1.png' is no sound PNG file: " bad.txt && test ! -e runs/bad
% "$bprop" train shapes.yaml --set data.pictures.unreadable=skip --set train.epochs=1 --out runs/skip >/dev/null 2>skip.txt && grep -q '4 of 125 pictures cannot be read and are left out' skip.txt
$ predict runs/shapes shapes/cross/cut1.png
! bprop: 'shapes/cross/cut1.png' is no sound PNG file: it ends early (truncated)
! bprop: 'shapes/cross/cut1.png': 1 picture could not be read
? 1
# Folds, and other wrong things.
% "$bprop" train shapes.yaml --folds 3 --set data.pictures.unreadable=skip --set train.epochs=1 2>/dev/null | tail -2 | grep -q '^3 folds, in runs/shapes-folds: mean 0'
$ train shapes.yaml --set model.input=[2,12,12] --out runs/none
! bprop: 'shapes': pictures fit an input [channels, height, width] with 1 channel (grey) or 3 (red, green, blue) and sides up to 65535, not [2,12,12]
? 1
$ new shapes --target x --force
! bprop: 'shapes' holds pictures: their folders are the classes; --target and --task are for tables
? 2
$ new shapes/cross --out one.yaml
! bprop: 'shapes/cross' holds 43 pictures in no folders: a folder for each class tells what they show
? 1
% mkdir -p lone && cp -r shapes/square lone && ! "$bprop" new lone 2>lone.txt && grep -q "'lone' .*holds 41 pictures in no folders\|one class only" lone.txt
# Augmentation: every kind trains; a wrong number is refused by its key.
% "$bprop" train shapes.yaml --set data.pictures.unreadable=skip --set train.epochs=1 --set 'data.train.augment={shift: 1, flip: true, rotate: 10, crop: 0.2, elastic: 1.5, cutout: 4}' --out runs/aug >/dev/null 2>&1
$ train shapes.yaml --set data.train.augment.crop=1 --out runs/none
! ...data.train.augment.crop: ...from 0 to below 1...
? 2
