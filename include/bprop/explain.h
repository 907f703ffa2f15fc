/* bprop: one training step, explained: every number of forward, backward and
 * update of one sample, with the formulas, as text or as a page.
 *
 *     bp_explain *e = NULL;
 *     bp_explain_options o = {.size = sizeof o, .input = {x}, .target = t};
 *     if (!bp_explain_new(&task, store, &o, &e, &err))
 *         bp_explain_text(e, BP_ENGLISH, write, user);
 *     bp_explain_free(e);
 *
 * Layer l has the input of its activation x(l), its output y(l), its weights
 * W(l) and b(l); J is the objective. What training forms is read from the
 * program that trains; what it does not form is marked as derived.
 */
#ifndef BPROP_EXPLAIN_H
#define BPROP_EXPLAIN_H

#include <bprop/bprop.h>
#include <bprop/nn.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bp_explain bp_explain;

typedef enum bp_language {
    BP_ENGLISH = 0,
    BP_CHINESE = 1
} bp_language;
#define BP_N_LANGUAGES 2
/* "en", "zh"; NULL beyond the last. */
const char *bp_language_name(bp_language l);

typedef struct bp_explain_options {
    size_t size;          /* sizeof(bp_explain_options) */
    const bp_allocator *allocator; /* copied; NULL: malloc */
    bp_runtime *runtime;  /* NULL: one of its own */
    const char *no_pass, *no_kernel; /* as in bp_compile_options */
    /* One sample [1, ...], in the task's type, normalized; its target, as a
     * batch of one has it. Borrowed during bp_explain_new. */
    const void *input[BP_NN_MAX_INPUTS];
    const void *target;
    int64_t sample;       /* its number, for the text */
    const char *title;    /* the model's name; NULL: "bprop" */
    const char *command;  /* what trains it, for step 6; NULL: not said */
    bool trained;         /* the store holds learned weights */
    bool adapted;         /* training changes the weights before its first
                             step, and the store has them as they were drawn:
                             from another file. (Where some start by lsuv, it is
                             known.) */
    int64_t batch, steps_per_epoch, steps; /* of training; 0: not said */
} bp_explain_options;

/* Runs one step of the task on one sample; the store is as before
 * afterwards (its variables are made where missing). The task and its texts
 * must outlive the result. [err: EARG and what bp_compile and bp_run say] */
bp_status bp_explain_new(const bp_task *task, bp_store *s,
                         const bp_explain_options *o, bp_explain **e,
                         bp_error *err);
void bp_explain_free(bp_explain *e);

/* For a terminal, UTF-8. [err: what write returns, ENOMEM] */
bp_status bp_explain_text(const bp_explain *e, bp_language l,
                          bp_write_fn write, void *user);
/* One self-contained page that starts in this language and has a switch. The
 * numbers are those of the text. */
bp_status bp_explain_html(const bp_explain *e, bp_language l,
                          bp_write_fn write, void *user);

/* The program that the article prints: its own network (10 inputs, 20 hidden,
 * 5 outputs) on its own random data, trained for `steps` steps (0: 10,000), and
 * what is wrong with it, and what is not. */
bp_status bp_explain_article(const bp_explain_options *o, int64_t steps,
                             bp_explain **e, bp_error *err);

/* The filters that the first layers have learned, and what they make of a
 * sample in evaluation mode, as a PNG file. input: one sample for each input,
 * in the task's type, normalized. *width and *height: of the picture; legend: a
 * line for each strip. [err: EARG the network has nothing to draw, EIO
 * EUNSUPPORTED and what bp_compile says] */
bp_status bp_features_draw(const bp_task *task, bp_store *s, bp_runtime *r,
                           const void *const *input, const char *path,
                           int64_t *width, int64_t *height, bp_write_fn legend,
                           void *user, bp_error *err);

/* A tensor as `bprop grad` prints it: its range, then a line for each element,
 * "NAME[i,j] x". [err: EIO ENOMEM] */
bp_status bp_tensor_print(const char *name, bp_dtype dtype, int rank,
                          const int64_t *dims, const void *data,
                          bp_write_fn write, void *user);

#ifdef __cplusplus
}
#endif
#endif
