/* Run folders: internal to src/train. */
#ifndef BP__TRAIN_FOLDER_H
#define BP__TRAIN_FOLDER_H

#include "train/step.h"
#include "train/train.h"

#include <bprop/folder.h>

#include <stdatomic.h>

enum { BP__FOLDER_MAX = 32 }; /* of steps, sources and counters each */

typedef struct bp__folder_counter {
    const char *name;
    double *x;   /* one of both */
    int64_t *n;
} bp__folder_counter;

struct bp_folder {
    bp_allocator a;
    bp_folder_options o;
    bp__arena arena;
    const char *path; /* NULL: no files */
    const char *checkpoint, *best_file, *last_file, *log_file, *curve_file,
        *events_file, *lock_file;
    intptr_t lock;
    bool locked, started;
    bp_status status; /* of what was registered */
    bp_error error;
    bp_store *store, *best_store;
    bp_step *step[BP__FOLDER_MAX];
    int n_steps;
    bp_source *source[BP__FOLDER_MAX];
    const char *source_name[BP__FOLDER_MAX];
    int n_sources;
    bp__folder_counter counter[BP__FOLDER_MAX];
    int n_counters;
    char options_hash[20];
    bp__appender log, events;
    /* Counters of its own, @folder.log_bytes ... in the checkpoint. */
    double log_bytes, has_best, best;
    double last_save, began;
    atomic_int stop; /* of a signal handler, or another thread */
    /* A look at a checkpoint that is about to be taken: NULL, or BP_OK where
     * it may be. */
    bp_status (*check)(void *user, const bp__safetensors *st, bp_error *err);
    void *check_user;
};

/* folder_load.c: reads, checks all, takes all. */
bp_status bp__folder_load(bp_folder *f, bp_error *err);
/* For bp_source_save, into a bp__str. */
int bp__folder_put(void *to, const char *bytes, size_t n);
double bp__trainer_clock(void); /* seconds, steady */
/* folder.c: the record of the supervised loop. */
bp_status bp__folder_log(bp_folder *f, const bp__log_record *r,
                         bp_error *err);
bp_status bp__folder_draw(bp_folder *f, bp_error *err);
bp_status bp__folder_save_last(bp_folder *f, bp_error *err);
/* The weights become the best ones, whatever their score. */
bp_status bp__folder_keep_best(bp_folder *f, bp_error *err);
/* events.c, with o.tensorboard. */
bp_status bp__events_open(bp_folder *f, bp_error *err);
bp_status bp__events_add(bp_folder *f, const bp__log_record *r, bp_error *err);
/* "f32[64,784] i32[64]": of the step's first batch, as the checkpoint
 * has them, and back. */
void bp__types_print(const bp_array *in, size_t n, bp__str *out);
bool bp__types_parse(const char *text, bp_array *in, size_t n);

#endif
