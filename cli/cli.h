/* The command: what its subcommands share. Thin: it reads arguments, calls
 * the library and prints. Exit codes: 0 fine, 1 the run failed, 2 wrong usage
 * or a wrong model file. */
#ifndef CLI_H
#define CLI_H

#include <bprop/bprop.h>
#include <bprop/data.h>
#include <bprop/explain.h>
#include <bprop/train.h>

#include "config/config.h"
#include "data/columns.h"
#include "train/scores.h"
#include "train/train.h"

#include <stdio.h>

enum { EXIT_FINE = 0, EXIT_RUN = 1, EXIT_USAGE = 2 };
enum { CLI_MAX_SETS = 64, CLI_MAX_OPERANDS = 256 };

/* Options, one bit each: which command takes which. */
enum {
    OPT_DATA = 1 << 0,
    OPT_OUT = 1 << 1,
    OPT_THREADS = 1 << 2,
    OPT_RESUME = 1 << 3,
    OPT_FORCE = 1 << 4,
    OPT_SET = 1 << 5,
    OPT_LEVEL = 1 << 6,
    OPT_NO_PASS = 1 << 7,
    OPT_NO_KERNEL = 1 << 8,
    OPT_JSON = 1 << 9,
    OPT_SPLIT = 1 << 10,
    OPT_WEIGHTS = 1 << 11,
    OPT_DTYPE = 1 << 12,
    OPT_SAMPLE = 1 << 13,
    OPT_GRAPH = 1 << 14,
    OPT_GRADIENT = 1 << 15,
    OPT_LOWERED = 1 << 16,
    OPT_PLAN = 1 << 17,
    OPT_BACKWARD = 1 << 18,
    OPT_HELP = 1 << 19,
    OPT_TARGET = 1 << 20,
    OPT_TEST = 1 << 21,
    OPT_TASK = 1 << 22,
    OPT_FOLDS = 1 << 23,
    OPT_LANG = 1 << 24,
    OPT_HTML = 1 << 25,
    OPT_FEATURES = 1 << 26,
    OPT_FROM = 1 << 27,
    OPT_TO = 1 << 28,
    OPT_STEPS = 1 << 29,
    OPT_SVG = 1 << 30,
    /* What every command takes that runs or shows a model. */
    OPT_MODEL = OPT_SET | OPT_THREADS | OPT_LEVEL | OPT_NO_PASS | OPT_NO_KERNEL
};

typedef struct cli_args {
    unsigned given; /* OPT_ bits */
    const char *data, *out, *no_pass, *no_kernel;
    const char *sets[CLI_MAX_SETS];
    int n_sets;
    int threads;
    bp_level level;
    bp_split split;
    bool weights_last;
    bp_dtype dtype;
    int64_t sample;
    const char *target, *test;
    bp__table_task task;
    int folds;
    bp_language language;
    const char *html, *features;
    double from, to; /* 0: not given */
    int64_t steps;
    const char *svg;
    const char *operands[CLI_MAX_OPERANDS];
    int n_operands;
} cli_args;

typedef struct cli_command {
    const char *name;
    const char *operands; /* "[FILE]" */
    const char *summary;  /* one line */
    const char *details;  /* paragraphs of `bprop help NAME` */
    unsigned options;
    int min_operands, max_operands;
    int (*run)(const cli_args *a);
} cli_command;

/* One a file; the table is in main.c. */
extern const cli_command cli_train, cli_new, cli_eval, cli_predict, cli_check, cli_grad,
    cli_explain, cli_lr, cli_show, cli_ops, cli_models, cli_help, cli_version;
extern const cli_command *const cli_commands[];
extern const int cli_n_commands;

/* options.c */
typedef struct cli_option {
    unsigned bit;
    const char *name; /* with its dashes */
    const char *arg;  /* NULL: takes none */
    const char *help;
} cli_option;
extern const cli_option cli_options[];
extern const int cli_n_options;
bool cli_option_fits(const cli_command *c, const cli_option *o);
/* "best or last": what its value may be. */
const char *cli_option_expects(const cli_option *o);
/* EXIT_FINE, or EXIT_USAGE with the message printed. */
int cli_parse(const cli_command *c, int argc, char **argv, cli_args *a);
void cli_print_help(const cli_command *c, FILE *to);
void cli_print_usage(FILE *to);
/* As bp__near_text. */
const char *cli_nearest_command(const char *word, char *buf);

