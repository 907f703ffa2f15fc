/* Weights of another run, or of another program's file, into a store: names
 * are mapped, types converted, and everything that does not fit is told at
 * once, before anything is changed. */
#include "train/train.h"

#include "base/pattern.h"
#include "fmt/safetensors.h"

#include <math.h>
#include <stdlib.h>

enum { NAME_MAX_BYTES = BP__PATTERN_BYTES };

/* What becomes of one tensor of the file. */
typedef struct tensor {
    const bp__st_entry *e;
    const char *name; /* in the model; NULL: left out by a rule */
    int64_t var;      /* index; -1: not in the model */
    bool transpose;
} tensor;

typedef struct transfer {
    bp_store *s;
    const bp_transfer_options *o;
    bp__safetensors st;
    tensor *list;
    bool *filled;     /* by variable */
    const bp__st_entry **homeless;
    size_t n_homeless;
    bp__str first;    /* the first findings, for the message */
    int64_t told;
    bp_transfer_report report;
} transfer;

/* ---- names ---- */

static bp_status check_rules(const transfer *t, const char *path,
                             bp_error *err)
{
    for (size_t r = 0; r < t->o->n_map; r++) {
        const bp_transfer_rule *rule = &t->o->map[r];
        bool used = false;
        int from = bp__pattern_stars(rule->from);
        int to = rule->to ? bp__pattern_stars(rule->to) : 0;
        if (strlen(rule->from) > BP__PATTERN_BYTES)
            return bp__error(err, BP_ELIMIT, "map: \"%.100s...\" has more "
                             "than %d bytes", rule->from, BP__PATTERN_BYTES);
        if (from > BP__MAX_STARS || to > from)
            return bp__error(err, BP_EARG, "map: \"%.100s\" has %d stars and "
                             "\"%.100s\" %d: at most as many, and at most %d",
                             rule->from, from, rule->to ? rule->to : "", to,
                             BP__MAX_STARS);
        for (size_t i = 0; i < t->st.n_entries && !used; i++)
            used = bp__pattern_matches(rule->from, t->st.entries[i].name);
        if (used)
            continue;
        char list[300] = "";
        size_t len = 0;
        for (size_t i = 0; i < t->st.n_entries && len < 200; i++)
            len += (size_t)bp__snprintf(list + len, sizeof list - len,
                                        "%s%.60s", i ? ", " : "",
                                        t->st.entries[i].name);
        return bp__error(err, BP_ENOTFOUND, "map: no tensor of '%s' is named "
                         "\"%.100s\"; there are %s%s", path, rule->from, list,
                         len < 200 ? "" : " ...");
    }
    return BP_OK;
}

static bp_status check_transposes(const transfer *t, bp_error *err)
{
    for (size_t k = 0; k < t->o->n_transpose; k++)
        if (strlen(t->o->transpose[k]) > BP__PATTERN_BYTES)
            return bp__error(err, BP_ELIMIT, "transpose: \"%.100s...\" has "
                             "more than %d bytes", t->o->transpose[k],
                             BP__PATTERN_BYTES);
    return BP_OK;
}

static bp_status map_name(transfer *t, const char *name, const char **out,
                          bp_error *err)
{
    char mapped[NAME_MAX_BYTES + 1];
    *out = name;
    for (size_t r = 0; r < t->o->n_map; r++) {
        const bp_transfer_rule *rule = &t->o->map[r];
        if (!bp__pattern_matches(rule->from, name))
            continue;
        *out = NULL;
        if (!rule->to)
            return BP_OK;
        if (!bp__pattern_map(rule->from, rule->to, name, mapped,
                             sizeof mapped))
            return bp__error(err, BP_ELIMIT, "map: \"%.100s\" gives a name of "
                             "over %d bytes", rule->to, NAME_MAX_BYTES);
        *out = bp__arena_strdup(&t->st.arena, mapped);
        return *out ? BP_OK : bp__oom(err);
    }
    return BP_OK;
}

static bool is_weight(const bp_var_info *v)
{
    return BP_KINDS_WEIGHTS & BP_KIND(v->kind);
}

