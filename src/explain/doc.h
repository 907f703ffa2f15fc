/* The explanation as a document: sections, each a position of the page's
 * slider, of headings, sentences, formulas, numbers, pictures and tables.
 * Numbers are texts already, so that a terminal and a page show the same.
 * Items live in the document's arena; running out of memory is sticky. */
#ifndef BP__EXPLAIN_DOC_H
#define BP__EXPLAIN_DOC_H

#include "explain/messages.h"

#include "base/base.h"

enum { BP__DOC_ARGS = 8, BP__DOC_COLUMNS = 9 };

typedef enum bp__doc_kind {
    BP__DOC_SECTION,
    BP__DOC_HEAD,
    BP__DOC_PARA,
    BP__DOC_MATH,
    BP__DOC_NUMBERS,  /* a matrix, with a label */
    BP__DOC_PICTURE,  /* likewise, as shades */
    BP__DOC_TABLE
} bp__doc_kind;

/* Where the slider is: what of the drawing is lit. */
typedef enum bp__phase {
    BP__PHASE_START,
    BP__PHASE_FORWARD,
    BP__PHASE_ERROR,
    BP__PHASE_BACKWARD,
    BP__PHASE_UPDATE,
    BP__PHASE_END
} bp__phase;

typedef struct bp__doc_text {
    bp__message message;
    const char *arg[BP__DOC_ARGS];
} bp__doc_text;

typedef struct bp__doc_item {
    bp__doc_kind kind;
    bp__doc_text text;    /* heading, sentence, label */
    const char *math;
    size_t rows, cols;    /* numbers, table */
    const char **cell;    /* rows * cols; of a table's first column a name */
    bp__message head[BP__DOC_COLUMNS];
    int w, h;             /* picture */
    int8_t *shade;        /* -31 .. 31 */
    bp__phase phase;      /* section */
    int layer;            /* of the section; -1: none */
} bp__doc_item;

typedef struct bp__doc {
    bp__arena *arena;
    bp__doc_item *item;
    size_t n, cap;
    bp_allocator a;
} bp__doc;

/* NULL: out of memory. Arguments end with NULL; they are copied. */
bp__doc *bp__doc_new(bp__arena *ar, const bp_allocator *a);
void bp__doc_free(bp__doc *d);
void bp__doc_section(bp__doc *d, bp__phase phase, int layer, bp__message m,
                     ...);
void bp__doc_head(bp__doc *d, bp__message m, ...);
void bp__doc_para(bp__doc *d, bp__message m, ...);
void bp__doc_math(bp__doc *d, const char *formula);
/* v: rows * cols numbers. */
void bp__doc_numbers(bp__doc *d, size_t rows, size_t cols, const double *v,
                     bp__message m, ...);
/* v: h * w numbers; what is larger than a page is made smaller. */
void bp__doc_picture(bp__doc *d, int h, int w, const double *v,
                     bp__message m, ...);
/* Room for rows * cols cells, which the caller sets; NULL: out of memory. */
const char **bp__doc_table(bp__doc *d, size_t rows, size_t cols,
                           const bp__message *head);
/* Copies into the arena; "" without memory. */
const char *bp__doc_number(bp__doc *d, double x);
const char *bp__doc_printf(bp__doc *d, const char *format, ...)
    BP__PRINTF(2, 3);

/* The message with its arguments; formulas stay between $. */
void bp__doc_fill(bp__str *out, const bp__doc_text *t, bp_language l);

#endif
