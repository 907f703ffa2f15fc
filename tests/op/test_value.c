/* Every op against stored values of an independent library: tests/data/op/,
 * made by tools/golden.py, which describes the format. Primitives run their
 * reference kernel, composites their definition. Every row but the leaves and
 * the generated backward must have a file. */
#include "op/cases.h"
#include "op/eval.h"
#include "t.h"

#include <ctype.h>

enum { MAX_TENSORS = 8, MAX_VALUES = 4096 };

typedef struct stored {
    bp__type type;
    bool under_test; /* type f */
    double *v;
} stored;

typedef struct record {
    bp__op op;
    int line;          /* of the file, for messages */
    bool varying;
    char attrs[400];
    double rel, abs;
    stored in[MAX_TENSORS], out[MAX_TENSORS];
    int n_in, n_out;
} record;

/* ---- reading ---------------------------------------------------------- */

static char *next_word(char **p)
{
    while (isspace((unsigned char)**p))
        ++*p;
    char *w = *p;
    while (**p && !isspace((unsigned char)**p))
        ++*p;
    if (**p)
        *(*p)++ = '\0';
    return *w ? w : NULL;
}

static int read_dtype(const char *s, bp_dtype f)
{
    if (strcmp(s, "f") == 0)
        return (int)f;
    for (int t = 0; t < BP_N_DTYPES; t++)
        if (strcmp(s, bp_dtype_name((bp_dtype)t)) == 0)
            return t;
    return -1;
}

static bool read_dims(const char *s, bp__dims *d)
{
    memset(d, 0, sizeof *d);
    if (*s++ != '[')
        return false;
    while (*s && *s != ']' && d->n < BP_MAX_RANK) {
        char *end;
        d->d[d->n++] = strtoll(s, &end, 10);
        if (end == s)
            return false;
        s = *end == ',' ? end + 1 : end;
    }
    return *s == ']';
}

static bool read_tensor(char *p, stored *t)
{
    char *dtype = next_word(&p), *dims = next_word(&p), *w;
    bp__dims d;
    if (!dtype || !dims || !read_dims(dims, &d))
        return false;
    t->under_test = strcmp(dtype, "f") == 0;
    int type = read_dtype(dtype, BP_F64);
    if (type < 0)
        return false;
    t->type = bp__make_type((bp_dtype)type, d.n, d.d);
    int64_t n = bp__numel(&t->type), i = 0;
    t->v = malloc((size_t)(n + 1) * sizeof *t->v);
    T_REQUIRE(t->v != NULL);
    for (; (w = next_word(&p)) && i < n; i++)
        if (!bp__parse_double(w, &t->v[i]))
            return false;
    return i == n && !w;
}

/* The row's attributes out of "name=value name=value". */
static void *read_attrs(const record *r, bp_dtype f)
{
    static char copy[sizeof r->attrs];
    const bp__opdef *d = bp__ops[r->op];
    char *a = calloc(1, d->attrs_bytes + 1), *p = copy, *w;
    T_REQUIRE(a != NULL);
    memcpy(copy, r->attrs, sizeof copy);
    while ((w = next_word(&p))) {
        char *value = strchr(w, '=');
        T_REQUIRE(value != NULL);
        *value++ = '\0';
        const bp__attrdef *e = d->attrs;
        while (e && e->name && strcmp(e->name, w) != 0)
            e++;
        bool ok = e && e->name;
        void *at = ok ? a + e->offset : NULL;
        double x;
        if (!ok) {
        } else if (e->type == BP__A_I64) {
            *(int64_t *)at = strtoll(value, NULL, 10);
        } else if (e->type == BP__A_F64) {
            ok = bp__parse_double(value, &x);
            *(double *)at = x;
        } else if (e->type == BP__A_BOOL) {
            *(bool *)at = strcmp(value, "true") == 0;
        } else if (e->type == BP__A_DTYPE) {
            *(int32_t *)at = read_dtype(value, f);
        } else {
            ok = e->type == BP__A_DIMS && read_dims(value, at);
        }
        T_CHECKF(ok, "%s line %d: attribute %s=%s", d->name, r->line, w,
                 value);
    }
    return a;
}

/* ---- running ------------------------------------------------------------ */

static void store_value(void *to, int dtype, int64_t i, double x)
{
    if (dtype == BP_F32)
        ((float *)to)[i] = (float)x;
    else if (dtype == BP_F64)
        ((double *)to)[i] = x;
    else if (dtype == BP_I32)
        ((int32_t *)to)[i] = (int32_t)x;
    else
        ((uint8_t *)to)[i] = (uint8_t)x;
}

static void compare(const record *r, int k, const bp__type *t,
                    const void *data, double *worst)
{
    const stored *want = &r->out[k];
    const char *name = bp__ops[r->op]->name;
    double eps = t->dtype == BP_F32   ? 1.1920928955078125e-07
                 : t->dtype == BP_F64 ? 2.220446049250313e-16
                                      : 0;
    char a[200], b[200];
    bool same_type = bp__same_dims(t, &want->type) &&
                     (want->under_test || t->dtype == want->type.dtype);
    if (!T_CHECKF(same_type, "%s line %d: output %d is %s, not %s", name,
                  r->line, k, bp__type_text(t, a),
                  bp__type_text(&want->type, b)))
        return;
    for (int64_t i = 0; i < bp__numel(t); i++) {
        double y = case_get(data, t->dtype, i), ref = want->v[i];
        double bound = (r->rel * fabs(ref) + r->abs) * eps;
        bool ok = isnan(ref) ? isnan(y)
                  : isinf(ref) ? y == ref
                               : fabs(y - ref) <= bound;
        T_CHECKF(ok, "%s line %d (%s), %s: output %d, element %lld is %.17g, "
                 "not %.17g (bound %g)", name, r->line, r->attrs,
                 bp_dtype_name((bp_dtype)t->dtype), k, (long long)i, y, ref,
                 bound);
        if (isfinite(ref) && bound > 0)
            *worst = fmax(*worst, fabs(y - ref) / bound);
    }
}

