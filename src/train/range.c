/* The range test: a short training run whose rate grows by a constant factor,
 * and what its losses say about rates. Judging is a function of the points
 * alone; it knows nothing of how they came about. */
#include "base/math.h"
#include "train/trainer.h"

#include <math.h>

enum { RANGE_A_DECADE = 30, RANGE_MAX_STEPS = 1000000 };

/* Half the width of the window of the smoothed loss, in decades. */
static const double range_window = 0.4;

static double decades(double x)
{
    return bp__log(x) / 2.30258509299404568402;
}

static double rate_at(double from, double to, int64_t i, int64_t n)
{
    if (i == n - 1)
        return to;
    return from * bp__pow(to / from, (double)i / (double)(n - 1));
}

/* ---- judging ----------------------------------------------------------- */

/* The first point from `lo` on whose rate is x decades or more. */
static int64_t first_from(const bp_range *r, int64_t lo, double x)
{
    int64_t hi = r->n;
    while (lo < hi) {
        int64_t k = lo + (hi - lo) / 2;
        if (decades(r->points[k].lr) < x)
            lo = k + 1;
        else
            hi = k;
    }
    return lo;
}

/* A straight line through the neighbors, weighted by (1 - d^3)^3 (Cleveland
 * 1979): it lags at neither end, as a running mean would. Of very many
 * neighbors every few are enough. */
static double smooth_at(const bp_range *r, int64_t at, double most)
{
    enum { ENOUGH = 1024 };
    double x0 = decades(r->points[at].lr);
    double sw = 0, sx = 0, sy = 0, sxx = 0, sxy = 0;
    int64_t from = first_from(r, 0, x0 - range_window);
    int64_t end = first_from(r, at, x0 + range_window);
    int64_t step = 1 + (end - from) / ENOUGH;
    for (int64_t i = from + (at - from) % step; i < end; i += step) {
        double x = decades(r->points[i].lr) - x0;
        double y = BP__MIN(r->points[i].loss, most);
        double d = fabs(x) / range_window;
        if (d >= 1)
            continue;
        double u = 1 - d * d * d, w = u * u * u;
        sw += w;
        sx += w * x;
        sy += w * y;
        sxx += w * x * x;
        sxy += w * x * y;
    }
    double det = sw * sxx - sx * sx;
    return det > 1e-12 * sw * sw ? (sxx * sy - sx * sxy) / det : sy / sw;
}

/* How far the smoothed loss may be off: the points' deviation from it, over
 * the root of how many of them a window takes in. */
static double range_noise(const bp_range *r, int64_t lowest, double most)
{
    double sum = 0, n = (double)(lowest + 1);
    for (int64_t i = 0; i <= lowest; i++) {
        double d = BP__MIN(r->points[i].loss, most) - r->points[i].smooth;
        sum += d * d;
    }
    double wide = r->n > 1 ? decades(r->points[r->n - 1].lr) -
                                 decades(r->points[0].lr)
                           : 0;
    double in = wide > 0 ? (double)(r->n - 1) / wide * range_window : 1;
    return sqrt(sum / n / (in > 1 ? in : 1));
}

/* The first rate from `at` on whose smoothed loss, like all after it, is at
 * least y; 0: there is none. */
static double stays_above(const bp_range *r, int64_t at, double y)
{
    int64_t i = r->n;
    while (i > at && r->points[i - 1].smooth >= y)
        i--;
    return i < r->n ? r->points[i].lr : 0;
}

static void find_basin(bp_range *r, double most)
{
    int64_t best = 0, from;
    for (int64_t i = 0; i < r->n; i++)
        if (r->points[i].smooth < r->points[best].smooth)
            best = i;
    double fall = r->start - r->points[best].smooth;
    double noise = range_noise(r, best, most);
    r->lowest = r->points[best].smooth;
    r->falls = best > 0 && fall > 4 * noise &&
               fall > 1e-3 * fabs(r->start);
    if (r->falls) {
        for (from = best; from > 0; from--)
            if (r->points[from - 1].smooth > r->start - 0.05 * fall)
                break;
        r->low = r->points[from].lr;
        r->high = r->points[best].lr;
        r->open = best == r->n - 1 && !r->not_finite;
        r->suggested = BP__MAX(r->high / 10, sqrt(r->low) * sqrt(r->high));
    }
    /* Back at the start: so is the smoothed loss, or each batch to the end. */
    double y = r->start + noise + 0.02 * fabs(r->start), found = 0;
    int64_t end = r->n;
    while (end > best + 1 && r->points[end - 1].loss >= y)
        end--;
    if (end < r->n - 2 || (end < r->n && r->left))
        found = r->points[end].lr;
    for (int64_t i = best + 1; i < end; i++)
        if (r->points[i].smooth >= y) {
            found = r->points[i].lr;
            break;
        }
    if (found > 0) {
        r->diverges = true;
        r->diverges_at = found;
    }
    if (r->falls)
        r->rises_at = stays_above(r, best + 1, r->lowest + 0.2 * fall + noise);
}

static void judge_range(bp_range *r)
{
    double first = r->n ? decades(r->points[0].lr) : 0;
    int64_t n = 0;
    for (; n < r->n; n++) {
        if (n >= 3 && decades(r->points[n].lr) > first + 0.5)
            break;
        r->start += r->points[n].loss;
    }
    r->start /= n ? (double)n : 1;
    /* One batch that explodes says no more than one that is merely bad. */
    double least = r->start;
    for (int64_t i = 0; i < r->n; i++)
        least = BP__MIN(least, r->points[i].loss);
    double most = r->start + BP__MAX(r->start - least, 0.25 * fabs(r->start));
    for (int64_t i = 0; i < r->n; i++)
        r->points[i].smooth = smooth_at(r, i, most);
    if (r->n)
        find_basin(r, most);
}

