# bash completion for bprop, printed by `bprop help bash`.

_bprop_commands="train new eval predict check grad explain lr show ops models help version "
_bprop_topics="keys layers losses metrics penalties optimizers schedules initializers groups "
_bprop_models="digits mnist-cnn mnist-mlp nielsen/better-cross-entropy-100-long nielsen/better-cross-entropy-100 nielsen/better-quadratic-100 nielsen/better-quadratic-30 nielsen/cross-entropy-100-long nielsen/cross-entropy-100 nielsen/quadratic-100 nielsen/quadratic-30 resnet20 "
_bprop_ops="input const variable iota psum spread backward neg abs sign floor reciprocal square sqrt exp log log1p sin cos tanh sigmoid erf relu not is_finite cast stop_gradient add sub mul div pow maximum minimum eq ne lt le gt ge and or select sum amax amin argmax argmin reshape permute broadcast slice pad concat flip gather scatter_add matmul conv2d conv2d_dx conv2d_dw max_pool2d pool_scatter pool_gather avg_pool2d avg_pool2d_dx uniform normal bernoulli mean logsumexp one_hot softmax log_softmax leaky_relu gelu dropout softmax_cross_entropy sigmoid_cross_entropy batch_norm layer_norm elu selu celu silu mish softplus softsign hard_sigmoid hard_swish hard_tanh "
_bprop_keys="name model.input model.init model.bias_init model.layers loss metrics penalty optimizer data.dir data.train data.train.idx.images data.train.idx.labels data.train.npy.inputs data.train.npy.target data.train.npz.file data.train.npz.inputs data.train.npz.target data.train.csv data.train.pictures data.train.digits.n data.train.digits.seed data.train.range data.train.augment.shift data.train.augment.flip data.train.augment.rotate data.train.augment.crop data.train.augment.elastic data.train.augment.cutout data.train.augment.mixup data.valid data.test data.split.valid data.split.test data.split.seed data.split.folds data.split.fold data.split.stratify data.normalize data.table.target data.table.task data.table.bins data.table.separator data.table.header data.table.missing data.table.rename data.table.columns data.pictures.fit data.pictures.unreadable data.pictures.cache data.classes data.class_counts data.fitted data.columns data.decoded train.epochs train.batch train.seed train.steps train.shards train.dtype train.monitor train.patience train.target train.init_from train.freeze train.init_hash train.checkpoint_seconds train.log_every train.tensorboard "

# What a key of the model file may hold, in words.
_bprop_values() {
    case $1 in
    model.init|model.bias_init) words="kaiming_normal kaiming_uniform xavier_normal xavier_uniform lecun_normal lecun_uniform torch normal uniform truncated_normal orthogonal lsuv dirac article constant zeros ones " ;;
    loss) words="softmax_cross_entropy binary_cross_entropy sigmoid_cross_entropy mean_squared_error mean_absolute_error huber log_cosh hinge squared_hinge kl_divergence nll poisson " ;;
    metrics) words="accuracy top_k precision recall f1 auc calibration_error mean_squared_error mean_absolute_error root_mean_squared_error r2 " ;;
    penalty) words="l2 " ;;
    optimizer) words="sgd momentum nesterov adam adamw nadam nadamw adamax adagrad rmsprop adadelta lion lamb muon schedule_free " ;;
    optimizer.*.schedule) words="constant step cosine one_cycle exponential polynomial inverse_sqrt plateau warmup " ;;
    model.layers.*) words="dense conv2d conv1d conv_transpose2d upsample embedding max_pool2d avg_pool2d global_avg_pool2d flatten sigmoid tanh relu leaky_relu gelu selu silu mish softsign hard_sigmoid hard_swish elu celu softplus hard_tanh prelu softmax log_softmax batch_norm layer_norm group_norm instance_norm rms_norm maxout dropout residual ensemble add concat " ;;
    data.train.augment.flip) words="true false" ;;
    data.split.stratify) words="true false" ;;
    data.normalize) words="none unit global channel feature " ;;
    data.table.task) words="class number " ;;
    data.table.bins) words="auto " ;;
    data.table.separator) words="comma semicolon tab bar " ;;
    data.table.header) words="guess with without " ;;
    data.pictures.fit) words="crop stretch pad " ;;
    data.pictures.unreadable) words="refuse skip " ;;
    train.dtype) words="f32 f64 " ;;
    train.tensorboard) words="true false" ;;
    data.train|data.valid|data.test) words=digits ;;
    *) words= ;;
    esac
}

