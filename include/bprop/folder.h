/* bprop: run folders. A folder holds what a training loop must find again:
 * weights, moments, counters, the state of sources, the log, the best weights.
 * It knows no data and no configuration: whatever is registered is kept.
 *
 *     bp_folder_new("runs/gan", &options, &f, &err);
 *     bp_folder_add_store(f, store);
 *     bp_folder_add_step(f, step);
 *     bp_folder_add_source(f, "train", source);
 *     bp_folder_add_counter(f, "k", &k);
 *     bp_folder_start(f, &resumed, &err);
 *     for (; k < 1000; k++) {
 *         bp_source_next(source, &b, &err);
 *         bp_step_run(step, b.n, b.field, &err);
 *         bp_folder_tick(f, &err);      saves when it is time
 *     }
 *     bp_folder_finish(f, &err);
 *
 * Killed at any moment and opened again with resume, the loop goes on from the
 * last checkpoint and ends with the bits that it would have had. For that,
 * every number that the loop itself needs must be a registered counter, and
 * bp_folder_tick must stand where they agree with the store.
 *
 * Files: checkpoint.safetensors (everything), best and last.safetensors (the
 * weights), log.jsonl (a line a record), curve.svg, and with tensorboard
 * events.out.tfevents.bprop. Each appears whole or not at all. A folder is
 * open once at a time, in all processes.
 */
#ifndef BPROP_FOLDER_H
#define BPROP_FOLDER_H

#include <bprop/bprop.h>
#include <bprop/source.h>
#include <bprop/step.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bp_folder bp_folder;
struct bp__fs;

#define BP_FOLDER_MAX_KEYS 16

typedef struct bp_folder_options {
    size_t size;            /* sizeof(bp_folder_options) */
    const bp_allocator *allocator; /* copied; NULL: malloc */
    bool resume;            /* go on from its checkpoint, if there is one */
    bool replace;           /* remove the old run's files and start anew */
    double checkpoint_seconds; /* between saves; 0: 30; negative: only where
                               bp_folder_save is called */
    /* The loop's options as a text, all that its bits depend on: a run goes on
     * with the same only. NULL: "". */
    const char *options;
    bool tensorboard;       /* the log's numbers in an event file, too */
    const char *title;      /* of curve.svg; NULL: "bprop" */
    const struct bp__fs *fs; /* for tests; NULL: the system's files */
} bp_folder_options;

/* Makes the folder, if its parent is there, and locks it. path NULL: no files,
 * and everything else works. A folder that holds a run is refused without
 * resume or replace. [err: EARG EEXIST EIO ENOMEM] */
bp_status bp_folder_new(const char *path, const bp_folder_options *options,
                        bp_folder **folder, bp_error *err);
void bp_folder_free(bp_folder *f); /* unlocks; saves nothing */

/* Before bp_folder_start. What is registered is borrowed, and must outlive the
 * folder. Errors are kept, and returned by bp_folder_start. Names are those of
 * files: 1 to 100 letters, digits, and "._-". */
/* One store; its parameters and buffers are the weights. */
void bp_folder_add_store(bp_folder *f, bp_store *s);
/* By its own name; its first graph is part of the run's identity. */
void bp_folder_add_step(bp_folder *f, bp_step *p);
void bp_folder_add_source(bp_folder *f, const char *name, bp_source *s);
void bp_folder_add_counter(bp_folder *f, const char *name, double *x);
void bp_folder_add_count(bp_folder *f, const char *name, int64_t *n);

/* Resumes if it can. Three hashes decide whether it may: of the graph of each
 * step that has run, of the options, of the data of each source that has a
 * hash; a refusal (EARG) names the one that differs. Everything in the
 * checkpoint is checked before anything is touched. resumed may be NULL.
 * [err: EARG EFORMAT EVERSION ESHAPE ENONFINITE EIO ENOMEM] */
bp_status bp_folder_start(bp_folder *f, bool *resumed, bp_error *err);

/* Between two steps: saves if it is time. After bp_folder_stop it saves and
 * returns BP_ECANCELED. [err: EIO ENONFINITE ENOMEM] */
bp_status bp_folder_tick(bp_folder *f, bp_error *err);
/* Saves now. */
bp_status bp_folder_save(bp_folder *f, bp_error *err);
/* Asks the loop to end: may be called from a signal handler, which is the
 * caller's to install, or from another thread. */
void bp_folder_stop(bp_folder *f);
bool bp_folder_stopping(const bp_folder *f);

/* A record of the log: keys and their numbers, with `step` and `epoch` (0: not
 * written). Keys are drawn in curve.svg, a line for each split. note: NULL. */
typedef struct bp_record {
    size_t size;            /* sizeof(bp_record) */
    const char *split;      /* "train", "valid" ... */
    int64_t step, epoch;
    size_t n;               /* at most BP_FOLDER_MAX_KEYS */
    const char *const *key;
    const double *value;    /* NaN: not defined, written as null */
    const char *note;
} bp_record;
bp_status bp_folder_log(bp_folder *f, const bp_record *r, bp_error *err);

/* The best weights are those of the call with the best score so far: they are
 * written to best.safetensors then. *best may be NULL. A NaN is the worst.
 * [err: EIO ENONFINITE ENOMEM] */
bp_status bp_folder_best(bp_folder *f, double score, bool larger_is_better,
                         bool *best, bp_error *err);
/* Writes last.safetensors and the curve, and saves. */
bp_status bp_folder_finish(bp_folder *f, bp_error *err);

/* The hash of the weights as files have it: FNV-1a of the bytes that
 * last.safetensors would have now, 16 digits. */
bp_status bp_store_hash(bp_store *s, unsigned kinds, char hash[20],
                        bp_error *err);

#ifdef __cplusplus
}
#endif
#endif
