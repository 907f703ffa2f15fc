/* Prints doc/layers.md, or checks that it is up to date:
 *
 *     gen_layers_doc SOURCE_DIR > doc/layers.md
 *     gen_layers_doc SOURCE_DIR --check   (exit code 1: it is stale)
 *
 * Everything but the introduction comes from the tables of src/nn. */
#include "nn/spec.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char intro[] =
    "<!-- Printed by tools/gen_layers_doc.c from the tables of src/nn. -->\n"
    "# Layers, losses, optimizers and the rest\n"
    "\n"
    "Each kind below has a name and values. A model file writes them as YAML,\n"
    "a C program as a text; a value in **bold** needs no key:\n"
    "\n"
    "| model file | text |\n"
    "| --- | --- |\n"
    "| `relu` | `\"relu\"` |\n"
    "| `dense: 10` | `\"dense(10)\"` |\n"
    "| `conv2d: {filters: 32, kernel: [3, 5], padding: same}` | "
    "`\"conv2d(32, kernel=[3, 5], padding=same)\"` |\n"
    "| `adam: {lr: 0.002, schedule: {cosine: {to: 0}}}` | "
    "`\"adam(lr=0.002, schedule=cosine(to=0))\"` |\n"
    "\n"
    "Layers also take `name` (a name in the place of its number, for variables\n"
    "and for `from`) and `from` (a layer or an input, or a list of them, in\n"
    "the place of the layer before it).\n";

typedef struct table_text {
    bp_nn_table table;
    const char *title, *about;
} table_text;

static const table_text tables[] = {
    {BP_NN_LAYERS, "Layers",
     "Under `model: layers:`; in C, each is also a function `bp_nn_...`.\n"
     "Pictures are `[N, channels, height, width]`. Variables have PyTorch's\n"
     "names and layouts; a list is a `torch.nn.Sequential`."},
    {BP_NN_INITS, "Initializers",
     "For `init` and `bias_init`, of a layer or of the whole model. fan_in is\n"
     "the number of inputs that one output sums, fan_out the reverse. Weights\n"
     "start by `kaiming_normal`, biases at 0 (with `torch`, by `torch` too).\n"
     "An element's value is a function of the seed, the variable's name and\n"
     "the element's index."},
    {BP_NN_LOSSES, "Losses",
     "Each is a mean over the samples of the whole batch. y is what the\n"
     "network gives, t the target: a class for each sample (it becomes\n"
     "one-hot where the loss needs it), or numbers of y's shape."},
    {BP_NN_METRICS, "Metrics", "Means over the samples of an epoch."},
    {BP_NN_PENALTIES, "Penalties", "Added to the loss that is minimized; what "
     "is logged as the loss is without."},
    {BP_NN_OPTIMIZERS, "Optimizers",
     "PyTorch's formulas: p is a parameter, g its gradient, plus\n"
     "weight_decay * p but in adamw, nadamw, lion, lamb, muon and\n"
     "schedule_free, which say what they do with it. Names and defaults are\n"
     "PyTorch's where it has the optimizer, else the authors'. Clipping comes\n"
     "first: all gradients are multiplied by min(1, clip_norm / (norm + 1e-6)).\n"
     "Or each element is brought into [-clip_value, clip_value]. A moment below\n"
     "2^-100 (f64: 2^-900) becomes 0. With ema, variables and files hold an\n"
     "average x of the weights w, x + (1 - e) (w - x) after step t = 1, 2, ...\n"
     "with e = min(ema, (1 + t) / (10 + t)) (Polyak and Juditsky 1992)."},
    {BP_NN_SCHEDULES, "Schedules",
     "For `schedule` of an optimizer: the rate of step 0, 1, ... out of\n"
     "total. lr is the optimizer's."},
    {BP_NN_GROUPS, "Groups",
     "For `groups` of an optimizer: what it does otherwise with parameters\n"
     "whose names match a pattern. The first group that matches counts; one\n"
     "that matches nothing is an error. In YAML a pattern is quoted:\n"
     "`groups: [{freeze: \"0.*\"}, {group: {params: \"*.bias\", weight_decay: 0}}]`.\n"
     "Running statistics of frozen layers go on as before."},
};

static void print_default(FILE *f, const bp__argdef *d)
{
    char number[32];
    if (d->required) {
        fprintf(f, "needed");
    } else if (d->type == BP__ARG_CHOICE || d->type == BP__ARG_PADDING) {
        fprintf(f, "%s", d->def_text);
    } else if (d->type == BP__ARG_BOOL) {
        fprintf(f, "%s", d->def != 0 ? "true" : "false");
    } else if (d->no_default || d->type == BP__ARG_SPEC ||
               d->type == BP__ARG_LAYERS) {
        fprintf(f, "none");
    } else if (d->min <= d->max && d->def < d->min) {
        fprintf(f, "none");
    } else {
        bp__format_double(number, d->def);
        fprintf(f, "%s", number);
    }
}

/* A "|" within a cell would end it. */
static void print_cell(FILE *f, const char *text)
{
    for (; *text; text++)
        fprintf(f, *text == '|' ? "\\|" : "%c", *text);
}

static void print_row(FILE *f, const bp__kinddef *row)
{
    char expects[200], doc[300];
    fprintf(f, "\n### %s\n\n%s.\n", row->name, bp__kind_doc(row, doc));
    size_t n = bp__kind_arg_count(row);
    if (n)
        fprintf(f, "\n| value | what | default | meaning |\n"
                   "| --- | --- | --- | --- |\n");
    for (size_t i = 0; i < n; i++) {
        const bp__argdef *d = &row->args[i];
        bool bold = row->shorthand && strcmp(row->shorthand, d->name) == 0;
        fprintf(f, bold ? "| **%s** | " : "| %s | ", d->name);
        print_cell(f, bp__arg_expects(d, expects));
        fprintf(f, " | ");
        print_default(f, d);
        fprintf(f, " | ");
        print_cell(f, d->doc);
        fprintf(f, " |\n");
    }
}

static void print_all(FILE *f)
{
    fputs(intro, f);
    for (size_t t = 0; t < BP__ARRAY_LEN(tables); t++) {
        size_t n;
        const bp__kinddef *rows = bp__kinds(tables[t].table, &n);
        fprintf(f, "\n## %s\n\n%s\n", tables[t].title, tables[t].about);
        for (size_t i = 0; i < n; i++)
            print_row(f, &rows[i]);
    }
}

/* 0: the file holds just what would be printed. */
static int check_file(const char *root)
{
    char name[2000];
    snprintf(name, sizeof name, "%s/doc/layers.md", root);
    FILE *have = fopen(name, "rb"), *want = tmpfile();
    if (!have || !want) {
        fprintf(stderr, "gen_layers_doc: cannot read %s\n", name);
        return 2;
    }
    print_all(want);
    rewind(want);
    int a, b, line = 1;
    do {
        a = fgetc(have);
        b = fgetc(want);
        line += a == '\n' && b == '\n';
    } while (a == b && a != EOF);
    fclose(have);
    fclose(want);
    if (a != b)
        fprintf(stderr, "%s:%d: stale: build the target layers_doc\n", name,
                line);
    else
        printf("1 passed, 0 failed\n");
    return a != b;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[2], "--check") == 0)
        return check_file(argv[1]);
    if (argc != 2) {
        fprintf(stderr, "usage: gen_layers_doc SOURCE_DIR [--check]\n");
        return 2;
    }
    print_all(stdout);
    return 0;
}