# ... and an option.
_bprop_option_values() {
    case $1 in
    --split) words="train valid test " ;;
    --weights) words="best last " ;;
    --dtype) words="f32 f64 " ;;
    --task) words="class number " ;;
    --lang) words="en zh " ;;
    --level) words="plain avx2 avx512 neon " ;;
    --no-pass) words="all poolmask cse dce constants fuse order plan inplace kept " ;;
    --no-kernel) words="all chain" ;;
    *) return 1 ;;
    esac
}

_bprop_command() {
    case $1 in
    train) options="--data --out --resume --force --folds --set --threads --level --no-pass --no-kernel --help " operands="[FILE]" ;;
    new) options="--out --force --target --test --task --help " operands="PATH" ;;
    eval) options="--data --split --weights --json --set --threads --level --no-pass --no-kernel --help " operands="RUN" ;;
    predict) options="--weights --json --set --threads --level --no-pass --no-kernel --help " operands="RUN INPUT..." ;;
    check) options="--data --dtype --set --threads --level --no-pass --no-kernel --help " operands="[FILE]" ;;
    grad) options="--data --out --weights --dtype --sample --set --threads --level --no-pass --no-kernel --help " operands="FILE|RUN" ;;
    explain) options="--data --weights --dtype --sample --lang --html --set --threads --level --no-pass --no-kernel --help " operands="FILE|RUN|article" ;;
    lr) options="--data --from --to --steps --svg --set --threads --level --no-pass --no-kernel --help " operands="[FILE]" ;;
    show) options="--data --weights --sample --features --graph --gradient --lowered --plan --set --threads --level --no-pass --no-kernel --help " operands="[FILE|RUN]" ;;
    ops) options="--backward --help " operands="[NAME]" ;;
    models) options="--help " operands="[NAME]" ;;
    help) options="--help " operands="[COMMAND|keys|layers|losses|optimizers|...]" ;;
    version) options="--threads --level --help " operands="" ;;
    *) options= operands= ;;
    esac
}

_bprop_with_value="--data --out --split --weights --dtype --sample --target --test --task --folds --lang --html --features --from --to --steps --svg --set --threads --level --no-pass --no-kernel "

_bprop() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev= words= options=
    local operands= command=${COMP_WORDS[1]} key=
    [ "$COMP_CWORD" -gt 0 ] && prev=${COMP_WORDS[COMP_CWORD - 1]}
    COMPREPLY=()
    if [ "$COMP_CWORD" = 1 ]; then
        COMPREPLY=($(compgen -W "$_bprop_commands" -- "$cur"))
        return
    fi
    # "=" is a word of its own: KEY = VALUE, --option = VALUE.
    if [ "$cur" = = ]; then
        key=$prev cur=
    elif [ "$prev" = = ]; then
        key=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    case $key in
    --*) prev=$key ;;
    ?*)
        _bprop_values "$key"
        COMPREPLY=($(compgen -W "$words" -- "$cur"))
        return ;;
    esac
    if [ "$prev" = --set ]; then
        COMPREPLY=($(compgen -S = -W "$_bprop_keys" -- "$cur"))
        type compopt > /dev/null 2>&1 && compopt -o nospace 2> /dev/null
        return
    fi
    if [[ " $_bprop_with_value " == *" $prev "* ]]; then
        if _bprop_option_values "$prev"; then
            COMPREPLY=($(compgen -W "$words" -- "$cur"))
        else
            COMPREPLY=($(compgen -f -- "$cur"))
        fi
        return
    fi
    _bprop_command "$command"
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$cur"))
        return
    fi
    case $command in
    help) words="$_bprop_commands $_bprop_topics" ;;
    ops) words=$_bprop_ops ;;
    models) words=$_bprop_models ;;
    *)
        [[ $operands == *FILE* ]] && words=$_bprop_models
        [ -z "$operands" ] || COMPREPLY=($(compgen -f -- "$cur")) ;;
    esac
    COMPREPLY+=($(compgen -W "$words" -- "$cur"))
}
complete -o filenames -F _bprop bprop
