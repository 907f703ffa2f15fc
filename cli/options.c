/* The table of options: it reads the command line, prints the help and finds
 * the nearest name of a wrong one. */
#include "cli.h"

const cli_option cli_options[] = {
    {OPT_DATA, "--data", "DIR", "folder that the data files are in"},
    {OPT_OUT, "--out", "PATH", "where the result goes"},
    {OPT_RESUME, "--resume", NULL, "go on with the run in --out"},
    {OPT_FORCE, "--force", NULL, "replace the run in --out"},
    {OPT_SPLIT, "--split", "NAME", "train, valid or test (default: test)"},
    {OPT_WEIGHTS, "--weights", "WHICH", "best (default) or last"},
    {OPT_JSON, "--json", NULL, "print JSON"},
    {OPT_DTYPE, "--dtype", "TYPE", "f64 or f32"},
    {OPT_SAMPLE, "--sample", "N", "only sample N, from 0"},
    {OPT_TARGET, "--target", "COLUMN", "a name, or a number from 1; several: a,b"},
    {OPT_TEST, "--test", "PATH", "a table of its own to test on"},
    {OPT_TASK, "--task", "TASK", "class or number (default: guessed)"},
    {OPT_FOLDS, "--folds", "K",
     "train K times, each time tested on another K-th of the rows"},
    {OPT_LANG, "--lang", "LANG", "en (default) or zh"},
    {OPT_HTML, "--html", "PATH", "write a page instead of printing"},
    {OPT_FEATURES, "--features", "PATH",
     "draw the first layers' filters and activations into a PNG"},
    {OPT_FROM, "--from", "RATE", "the first rate (default: 1e-6)"},
    {OPT_TO, "--to", "RATE", "the last rate (default: 10)"},
    {OPT_STEPS, "--steps", "N", "steps (default: 30 a decade)"},
    {OPT_SVG, "--svg", "PATH", "draw a picture, too"},
    {OPT_GRAPH, "--graph", NULL, "print the graph of the forward pass"},
    {OPT_GRADIENT, "--gradient", NULL, "print the graph of a training step"},
    {OPT_LOWERED, "--lowered", NULL, "print kernels and layouts"},
    {OPT_PLAN, "--plan", NULL, "print the kernel calls in order"},
    {OPT_BACKWARD, "--backward", NULL, "print the generated gradient"},
    {OPT_SET, "--set", "KEY=VALUE",
     "change a key of the model file: --set train.epochs=3"},
    {OPT_THREADS, "--threads", "N", "threads (default: the CPUs allowed)"},
    {OPT_LEVEL, "--level", "NAME",
     "kernels for plain, avx2, avx512 or neon (default: the best here)"},
    {OPT_NO_PASS, "--no-pass", "LIST", "switch passes off: names, or all"},
    {OPT_NO_KERNEL, "--no-kernel", "LIST",
     "switch kernels off: names, or all (leaves the reference ones)"},
    {OPT_HELP, "--help", NULL, "print this help"},
};
enum { N_OPTIONS = sizeof cli_options / sizeof cli_options[0] };
const int cli_n_options = N_OPTIONS;

bool cli_option_in(const cli_opt *list, cli_opt id)
{
    for (; list && *list != OPT_END; list++)
        if (*list == id)
            return true;
    return false;
}

bool cli_option_fits(const cli_command *c, const cli_option *o)
{
    return o->id == OPT_HELP || cli_option_in(c->options, o->id);
}

static int usage_error(const cli_command *c, const char *format, ...)
    BP__PRINTF(2, 3);
static int usage_error(const cli_command *c, const char *format, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, format);
    bp__vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    cli_complain("%s; `bprop help %s` explains", text, c->name);
    return EXIT_USAGE;
}

/* Keys of `train`, for "--epochs" that is one of the model file. */
typedef struct train_keys {
    char name[64][40];
    size_t n;
} train_keys;

static void add_key(void *user, const bp_key *key)
{
    train_keys *k = user;
    if (!strncmp(key->path, "train.", 6) && !strchr(key->path + 6, '.') &&
        k->n < 64)
        bp__snprintf(k->name[k->n++], sizeof k->name[0], "%s",
                     key->path + 6);
}

/* Which one is meant, as its path; NULL: none. buf: 100 bytes. */
static const char *key_like(const char *name, char *buf)
{
    static train_keys k; /* large; of the command */
    const char *names[64];
    k.n = 0;
    bp_config_keys(add_key, &k);
    for (size_t i = 0; i < k.n; i++)
        names[i] = k.name[i];
    const char *key = bp__nearest(name + strspn(name, "-"), names, k.n);
    if (key)
        bp__snprintf(buf, 100, "train.%s", key);
    return key ? buf : NULL;
}

