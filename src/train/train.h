/* Internal parts of the training loop: state files, the log, the curve. */
#ifndef BP__TRAIN_H
#define BP__TRAIN_H

#include "base/file.h"
#include "base/base.h"

#include <bprop/train.h>

/* ---- checkpoint.c ---------------------------------------------------- */

/* Through another file layer, for tests; fs NULL: the system's. */
bp_status bp__store_save(const bp__fs *fs, bp_store *s, const char *path,
                         unsigned kinds, const char *run, bp_error *err);
/* run: what bp__store_save was given, or NULL: not compared. */
bp_status bp__store_load(const bp__fs *fs, bp_store *s, const char *path,
                         unsigned kinds, const char *run, bp_error *err);
/* The first value that is not finite, as an error; BP_OK: there is none. */
bp_status bp__store_check_finite(bp_store *s, unsigned kinds, bp_error *err);

/* ---- log.c ----------------------------------------------------------- */

enum { BP__MAX_METRICS = 8 };

/* One record, and the shape in which it is read back. */
typedef struct bp__log_record {
    int64_t step, epoch; /* both from 1 */
    const char *split;
    bool whole_epoch;    /* else one of train.log_every */
    int64_t samples;
    double loss;
    int n_metrics;
    const char *metric_name[BP__MAX_METRICS];
    double metric[BP__MAX_METRICS];
    bool has_step_facts; /* lr, grad_norm: records of training only */
    double lr, grad_norm;
    bool wide;           /* numbers are f64, else f32 where they are stored */
    double seconds;      /* since the run (or this part of it) began */
    const char *note;    /* NULL: none */
} bp__log_record;

/* The record as a line of JSON with its line feed. */
void bp__log_format(const bp__log_record *r, bp__str *out);
/* Reads a line; strings are in the arena. */
bp_status bp__log_parse(bp__arena *ar, const char *line, size_t bytes,
                        const char *where, bp__log_record *r, bp_error *err);

/* ---- curve.c --------------------------------------------------------- */

/* Draws the epochs of a log as an SVG picture of its own. */
bp_status bp__curve_draw(const bp_allocator *a, const char *log, size_t bytes,
                         const char *where, const char *title, bp__str *svg,
                         bp_error *err);

#endif