static bp_status map_all(transfer *t, const char *path, bp_error *err)
{
    for (size_t i = 0; i < t->st.n_entries; i++) {
        tensor *x = &t->list[i];
        bp_var_info v;
        x->e = &t->st.entries[i];
        bp_status st = map_name(t, x->e->name, &x->name, err);
        if (st)
            return st;
        x->var = x->name ? bp_store_find(t->s, x->name) : -1;
        if (x->var < 0)
            continue;
        bp_store_info(t->s, (size_t)x->var, &v);
        if (!is_weight(&v)) {
            x->var = -1;
            continue;
        }
        if (t->filled[x->var])
            return bp__error(err, BP_EEXIST, "map: two tensors of '%s' become "
                             "\"%.100s\", one of them \"%.100s\"", path,
                             x->name, x->e->name);
        t->filled[x->var] = true;
        for (size_t k = 0; k < t->o->n_transpose; k++)
            x->transpose |= bp__pattern_matches(t->o->transpose[k], x->name);
    }
    return BP_OK;
}

/* ---- what does not fit ---- */

static void tell(transfer *t, const char *format, ...) BP__PRINTF(2, 3);
static void tell(transfer *t, const char *format, ...)
{
    char line[700];
    va_list ap;
    va_start(ap, format);
    bp__vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    if (t->o->on_line)
        t->o->on_line(t->o->user, line);
    /* Who hears each of them does not need them in the message. */
    else if (t->told < 8)
        bp__str_printf(&t->first, "\n  %.150s", line);
    t->told++;
}

static bp__type type_in_model(const tensor *x)
{
    const bp__st_entry *e = x->e;
    int64_t dims[BP_MAX_RANK];
    for (int i = 0; i < e->rank; i++)
        dims[i] = e->dims[x->transpose ? e->rank - 1 - i : i];
    return bp__make_type(e->dtype, e->rank, dims);
}

static bool is_float(bp_dtype t)
{
    return t == BP_F32 || t == BP_F64;
}

static bool fits(const tensor *x, const bp_var_info *v)
{
    bp__type a = type_in_model(x), b = bp__make_type(v->dtype, v->rank,
                                                     v->dims);
    bool type = v->dtype == x->e->dtype ||
                (is_float(v->dtype) && is_float(x->e->dtype));
    return type && bp__same_dims(&a, &b) && !(x->transpose && v->rank != 2);
}

/* ---- likely names ---- */

/* What has a place in the same variables: any float fits any float. */
static int compare_shapes(const bp__st_entry *a, const bp__st_entry *b)
{
    int ta = is_float(a->dtype) ? BP_F32 : a->dtype;
    int tb = is_float(b->dtype) ? BP_F32 : b->dtype;
    if (ta != tb)
        return ta < tb ? -1 : 1;
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    for (int i = 0; i < a->rank; i++)
        if (a->dims[i] != b->dims[i])
            return a->dims[i] < b->dims[i] ? -1 : 1;
    return 0;
}

static int by_shape(const void *pa, const void *pb)
{
    const bp__st_entry *const *a = pa, *const *b = pb;
    return compare_shapes(*a, *b);
}

/* The tensors without a place, by their shapes. */
static bp_status find_homeless(transfer *t, bp_error *err)
{
    t->homeless = bp__arena_array(&t->st.arena, t->st.n_entries + 1,
                                  sizeof *t->homeless);
    if (!t->homeless)
        return bp__oom(err);
    for (size_t i = 0; i < t->st.n_entries; i++)
        if (t->list[i].var < 0)
            t->homeless[t->n_homeless++] = t->list[i].e;
    qsort(t->homeless, t->n_homeless, sizeof *t->homeless, by_shape);
    return BP_OK;
}

/* The only tensor without a place that has this shape: likely its name only
 * differs. */