static int unknown_option(const cli_command *c, const char *word, size_t len)
{
    char name[80];
    bp__snprintf(name, sizeof name, "%.*s", (int)(len < 79 ? len : 79), word);
    const char *names[N_OPTIONS];
    size_t n = 0;
    for (int i = 0; i < N_OPTIONS; i++) {
        if (cli_option_fits(c, &cli_options[i]))
            names[n++] = cli_options[i].name;
        else if (!strcmp(name, cli_options[i].name))
            return usage_error(c, "`bprop %s` takes no option %s", c->name,
                               name);
    }
    char buf[BP__NEAR_BYTES];
    const char *near = bp__near_text(name, names, n, " or ", buf);
    char path[100];
    const char *key = !near && cli_option_in(c->options, OPT_SET) ? key_like(name, path)
                                                      : NULL;
    if (key)
        return usage_error(c, "unknown option %s (did you mean --set %s=...?)",
                           name, key);
    return usage_error(c, "unknown option %s%s%s%s", name,
                       near ? " (did you mean " : "", near ? near : "",
                       near ? "?)" : "");
}

static bool read_level(const char *value, bp_level *level)
{
    for (int l = BP_LEVEL_PLAIN; l <= BP_LEVEL_AVX512; l++)
        if (!strcmp(value, bp_level_name((bp_level)l))) {
            *level = (bp_level)l;
            return true;
        }
    return false;
}

static bool read_split(const char *value, bp_split *split)
{
    for (int s = BP_SPLIT_TRAIN; s <= BP_SPLIT_TEST; s++)
        if (!strcmp(value, bp_split_name((bp_split)s))) {
            *split = (bp_split)s;
            return true;
        }
    return false;
}

/* Stores one option; false: value is wrong. */
static bool store_option(cli_args *a, const cli_option *o, const char *value)
{
    int64_t n;
    switch (o->id) {
    case OPT_DATA:
        a->data = value;
        return *value;
    case OPT_OUT:
        a->out = value;
        return *value;
    case OPT_NO_PASS:
        a->no_pass = value;
        return *value;
    case OPT_NO_KERNEL:
        a->no_kernel = value;
        return *value;
    case OPT_SET:
        if (a->n_sets == CLI_MAX_SETS)
            return false;
        a->sets[a->n_sets++] = value;
        return true;
    case OPT_THREADS:
        if (!bp__parse_int64(value, &n) || n < 1 || n > 1024)
            return false;
        a->threads = (int)n;
        return true;
    case OPT_SAMPLE:
        return bp__parse_int64(value, &a->sample) && a->sample >= 0;
    case OPT_LEVEL:
        return read_level(value, &a->level);
    case OPT_SPLIT:
        return read_split(value, &a->split);
    case OPT_WEIGHTS:
        a->weights_last = !strcmp(value, "last");
        return a->weights_last || !strcmp(value, "best");
    case OPT_TARGET:
        a->target = value;
        return *value;
    case OPT_TEST:
        a->test = value;
        return *value;
    case OPT_TASK:
        a->task = value;
        return !strcmp(value, "class") || !strcmp(value, "number");
    case OPT_FOLDS:
        if (!bp__parse_int64(value, &n) || n < 2 || n > 100)
            return false;
        a->folds = (int)n;
        return true;
    case OPT_LANG:
        a->language = !strcmp(value, "zh") ? BP_CHINESE : BP_ENGLISH;
        return !strcmp(value, bp_language_name(a->language));
    case OPT_HTML:
        a->html = value;
        return *value;
    case OPT_FEATURES:
        a->features = value;
        return *value;
    case OPT_FROM:
        return bp__parse_double(value, &a->from) && a->from > 0 &&
               a->from < 1e30;
    case OPT_TO:
        return bp__parse_double(value, &a->to) && a->to > 0 && a->to < 1e30;
    case OPT_STEPS:
        return bp__parse_int64(value, &a->steps) && a->steps >= 10 &&
               a->steps <= 1000000;
    case OPT_SVG:
        a->svg = value;
        return *value;
    case OPT_DTYPE:
        a->dtype = !strcmp(value, "f32") ? BP_F32 : BP_F64;
        return a->dtype == BP_F32 || !strcmp(value, "f64");
    default:
        return true;
    }
}

