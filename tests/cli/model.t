# Model files with mistakes, and shapes that do not fit.
% printf 'model:\n  input: [1, 28, 28]\n  layers:\n    - conv2: {filters: 3}\n    - dropout: 1.5\n    - dense: 10\nloss: softmax_crossentropy\ntrian: {}\n' >bad.yaml
$ train bad.yaml
! bad.yaml:4:7: ...conv2...did you mean conv2d?
! bad.yaml:5:16: ...dropout...1.5...
! bad.yaml:7:7: ...softmax_crossentropy...did you mean softmax_cross_entropy?
! bad.yaml:8:1: unknown key 'trian' (did you mean 'train'?)
? 2
$ show bad.yaml
! bad.yaml:4:7: ...
! bad.yaml:5:16: ...
! bad.yaml:7:7: ...
! bad.yaml:8:1: ...
? 2
% printf 'model: [\n' >syntax.yaml
$ check syntax.yaml
! syntax.yaml:2:1: not YAML: ...
? 2
% printf 'model:\n  input: [1, 28, 28]\n  layers:\n    - conv2d: {filters: 8, kernel: 5}\n    - max_pool2d: 30\n    - dense: 10\nloss: softmax_cross_entropy\n' >shape.yaml
$ show shape.yaml
! shape.yaml:5:7: ...max_pool2d...8,24,24...30...
? 2
$ show digits --set train.epoch=3
! --set train.epoch: unknown key 'epoch' in train (did you mean 'epochs'?)
? 2
$ show digits --set model.layers.70=relu
! --set model.layers.70: '70' is not a position in a list of 10 (0 to 9)
? 2
$ show digits --set train
! --set train: expected key.path=value, such as train.epochs=3
? 2
# A parameter that the loss does not depend on.
% printf 'model:\n  input: 4\n  layers:\n    - dense: {units: 3, name: a}\n    - dense: {units: 3, name: b, from: x}\nloss: softmax_cross_entropy\n' >path.yaml
$ show path.yaml --plan
! bprop: no path from the loss to 2 values: a.weight, a.bias
? 2
$ show path.yaml
> layer ...
> a                dense              3                        15               12
> b                dense              3                        15               12
> all                                                          30               24
! bprop: no path from the loss to 2 values: a.weight, a.bias
? 2
$ train path.yaml
! bprop: path.yaml names no training data (data.train)
? 2
$ show digits
> layer            kind               output           parameters    multiply-adds
> 0                conv2d             8x28x28                 208          156,800
> 1                relu               8x28x28                                     
> 2                max_pool2d         8x14x14                                     
> 3                conv2d             16x14x14              3,216          627,200
> 4                relu               16x14x14                                    
> 5                max_pool2d         16x7x7                                      
> 6                flatten            784                                         
> 7                dense              64                   50,240           50,176
> 8                relu               64                                          
> 9                dense              10                      650              640
> all                                                      54,314          834,816
>
> a training step of 64 samples: ... kernel calls in ... segments
> memory: ...
% test "$("$bprop" show digits --graph --set train.shards=2 | grep -c psum)" -ge 1
% test "$("$bprop" show digits --gradient | grep -c '^update "0.weight"')" = 1
% test "$("$bprop" models digits | cmp - "$BPROP_SOURCE/models/digits.yaml" && echo same)" = same