static void run(const record *r, bp_dtype f, double *worst)
{
    char name[16];
    void *data[MAX_TENSORS];
    bp_val in[MAX_TENSORS], out[BP__MAX_OUT];
    bp_error err = {0};
    bp_graph *g = bp_graph_new(NULL);
    void *attrs = read_attrs(r, f);
    const bp__opdef *d = bp__ops[r->op];
    if (r->varying)
        bp_graph_set_shard(g, 1, r->in[0].type.dims[0],
                           r->in[0].type.dims[0]);
    for (int i = 0; i < r->n_in; i++) {
        const bp__type *t = &r->in[i].type;
        bp_dtype dtype = r->in[i].under_test ? f : (bp_dtype)t->dtype;
        bool rows = r->varying && t->dims[0] == r->in[0].type.dims[0];
        snprintf(name, sizeof name, "x%d", i);
        in[i] = rows ? bp_batch_input(g, name, dtype, t->rank, t->dims)
                     : bp_input(g, name, dtype, t->rank, t->dims);
        data[i] = malloc((size_t)bp__numel(t) * 8 + 8);
        T_REQUIRE(data[i] != NULL);
        for (int64_t e = 0; e < bp__numel(t); e++)
            store_value(data[i], (int)dtype, e, r->in[i].v[e]);
    }
    bp__emit(g, r->op, attrs, r->n_in, in, out);
    for (int i = 0; i < d->n_out; i++) {
        snprintf(name, sizeof name, "y%d", i);
        bp_output(g, name, out[i]);
    }
    T_CHECKF(d->n_out == r->n_out, "%s line %d: %d outputs, not %d", d->name,
             r->line, d->n_out, r->n_out);
    eval *e = bp_graph_status(g) == BP_OK ? eval_new(g, &err) : NULL;
    if (T_CHECKF(e, "%s line %d: %s%s", d->name, r->line, bp_graph_error(g),
                 err.message)) {
        for (int i = 0; i < r->n_in; i++) {
            snprintf(name, sizeof name, "x%d", i);
            eval_bind(e, name, data[i]);
        }
        T_CHECK(eval_run(e));
        for (int i = 0; i < d->n_out && i < r->n_out; i++) {
            bp__type t;
            snprintf(name, sizeof name, "y%d", i);
            const void *y = eval_output(e, name, &t);
            compare(r, i, &t, y, worst);
        }
        eval_free(e);
    }
    for (int i = 0; i < r->n_in; i++)
        free(data[i]);
    free(attrs);
    bp_graph_free(g);
}

static void finish(record *r, double *worst, int *count)
{
    if (r->n_out == 0)
        return;
    ++*count;
    run(r, BP_F32, worst);
    run(r, BP_F64, worst);
    for (int i = 0; i < r->n_in; i++)
        free(r->in[i].v);
    for (int i = 0; i < r->n_out; i++)
        free(r->out[i].v);
    r->n_in = r->n_out = 0;
}

static void read_line(record *r, char *line, double *worst, int *count)
{
    char *p = line, *kind = next_word(&p);
    bool ok = true;
    if (!kind || kind[0] == '#')
        return;
    if (strcmp(kind, "case") == 0) {
        finish(r, worst, count);
        while (isspace((unsigned char)*p))
            p++;
        r->varying = *p == '~';
        p += r->varying;
        snprintf(r->attrs, sizeof r->attrs, "%s", p);
        r->attrs[strcspn(r->attrs, "\n")] = '\0';
    } else if (strcmp(kind, "bound") == 0) {
        char *rel = next_word(&p), *abs_ = next_word(&p);
        ok = rel && abs_ && bp__parse_double(rel, &r->rel) &&
             bp__parse_double(abs_, &r->abs);
    } else if (strcmp(kind, "in") == 0 && r->n_in < MAX_TENSORS) {
        ok = read_tensor(p, &r->in[r->n_in++]);
    } else if (strcmp(kind, "out") == 0 && r->n_out < MAX_TENSORS) {
        ok = read_tensor(p, &r->out[r->n_out++]);
    } else {
        ok = false;
    }
    T_CHECKF(ok, "%s line %d cannot be read", bp__ops[r->op]->name, r->line);
}

static void check_op(bp__op op)
{
    static char line[MAX_VALUES * 26];
    char path[1000];
    double worst = 0;
    int count = 0;
    record r = {.op = op};
    snprintf(path, sizeof path, "%s/tests/data/op/%s.txt", BPROP_SOURCE_DIR,
             bp__ops[op]->name);
    FILE *f = fopen(path, "r");
    if (!T_CHECKF(f, "%s: no stored values", bp__ops[op]->name))
        return;
    while (fgets(line, sizeof line, f)) {
        r.line++;
        T_REQUIRE(strchr(line, '\n') != NULL);
        read_line(&r, line, &worst, &count);
    }
    finish(&r, &worst, &count);
    fclose(f);
    T_CHECKF(count > 0, "%s: no cases", bp__ops[op]->name);
    printf("%-24s %3d cases, worst error %.2f of its bound\n",
           bp__ops[op]->name, count, worst);
}

int main(void)
{
    for (int op = 1; op < BP__N_OPS; op++)
        if (!(bp__ops[op]->flags & BP__LEAF) && op != BP__OP_backward)
            check_op((bp__op)op);
    return t_end();
}
