/* The command: what its subcommands share. Thin: it reads arguments, calls
 * the library and prints. Exit codes: 0 fine, 1 the run failed, 2 wrong usage
 * or a wrong model file. */
#ifndef CLI_H
#define CLI_H

#include <bprop/bprop.h>
#include <bprop/config.h>
#include <bprop/data.h>
#include <bprop/explain.h>
#include <bprop/predict.h>
#include <bprop/train.h>

#include "base/base.h"

#include <stdio.h>

enum { EXIT_FINE = 0, EXIT_RUN = 1, EXIT_USAGE = 2 };
enum { CLI_MAX_SETS = 64, CLI_MAX_OPERANDS = 256 };

/* Options: which command takes which is a list of them. */
typedef enum cli_opt {
    OPT_DATA,
    OPT_OUT,
    OPT_THREADS,
    OPT_RESUME,
    OPT_FORCE,
    OPT_SET,
    OPT_LEVEL,
    OPT_NO_PASS,
    OPT_NO_KERNEL,
    OPT_JSON,
    OPT_SPLIT,
    OPT_WEIGHTS,
    OPT_DTYPE,
    OPT_SAMPLE,
    OPT_GRAPH,
    OPT_GRADIENT,
    OPT_LOWERED,
    OPT_PLAN,
    OPT_BACKWARD,
    OPT_HELP,
    OPT_TARGET,
    OPT_TEST,
    OPT_TASK,
    OPT_FOLDS,
    OPT_LANG,
    OPT_HTML,
    OPT_FEATURES,
    OPT_FROM,
    OPT_TO,
    OPT_STEPS,
    OPT_SVG,
    N_OPTS,
    OPT_END = -1 /* of a list */
} cli_opt;
#define OPTIONS(...) ((const cli_opt[]){__VA_ARGS__, OPT_END})
/* What every command takes that runs or shows a model. */
#define OPT_MODEL \
    OPT_SET, OPT_THREADS, OPT_LEVEL, OPT_NO_PASS, OPT_NO_KERNEL

typedef struct cli_args {
    bool given[N_OPTS];
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
    const char *task; /* "class", "number" */
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
    const cli_opt *options; /* ends with OPT_END; NULL: none */
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
    cli_opt id;
    const char *name; /* with its dashes */
    const char *arg;  /* NULL: takes none */
    const char *help;
} cli_option;
extern const cli_option cli_options[];
extern const int cli_n_options;
bool cli_option_in(const cli_opt *list, cli_opt id);
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
    bp_config *config;
    bp_runtime *runtime;
    const char *name;  /* as the user gave it; "digits" where not */
    const char *run;   /* the run folder; NULL: a model file */
    size_t n_inputs;
} cli_model;
typedef struct cli_data {
    bp_data *split[BP_N_SPLITS];
} cli_data;
/* what NULL: the built-in digits. Prints what is wrong; the exit code. */
int cli_open(const cli_args *a, const char *what, cli_model *m);
void cli_close(cli_model *m);
/* Decoded pictures go beside this run; NULL: into runs/. */
void cli_set_cache(cli_model *m, const char *run);
/* The data of the wanted splits; folder --data, else the file's. A split that
 * is wanted and not there is an error if `must`. */
int cli_open_data(const cli_args *a, cli_model *m, unsigned wanted, bool must,
                  cli_data *d);
void cli_close_data(cli_data *d);
/* Without data: a class where the model looks like a classifier, else real
 * numbers of the output's shape. */
int cli_assume_target(cli_model *m);
/* A store with the task's variables: initial, or the run's weights. */
int cli_open_store(const cli_args *a, const cli_model *m, bp_store **s);
/* Of a run, with the options' weights, passes and kernels. */
int cli_open_predictor(const cli_args *a, cli_model *m, bp_predictor **p);
/* Opens the model that the operand names, its training data, norms and store
 * (in --dtype), hands them to `use`, and closes all; the exit code. */
typedef bp_status cli_use_data(const cli_args *a, cli_model *m, bp_data *train,
                               bp_store *s, bp_error *err);
int cli_with_training_data(const cli_args *a, cli_use_data *use);
bp_compile_options cli_compile_options(const cli_args *a);
/* A norm for each input, from the run or fitted to d; and a loader with them
 * and with the types of the inputs. */
int cli_norms(cli_model *m, bp_data *d);
void cli_set_loader(const cli_model *m, bp_loader_options *o);
/* What is to be told of the data, on stderr, once. */
void cli_print_notes(cli_model *m);
/* Its name, or its number; buf: 40 bytes. */
const char *cli_class_name(const bp_config *c, int64_t k, char *buf);

/* manual.c: `bprop help man` and `bprop help bash`, from the tables. */
int cli_print_man(void);
int cli_print_bash(void);
/* help.c: "layers", "losses" ...; NULL past the last one. */
const char *cli_help_topic(int i);

/* models.c */
const char *cli_shipped_name(int i); /* NULL past the last one */
/* A model that is part of the command; NULL: none of this name. */
const char *cli_shipped_model(const char *name, size_t *bytes);

/* explain.c: draws filters and activations into --features. */
int cli_features(const cli_args *a);

/* compare.c: after training on a table, pictures or arrays, what the network is
 * worth beside simpler models. *score: accuracy, or R2 (its mean over several
 * targets), on the test part; NaN: a run that is not compared. */
typedef struct cli_scores {
    double network, linear, constant;
} cli_scores;
int cli_compare(const cli_args *a, cli_model *m, const cli_data *d,
                bp_trainer *t, cli_scores *score);

/* report.c */
/* "accuracy 98.20 %" or "loss 0.0123"; buf: 80 bytes. */
const char *cli_metric_text(char *buf, const char *name, double x);
void cli_print_confusion(const cli_model *m, const bp_evaluation *e);
/* FNV-1a of a file as 16 hexadecimal digits; false: cannot be read. */
bool cli_file_hash(const char *path, char hash[20]);
bool cli_exists(const char *path);
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
/* Writes a text into a file; the exit code. */
int cli_write_file(const char *path, const char *text, size_t bytes);
double cli_now(void); /* seconds of a steady clock */

#endif