const char *cli_option_expects(const cli_option *o)
{
    switch (o->id) {
    case OPT_THREADS:
        return "a whole number from 1 to 1024";
    case OPT_SAMPLE:
        return "a whole number from 0";
    case OPT_LEVEL:
        return "plain, avx2, avx512 or neon";
    case OPT_SPLIT:
        return "train, valid or test";
    case OPT_WEIGHTS:
        return "best or last";
    case OPT_DTYPE:
        return "f32 or f64";
    case OPT_LANG:
        return "en or zh";
    case OPT_TASK:
        return "class or number";
    case OPT_FROM:
    case OPT_TO:
        return "a number above 0";
    case OPT_STEPS:
        return "a whole number from 10 to 1000000";
    case OPT_FOLDS:
        return "a whole number from 2 to 100";
    case OPT_SET:
        return "at most 64 times";
    default:
        return "a value that is not empty";
    }
}

static int parse_option(const cli_command *c, cli_args *a, int argc,
                        char **argv, int *i)
{
    const char *word = argv[*i];
    if (!strcmp(word, "-h"))
        word = "--help";
    const char *eq = strchr(word, '=');
    size_t len = eq ? (size_t)(eq - word) : strlen(word);
    for (int k = 0; k < N_OPTIONS; k++) {
        const cli_option *o = &cli_options[k];
        if (!cli_option_fits(c, o) || strlen(o->name) != len ||
            strncmp(o->name, word, len))
            continue;
        const char *value = eq ? eq + 1 : NULL;
        if (!o->arg && value)
            return usage_error(c, "%s takes no value", o->name);
        if (o->arg && !value) {
            if (*i + 1 >= argc)
                return usage_error(c, "%s needs %s", o->name, o->arg);
            value = argv[++*i];
        }
        if (!store_option(a, o, value))
            return usage_error(c, "%s '%s': expected %s", o->name, value,
                               cli_option_expects(o));
        a->given[o->id] = true;
        return EXIT_FINE;
    }
    return unknown_option(c, word, len);
}

int cli_parse(const cli_command *c, int argc, char **argv, cli_args *a)
{
    *a = (cli_args){.split = BP_SPLIT_TEST, .dtype = BP_F64, .sample = -1};
    bool only_operands = false;
    for (int i = 0; i < argc; i++) {
        if (!only_operands && !strcmp(argv[i], "--")) {
            only_operands = true;
        } else if (!only_operands && argv[i][0] == '-' && argv[i][1]) {
            int rc = parse_option(c, a, argc, argv, &i);
            if (rc != EXIT_FINE)
                return rc;
        } else if (a->n_operands == c->max_operands ||
                   a->n_operands == CLI_MAX_OPERANDS) {
            return usage_error(c, "what is '%s'? `bprop %s` takes %s", argv[i],
                               c->name,
                               c->max_operands ? c->operands : "no operand");
        } else {
            a->operands[a->n_operands++] = argv[i];
        }
    }
    if (!a->given[OPT_HELP] && a->n_operands < c->min_operands)
        return usage_error(c, "`bprop %s` needs %s", c->name, c->operands);
    if (a->given[OPT_RESUME] && a->given[OPT_FORCE])
        return usage_error(c, "--resume goes on with a run, --force replaces "
                              "it: give one of them");
    return EXIT_FINE;
}

void cli_print_help(const cli_command *c, FILE *to)
{
    fprintf(to, "usage: bprop %s", c->name);
    if (*c->operands)
        fprintf(to, " %s", c->operands);
    fprintf(to, "%s\n\n%s\n", c->options ? " [options]" : "", c->summary);
    if (*c->details)
        fprintf(to, "\n%s\n", c->details);
    fprintf(to, "\noptions:\n");
    for (int k = 0; k < N_OPTIONS; k++) {
        const cli_option *o = &cli_options[k];
        char left[60];
        if (!cli_option_fits(c, o))
            continue;
        bp__snprintf(left, sizeof left, "%s%s%s", o->name, o->arg ? " " : "",
                     o->arg ? o->arg : "");
        fprintf(to, "  %-18s %s\n", left, o->help);
    }
}

void cli_print_usage(FILE *to)
{
    fprintf(to, "usage: bprop COMMAND [operands] [options]\n\n");
    for (int i = 0; i < cli_n_commands; i++)
        fprintf(to, "  %-8s %s\n", cli_commands[i]->name,
                cli_commands[i]->summary);
    fprintf(to, "\n`bprop help COMMAND` explains one, `bprop help keys` the model "
                "file;\n`bprop train` trains on built-in digits.\n");
}

const char *cli_nearest_command(const char *word, char *buf)
{
    const char *names[32];
    size_t n = 0;
    for (int i = 0; i < cli_n_commands && n < 32; i++)
        names[n++] = cli_commands[i]->name;
    return bp__near_text(word, names, n, "' or '", buf);
}