/* session.c: a model file, a shipped model or a run folder, opened. */
typedef struct cli_model {
    bp__config *config;
    bp_runtime *runtime;
    const char *name;  /* as the user gave it; "digits" where not */
    const char *run;   /* the run folder; NULL: a model file */
    bp_norm *norm[BP_MAX_INPUTS]; /* of a run: fitted */
    size_t n_inputs;
} cli_model;
/* what NULL: the built-in digits. Prints what is wrong; the exit code. */
int cli_open(const cli_args *a, const char *what, cli_model *m);
void cli_close(cli_model *m);
/* Decoded pictures go beside this run; NULL: into runs/. */
void cli_set_cache(cli_model *m, const char *run);
/* The data of the wanted splits; folder --data, else the file's. A split that
 * is wanted and not there is an error if `must`. */
int cli_open_data(const cli_args *a, cli_model *m, unsigned wanted, bool must,
                  bp__config_data *d);
/* Without data: a class where the model looks like a classifier, else real
 * numbers of the output's shape. */
int cli_assume_target(cli_model *m);
bool cli_is_classifier(const cli_model *m);
/* A store with the task's variables: initial, or the run's weights. */
int cli_open_store(const cli_args *a, const cli_model *m, bp_store **s);
/* Opens the model that the operand names, its training data, norms and store
 * (in --dtype), hands them to `use`, and closes all; the exit code. */
typedef bp_status cli_use_data(const cli_args *a, cli_model *m, bp_data *train,
                               bp_store *s, bp_error *err);
int cli_with_training_data(const cli_args *a, cli_use_data *use);
void cli_set_steps(const cli_args *a, const cli_model *m, bp__task_steps *k,
                   bp_store *s);
/* A norm for each input, from the run or fitted to d. */
int cli_norms(cli_model *m, bp_data *d);
/* What is to be told of the data, on stderr, once. */
void cli_print_notes(cli_model *m);
const char *cli_class_name(const cli_model *m, int64_t k, char *buf);

/* manual.c: `bprop help man` and `bprop help bash`, from the tables. */
int cli_print_man(void);
int cli_print_bash(void);
/* help.c: "layers", "losses" ...; NULL past the last one. */
const char *cli_help_topic(int i);

/* models.c */
const char *cli_shipped_name(int i); /* NULL past the last one */
/* A model that is part of the command; NULL: none of this name. */
const char *cli_shipped_model(const char *name, size_t *bytes);

/* filekind.c: "a table", by its name or as a folder; NULL: not known. */
#define CLI_MODEL_FILE "a model file"
#define CLI_TABLE "a table"
#define CLI_ARCHIVE "an archive"
const char *cli_file_kind(const char *path);

/* explain.c: draws filters and activations into --features. */
int cli_features(const cli_args *a);

/* compare.c: after training on a table, pictures or arrays, what the network is
 * worth beside simpler models. *score: accuracy, or R2 (its mean over several
 * targets), on the test part; NaN: a run that is not compared. */
typedef struct cli_scores {
    double network, linear, constant;
} cli_scores;
int cli_compare(const cli_args *a, cli_model *m, const bp__config_data *d,
                bp_trainer *t, cli_scores *score);

/* report.c */
/* "accuracy 98.20 %" or "loss 0.0123"; buf: 80 bytes. */
const char *cli_metric_text(char *buf, const char *name, double x);
void cli_print_confusion(const cli_model *m, const bp_evaluation *e);
/* FNV-1a of a file as 16 hexadecimal digits; false: cannot be read. */
bool cli_file_hash(const char *path, char hash[20]);
/* Prints "bprop: message" on stderr. */
void cli_complain(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
/* Prints err's message; EXIT_RUN, or EXIT_USAGE where the model is at fault.
 */
int cli_fail(const bp_error *err);
/* bp_write_fn that prints to the FILE user. */
int cli_write(void *user, const char *text, size_t bytes);
/* "1.5 MiB", "12,345", "3m20s"; buf: 40 bytes. */
const char *cli_bytes_text(char *buf, double bytes);
const char *cli_count_text(char *buf, int64_t n);
const char *cli_time_text(char *buf, double seconds);
double cli_now(void); /* seconds of a steady clock */

#endif