/* ---- running ----------------------------------------------------------- */

/* Ends the run once a running mean has left: as far above the first losses as
 * the best was below them, and by a quarter of them. */
typedef struct leaving {
    double first, mean, weight, best;
    int64_t n;
} leaving;

static bool has_left(leaving *l, double loss)
{
    if (l->n < 5)
        l->first += (loss - l->first) / (double)(l->n + 1);
    l->mean = 0.8 * l->mean + 0.2 * loss;
    l->weight = 0.8 * l->weight + 0.2;
    double now = l->mean / l->weight;
    l->best = !l->n++ || now < l->best ? now : l->best;
    double room = BP__MAX(l->first - l->best, 0.25 * fabs(l->first));
    return now > l->first + room;
}

static bp_status run_range(bp_trainer *t, const bp_range_options *o,
                           bp_range *r, int64_t steps, bp_error *err)
{
    leaving l = {0};
    for (int64_t i = 0; i < steps; i++) {
        bp_evaluation now;
        double lr = rate_at(o->from, o->to, i, steps);
        bp_status st = bp__trainer_step(t, lr, &now, err);
        if (st == BP_ENONFINITE && i > 0) {
            r->diverges = r->not_finite = true;
            r->diverges_at = lr;
            return BP_OK;
        }
        if (st)
            return st;
        r->points[r->n++] = (bp_range_point){lr, now.loss, now.loss};
        if (o->on_step)
            o->on_step(o->user, i + 1, steps);
        r->left = has_left(&l, now.loss);
        if (r->left)
            break;
    }
    return BP_OK;
}

static bp_status check_range(const bp_range_options *o, bp_error *err)
{
    char from[32], to[32];
    if (!(o->from > 0 && o->to > o->from && o->to < HUGE_VAL)) {
        bp__format_double(from, o->from);
        bp__format_double(to, o->to);
        return bp__error(err, BP_EARG, "a range test goes from a rate above 0 "
                         "to a larger one, not from %s to %s", from, to);
    }
    if (!(o->to / o->from < HUGE_VAL)) {
        bp__format_double(from, o->from);
        bp__format_double(to, o->to);
        return bp__error(err, BP_EARG, "a range test from %s to %s is too wide: "
                         "1e308 times the first rate is possible", from, to);
    }
    if (o->steps < 10 || o->steps > RANGE_MAX_STEPS)
        return bp__error(err, BP_EARG, "a range test takes 10 to %d steps, "
                         "not %lld", RANGE_MAX_STEPS, (long long)o->steps);
    return BP_OK;
}

/* The user's options without files, other data and ends. */
static bp_trainer_options plain_options(const bp_trainer_options *from)
{
    bp_trainer_options o = *from;
    o.valid = o.test = NULL;
    o.run_dir = o.monitor = NULL;
    o.resume = o.replace = o.has_target = o.tensorboard = false;
    o.epochs = 1;
    o.steps = o.patience = o.log_every = 0;
    o.no_hints = true;
    o.on_step = NULL;
    o.on_epoch = NULL;
    return o;
}

bp_status bp_range_test(const bp_task *task, const bp_range_options *options,
                        bp_range *r, bp_error *err)
{
    bp_error own = {0};
    err = err ? err : &own;
    *r = (bp_range){.n = 0};
    bp_range_options o;
    bp_trainer_options train;
    bp_status st = BP__OPTIONS(&o, options, bp_range_options, err);
    if (!st && !o.train)
        st = bp__error(err, BP_EARG, "bp_range_test needs options->train");
    if (!st)
        st = BP__OPTIONS(&train, o.train, bp_trainer_options, err);
    if (st)
        return st;
    o.train = &train;
    o.from = o.from != 0 ? o.from : 1e-6;
    o.to = o.to != 0 ? o.to : 10;
    if (!o.steps && o.from > 0 && o.to / o.from < HUGE_VAL)
        o.steps = BP__MAX(20, (int64_t)(RANGE_A_DECADE *
                                        decades(o.to / o.from) + 0.5));
    st = check_range(&o, err);
    if (st)
        return st;
    bp_trainer *t = NULL;
    bp_trainer_options to = plain_options(o.train);
    r->allocator = to.allocator ? *to.allocator : bp__malloc_allocator;
    r->room = o.steps;
    r->points = bp__calloc(&r->allocator, (size_t)r->room, sizeof *r->points);
    if (!r->points)
        return bp__oom(err);
    bp_task bare;
    st = task ? BP__OPTIONS(&bare, task, bp_task, err)
              : bp__error(err, BP_EARG, "bp_range_test needs a task");
    if (st)
        return st;
    bare.metrics = NULL; /* only the loss is asked for */
    st = bp_trainer_new(&bare, &to, &t, err);
    if (!st)
        st = run_range(t, &o, r, o.steps, err);
    bp_trainer_free(t);
    if (!st)
        judge_range(r);
    return st;
}

void bp_range_free(bp_range *r)
{
    if (r->points)
        bp__free(&r->allocator, r->points,
                 (size_t)r->room * sizeof *r->points);
    *r = (bp_range){.n = 0};
}