static const char *likely(const transfer *t, const bp_var_info *v)
{
    bp__st_entry want = {.dtype = v->dtype, .rank = v->rank};
    memcpy(want.dims, v->dims, sizeof want.dims);
    size_t lo = 0, hi = t->n_homeless;
    while (lo < hi) { /* the first one of the shape */
        size_t mid = lo + (hi - lo) / 2;
        if (compare_shapes(t->homeless[mid], &want) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    bool one = lo < t->n_homeless && !compare_shapes(t->homeless[lo], &want);
    bool two = lo + 1 < t->n_homeless &&
               !compare_shapes(t->homeless[lo + 1], &want);
    return one && !two ? t->homeless[lo]->name : NULL;
}

static void find_missing(transfer *t)
{
    char type[200];
    for (size_t i = 0; i < bp_store_count(t->s); i++) {
        bp_var_info v;
        bp_store_info(t->s, i, &v);
        if (!is_weight(&v) || t->filled[i])
            continue;
        bp__type b = bp__make_type(v.dtype, v.rank, v.dims);
        const char *near = likely(t, &v);
        t->report.missing++;
        tell(t, "missing: %s %s%s%s%s", v.name, bp__type_text(&b, type),
             near ? " (" : "", near ? near : "",
             near ? " of the file has this shape)" : "");
    }
}

/* PyTorch's batch norms count batches, which nothing here reads. */
static bool is_count(const tensor *x)
{
    static const char end[] = ".num_batches_tracked";
    size_t n = strlen(x->e->name), m = sizeof end - 1;
    return x->e->rank == 0 && n > m && !strcmp(x->e->name + n - m, end);
}

static void find_others(transfer *t)
{
    char a[200], b[200];
    for (size_t i = 0; i < t->st.n_entries; i++) {
        tensor *x = &t->list[i];
        bp_var_info v;
        bp__type have = bp__make_type(x->e->dtype, x->e->rank, x->e->dims);
        if (!x->name || is_count(x))
            continue;
        if (x->var < 0) {
            bool other = strcmp(x->name, x->e->name) != 0;
            t->report.extra++;
            tell(t, "extra: %s %s%s%s%s", x->e->name,
                 bp__type_text(&have, a), other ? " (as " : "",
                 other ? x->name : "", other ? ")" : "");
            continue;
        }
        bp_store_info(t->s, (size_t)x->var, &v);
        if (fits(x, &v)) {
            t->report.taken++;
            continue;
        }
        bp__type want = bp__make_type(v.dtype, v.rank, v.dims);
        t->report.shape++;
        tell(t, "other shape: %s is %s%s in the file, %s in the model", v.name,
             bp__type_text(&have, a),
             !x->transpose ? "" : v.rank == 2 ? ", to be transposed,"
                                : ", which cannot be transposed,",
             bp__type_text(&want, b));
        x->var = -1;
    }
}

static bp_status judge(transfer *t, const char *path, bp_error *err)
{
    const bp_transfer_report *r = &t->report;
    bool bad = (r->missing && !t->o->allow_missing) ||
               (r->extra && !t->o->allow_extra) ||
               (r->shape && !t->o->allow_shape);
    if (t->first.failed)
        return bp__oom(err);
    if (!bad && !r->taken)
        return bp__error(err, BP_ENOTFOUND, "'%s' has no tensor of this "
                         "model%s", path, t->first.len ? t->first.s : "");
    if (!bad)
        return BP_OK;
    if (t->told > 8 && !t->o->on_line)
        bp__str_printf(&t->first, "\n  and %lld more",
                       (long long)(t->told - 8));
    return bp__error(err, BP_ESHAPE, "'%s' does not fit the model: %lld taken, "
                     "%lld missing, %lld extra, %lld of another shape%s%s",
                     path, (long long)r->taken, (long long)r->missing,
                     (long long)r->extra, (long long)r->shape,
                     t->first.len ? ":" : "", t->first.len ? t->first.s : "");
}

/* ---- values ---- */

static double value_at(const bp__st_entry *e, int64_t i)
{
    return e->dtype == BP_F64 ? ((const double *)e->data)[i]
                              : (double)((const float *)e->data)[i];
}

/* Element i of the variable is element `at` of the file. */
static int64_t place_of(const tensor *x, int64_t i)
{
    if (!x->transpose)
        return i;
    int64_t rows = x->e->dims[1]; /* of the variable */
    int64_t columns = x->e->dims[0];
    return i % columns * rows + i / columns;
}

static bp_status copy_tensor(transfer *t, const tensor *x, bool write,
                             const char *path, bp_error *err)
{
    bp_var_info v;
    bp_store_info(t->s, (size_t)x->var, &v);
    void *to = bp__store_write(t->s, (size_t)x->var);
    if (!is_float(v.dtype)) {
        if (write)
            memcpy(to, x->e->data, v.bytes);
        return BP_OK;
    }
    int64_t n = (int64_t)(v.bytes / bp_dtype_bytes(v.dtype));
    for (int64_t i = 0; i < n; i++) {
        double y = value_at(x->e, place_of(x, i));
        float f = (float)y;
        if (!isfinite(v.dtype == BP_F32 ? (double)f : y))
            return bp__error(err, BP_ENONFINITE, "'%s': %s holds a value "
                             "that is not finite as %s (its element %lld)",
                             path, x->e->name, bp_dtype_name(v.dtype),
                             (long long)i);
        if (write && v.dtype == BP_F32)
            ((float *)to)[i] = f;
        else if (write)
            ((double *)to)[i] = y;
    }
    return BP_OK;
}

/* All are looked at before one is changed. */
static bp_status copy_all(transfer *t, const char *path, bp_error *err)
{
    for (int write = 0; write < 2; write++)
        for (size_t i = 0; i < t->st.n_entries; i++) {
            if (t->list[i].var < 0)
                continue;
            bp_status st = copy_tensor(t, &t->list[i], write, path, err);
            if (st)
                return st;
        }
    return BP_OK;
}

/* ---- the whole ---- */

static bp_status read_file(transfer *t, const bp__fs *fs, const char *path,
                           bp_error *err)
{
    const bp_allocator *a = bp__store_allocator(t->s);
    bp__file_data f;
    bp_status st = bp__file_read(fs, a, path, false, 0, &f, err);
    if (st)
        return st;
    bp__snprintf(t->report.hash, sizeof t->report.hash, "%016llx",
                 (unsigned long long)bp__hash(BP__HASH_INIT, f.data, f.bytes));
    if (f.bytes > 1 && !memcmp(f.data, "PK", 2)) /* a zip, as torch.save's */
        st = bp__error(err, BP_EFORMAT, "'%s' is an archive, as torch.save "
                       "writes them: in Python, safetensors.torch.save_file("
                       "model.state_dict(), \"FILE.safetensors\") writes what "
                       "can be read", path);
    else
        st = bp__safetensors_parse(a, f.data, f.bytes, path, &t->st, err);
    bp__file_free(a, &f);
    if (st)
        return st;
    t->list = bp__arena_array(&t->st.arena, t->st.n_entries + 1,
                              sizeof *t->list);
    t->filled = bp__arena_array(&t->st.arena, bp_store_count(t->s) + 1,
                                sizeof *t->filled);
    return t->list && t->filled ? BP_OK : bp__oom(err);
}

static bp_status take(transfer *t, const bp__fs *fs, const char *path,
                      bp_error *err)
{
    bp_status st = read_file(t, fs, path, err);
    if (!st)
        st = check_rules(t, path, err);
    if (!st)
        st = check_transposes(t, err);
    if (!st)
        st = map_all(t, path, err);
    if (!st)
        st = find_homeless(t, err);
    if (st)
        return st;
    find_missing(t);
    find_others(t);
    st = judge(t, path, err);
    return st ? st : copy_all(t, path, err);
}

bp_status bp__store_transfer(const bp__fs *fs, bp_store *s, const char *path,
                             const bp_transfer_options *o, bool *taken,
                             bp_transfer_report *report, bp_error *err)
{
    const bp_allocator *a = bp__store_allocator(s);
    bp_transfer_options all;
    transfer t = {.s = s, .o = &all};
    bp__fs_info info;
    bp_status st = BP__OPTIONS(&all, o, bp_transfer_options, err);
    if (!st && !path)
        st = bp__error(err, BP_EARG, "bp_store_transfer needs a path");
    if (st)
        return st;
    bp__str_init(&t.first, a);
    st = bp__file_stat(fs, path, &info, err);
    if (!st && info.is_dir) {
        char *file = bp__path_join(a, path, "best.safetensors");
        st = file ? take(&t, fs, file, err) : bp__oom(err);
        bp__strfree(a, file);
    } else if (!st) {
        st = take(&t, fs, path, err);
    }
    if (report)
        *report = t.report;
    for (size_t i = 0; taken && !st && i < t.st.n_entries; i++)
        if (t.list[i].var >= 0)
            taken[t.list[i].var] = true;
    bp__str_free(&t.first);
    bp__safetensors_free(&t.st);
    return st;
}

bp_status bp_store_transfer(bp_store *s, const char *path,
                            const bp_transfer_options *o,
                            bp_transfer_report *report, bp_error *err)
{
    return bp__store_transfer(NULL, s, path, o, NULL, report, err);
}
