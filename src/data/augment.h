/* Random changes of pictures: internal to src/data. What a sample gets is a
 * function of (seed, epoch, sample) alone; every kind of change has a stream
 * of its own, so that switching one on leaves the others' numbers alone. */
#ifndef BP__AUGMENT_H
#define BP__AUGMENT_H

#include "base/base.h"

#include <bprop/data.h>

enum {
    BP__ELASTIC_CELLS = 4, /* along each side of a picture */
    BP__ELASTIC_NODES = BP__ELASTIC_CELLS + 3, /* of cubic splines over them */
};

/* How one sample is placed in the picture that is made. */
typedef struct bp__placement {
    int64_t dy, dx; /* whole pixels */
    bool flip;
    bool warp; /* the rest of this struct but cut holds */
    double cos, sin;     /* of the rotation */
    double scale;        /* of the part that is seen, 1: all of it */
    double off_y, off_x; /* its middle, in sides of the picture */
    bool elastic;
    double node[2][BP__ELASTIC_NODES][BP__ELASTIC_NODES]; /* y, x; pixels */
    bool cut;
    double cut_y, cut_x; /* the middle of the square, in sides */
    int64_t cut_side;    /* pixels */
} bp__placement;

/* [err: EARG] */
bp_status bp__augment_check(const bp_augment *a, bp_error *err);
bool bp__augment_any(const bp_augment *a); /* of pictures */
/* Of mixup: the share of a batch's own samples, and the other of a sample. */
double bp__mixup_share(const bp_augment *a, uint64_t seed, int64_t epoch,
                       int64_t batch);
int64_t bp__mixup_other(uint64_t seed, int64_t epoch, int64_t sample,
                        int64_t count);
void bp__augment_draw(const bp_augment *a, uint64_t seed, int64_t epoch,
                      int64_t sample, bp__placement *p);
/* Where pixel y, x of the new picture is looked up: between pixel middles, in
 * pixels. Without warp these are whole numbers. */
void bp__placement_source(const bp__placement *p, int64_t height,
                          int64_t width, int64_t y, int64_t x, double *sy,
                          double *sx);
/* The rows and columns of the square that is cut out, within the picture. */
void bp__placement_cut(const bp__placement *p, int64_t height, int64_t width,
                       int64_t *y0, int64_t *y1, int64_t *x0, int64_t *x1);

#endif
