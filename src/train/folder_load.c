/* Taking a checkpoint. The whole file is checked (is it this run's? is every
 * number in its range?) before anything is touched. */
#include "train/folder.h"

#include "fmt/safetensors.h"

#include <float.h>

/* ---- types of a first batch, as text ------------------------------------------ */

void bp__types_print(const bp_array *in, size_t n, bp__str *out)
{
    for (size_t i = 0; i < n; i++) {
        bp__str_printf(out, "%s%s[", i ? " " : "", bp_dtype_name(in[i].dtype));
        for (int k = 0; k < in[i].rank; k++)
            bp__str_printf(out, "%s%lld", k ? "," : "",
                           (long long)in[i].dims[k]);
        bp__str_add(out, "]", 1);
    }
}

static bool parse_type(const char **at, bp_array *x)
{
    const char *p = strchr(*at, '[');
    int t = 0;
    *x = (bp_array){.rank = 0};
    for (; p && t < BP_N_DTYPES; t++) {
        const char *name = bp_dtype_name((bp_dtype)t);
        if (strlen(name) == (size_t)(p - *at) &&
            !strncmp(name, *at, (size_t)(p - *at)))
            break;
    }
    if (!p || t == BP_N_DTYPES)
        return false;
    x->dtype = (bp_dtype)t;
    while (*++p != ']') {
        int64_t d = 0;
        const char *first = p;
        while (*p >= '0' && *p <= '9' && p - first < 15)
            d = 10 * d + (*p++ - '0');
        if (p == first || x->rank == BP_MAX_RANK || (*p != ',' && *p != ']'))
            return false;
        x->dims[x->rank++] = d;
        if (*p == ']')
            break;
    }
    *at = p + 1;
    return true;
}

bool bp__types_parse(const char *text, bp_array *in, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i && *text++ != ' ')
            return false;
        if (!parse_type(&text, &in[i]))
            return false;
    }
    return !*text;
}

/* ---- whose is it? ----------------------------------------------------------------- */

static const char *meta_of(const bp__safetensors *st, const char *prefix,
                           const char *name)
{
    char key[260];
    bp__snprintf(key, sizeof key, "%s%s", prefix, name);
    return bp__safetensors_meta(st, key);
}

static bp_status check_version(const bp_folder *f, const bp__safetensors *st,
                               bp_error *err)
{
    const char *version = bp__safetensors_meta(st, "bprop_checkpoint");
    if (!version)
        return bp__error(err, BP_EFORMAT, "'%s' is not a checkpoint of bprop",
                         f->checkpoint);
    if (strcmp(version, BP__CHECKPOINT_VERSION))
        return bp__error(err, BP_EVERSION, "'%s' has checkpoint format %s; this "
                         "bprop resumes format %s (weights, predictions and "
                         "evaluation of the run are not concerned: start anew "
                         "from them with init_from)", f->checkpoint, version,
                         BP__CHECKPOINT_VERSION);
    return BP_OK;
}

/* Traces what the step had first: its variables, which the store needs before
 * it can be compared, and its hash. */
static bp_status check_step(const bp__safetensors *st, bp_step *p,
                            bp__str *why, bp_error *err)
{
    const char *types = meta_of(st, "first.", bp_step_name(p));
    const char *hash = meta_of(st, "graph.", bp_step_name(p));
    const char *name = bp_step_name(p);
    bp_array in[BP_STEP_MAX_INPUTS];
    if (!types || !hash)
        return BP_OK; /* it had not run */
    if (!bp__types_parse(types, in, bp__step_n_inputs(p))) {
        bp__str_printf(why, "\n  the graph%s%s%s: its inputs were %s",
                       name[0] ? " of step \"" : "", name,
                       name[0] ? "\"" : "", types);
        return BP_OK;
    }
    bp_error trace = {0};
    bp_status s = bp__step_trace(p, in, &trace);
    if (s == BP_ENOMEM)
        return bp__oom(err);
    if (s)
        bp__str_printf(why, "\n  the graph%s%s%s: %s",
                       name[0] ? " of step \"" : "", name,
                       name[0] ? "\"" : "", trace.message);
    else if (strcmp(hash, bp_step_hash(p)))
        bp__str_printf(why, "\n  the graph%s%s%s (the network, its loss, or its "
                       "optimizer): %s, now %s", name[0] ? " of step \"" : "",
                       name, name[0] ? "\"" : "", hash, bp_step_hash(p));
    return BP_OK;
}

static void check_options_hash(const bp_folder *f, const bp__safetensors *st,
                               bp__str *why)
{
    const char *hash = bp__safetensors_meta(st, "options");
    if (!hash || strcmp(hash, f->options_hash))
        bp__str_printf(why, "\n  the options: %s, now %s", hash ? hash : "none",
                       f->options_hash);
}

static void check_data(const bp__safetensors *st, const char *name,
                       bp_source *s, bp__str *why)
{
    char now[20];
    const char *hash = meta_of(st, "data.", name);
    if (!bp_source_hash(s, now))
        now[0] = '\0';
    if (strcmp(hash ? hash : "", now))
        bp__str_printf(why, "\n  the data of \"%s\": %s, now %s", name,
                       hash ? hash : "none", now[0] ? now : "none");
}

/* Place in the order in which the steps were traced first: averages that one
 * step keeps are in the graphs of those after it, and the store's variables
 * stand in this order in files. */
static int64_t order_of(const bp__safetensors *st, const bp_step *p)
{
    const char *text = meta_of(st, "order.", bp_step_name(p));
    int64_t x = 0;
    for (int i = 0; text && i < 18 && text[i] >= '0' && text[i] <= '9'; i++)
        x = 10 * x + (text[i] - '0');
    return x;
}

static bp_status check_steps(const bp_folder *f, const bp__safetensors *st,
                             bp__str *why, bp_error *err)
{
    bp_step *step[BP__FOLDER_MAX];
    bp_status s = BP_OK;
    for (int i = 0; i < f->n_steps; i++) {
        int k = i;
        for (; k > 0 && order_of(st, step[k - 1]) > order_of(st, f->step[i]);
             k--)
            step[k] = step[k - 1];
        step[k] = f->step[i];
    }
    for (int i = 0; i < f->n_steps && !s; i++)
        s = check_step(st, step[i], why, err);
    return s;
}

static bp_status check_identity(bp_folder *f, const bp__safetensors *st,
                                bp_error *err)
{
    bp__str why;
    bp__str_init(&why, &f->a);
    bp_status s = BP_OK;
    check_options_hash(f, st, &why);
    for (int i = 0; i < f->n_sources; i++)
        check_data(st, f->source_name[i], f->source[i], &why);
    s = check_steps(f, st, &why, err);
    if (!s && why.failed)
        s = bp__oom(err);
    if (!s && why.len)
        s = bp__error(err, BP_EARG, "'%s' belongs to another run: a run goes on "
                      "with what it began with. Different:%s", f->checkpoint,
                      why.s);
    bp__str_free(&why);
    return s;
}

/* ---- is every number in its range? -------------------------------------------------- */

static bp_status number_of(const bp_folder *f, const bp__safetensors *st,
                           const char *prefix, const char *name, double lo,
                           double hi, bool whole, double *x, bp_error *err)
{
    char full[260], a[32], b[32], c[32];
    bp__snprintf(full, sizeof full, "%s%s", prefix, name);
    const bp__st_entry *e = bp__safetensors_find(st, full);
    if (!e || e->dtype != BP_F64 || e->rank != 0)
        return bp__error(err, BP_EFORMAT, "'%s': %s %s", f->checkpoint, full,
                         e ? "must be one f64 number" : "is missing");
    memcpy(x, e->data, sizeof *x);
    if (*x >= lo && *x <= hi && (!whole || *x == (double)(int64_t)*x))
        return BP_OK;
    bp__format_double(a, *x);
    bp__format_double(b, lo);
    bp__format_double(c, hi);
    return bp__error(err, BP_EFORMAT, "'%s': %s is %s: %s from %s to %s is "
                     "right", f->checkpoint, full, a,
                     whole ? "a whole number" : "a number", b, c);
}

/* The log stands up to there, and ends with a line. */
static bp_status check_log(const bp_folder *f, double log_bytes, bp_error *err)
{
    bp__file_data data = {0};
    if (!(log_bytes > 0))
        return BP_OK;
    size_t want = (size_t)log_bytes;
    bp_status s = BP_EIO;
    if (bp__file_exists(f->o.fs, f->log_file))
        s = bp__file_read(f->o.fs, &f->a, f->log_file, false, 0, &data, err);
    if (s == BP_ENOMEM)
        return s;
    if (s || data.bytes < want)
        s = bp__error(err, BP_EFORMAT, "'%s': @folder.log_bytes is %zu: '%s' is "
                      "missing or shorter", f->checkpoint, want, f->log_file);
    else if (data.data[want - 1] != '\n')
        s = bp__error(err, BP_EFORMAT, "'%s': @folder.log_bytes is %zu: that is "
                      "within a line of '%s'", f->checkpoint, want,
                      f->log_file);
    bp__file_free(&f->a, &data);
    return s;
}

typedef struct taken {
    double log_bytes, has_best, best;
    double counter[BP__FOLDER_MAX];
} taken;

static bp_status check_numbers(const bp_folder *f, const bp__safetensors *st,
                               taken *t, bp_error *err)
{
    const char *own = "@folder.";
    bp_status s = number_of(f, st, own, "log_bytes", 0, 0x1p53, true,
                            &t->log_bytes, err);
    if (!s)
        s = number_of(f, st, own, "has_best", 0, 1, true, &t->has_best, err);
    if (!s)
        s = number_of(f, st, own, "best", -DBL_MAX, DBL_MAX, false, &t->best,
                      err);
    for (int i = 0; i < f->n_counters && !s; i++)
        s = number_of(f, st, "@counter.", f->counter[i].name,
                      f->counter[i].n ? -0x1p53 : -DBL_MAX,
                      f->counter[i].n ? 0x1p53 : DBL_MAX,
                      f->counter[i].n != NULL, &t->counter[i], err);
    return s;
}

static bool is_registered(const bp_folder *f, const char *name)
{
    if (!strncmp(name, "@folder.", 8))
        return true;
    for (int i = 0; i < f->n_counters; i++)
        if (!strncmp(name, "@counter.", 9) &&
            !strcmp(name + 9, f->counter[i].name))
            return true;
    for (int i = 0; i < f->n_sources; i++)
        if (!strncmp(name, "@source.", 8) &&
            !strcmp(name + 8, f->source_name[i]))
            return true;
    return false;
}

static const bp__st_entry *source_entry(const bp_folder *f,
                                        const bp__safetensors *st, int i)
{
    char full[160];
    bp__snprintf(full, sizeof full, "@source.%s", f->source_name[i]);
    return bp__safetensors_find(st, full);
}

static bp_status check_entries(const bp_folder *f, const bp__safetensors *st,
                               bp_error *err)
{
    for (size_t i = 0; i < st->n_entries; i++)
        if (st->entries[i].name[0] == '@' &&
            !is_registered(f, st->entries[i].name))
            return bp__error(err, BP_EFORMAT, "'%s' has %s, which this loop does "
                             "not register", f->checkpoint,
                             st->entries[i].name);
    for (int i = 0; i < f->n_sources; i++) {
        const bp__st_entry *e = source_entry(f, st, i);
        if (!e || e->dtype != BP_U8 || e->rank != 1)
            return bp__error(err, BP_EFORMAT, "'%s': the state of source \"%s\" "
                             "%s", f->checkpoint, f->source_name[i],
                             e ? "must be bytes" : "is missing");
    }
    return BP_OK;
}

/* ---- all of it ------------------------------------------------------------------------ */

int bp__folder_put(void *to, const char *bytes, size_t n)
{
    bp__str *s = to;
    bp__str_add(s, bytes, n);
    return s->failed;
}

/* had: the state of the source before. */
static bp_status take_source(bp_folder *f, const bp__safetensors *st, int i,
                             bp__str *had, bp_error *err)
{
    const bp__st_entry *e = source_entry(f, st, i);
    bp_error why = {0};
    bp_status s = bp_source_save(f->source[i], bp__folder_put, had, &why);
    if (had->failed)
        return bp__oom(err);
    if (!s)
        s = bp_source_load(f->source[i], e->data, e->bytes, &why);
    return s ? bp__error(err, s, "'%s': source \"%s\": %s", f->checkpoint,
                         f->source_name[i], why.message)
             : BP_OK;
}

/* Only a source knows whether its state is right: where one refuses, those
 * before it go back. */
static bp_status take_sources(bp_folder *f, const bp__safetensors *st,
                              bp_error *err)
{
    bp__str had[BP__FOLDER_MAX];
    bp_status s = BP_OK;
    int n = 0;
    for (; n < f->n_sources && !s; n++) {
        bp__str_init(&had[n], &f->a);
        s = take_source(f, st, n, &had[n], err);
    }
    if (!s)
        s = bp__store_take(f->store, st, err);
    else
        bp__str_free(&had[--n]); /* it changed nothing */
    for (int i = 0; i < n; i++) {
        if (s)
            bp_source_load(f->source[i], had[i].s, had[i].len, NULL);
        bp__str_free(&had[i]);
    }
    return s;
}

static bp_status take(bp_folder *f, const bp__safetensors *st, const taken *t,
                      bp_error *err)
{
    bp_status s = take_sources(f, st, err);
    if (s)
        return s;
    for (int i = 0; i < f->n_counters; i++) {
        if (f->counter[i].n)
            *f->counter[i].n = (int64_t)t->counter[i];
        else
            *f->counter[i].x = t->counter[i];
    }
    f->log_bytes = t->log_bytes;
    f->has_best = t->has_best;
    f->best = t->best;
    return BP_OK;
}

/* Into a store of its own, so that it is looked at before anything is taken. */
static bp_status load_best(bp_folder *f, const taken *t, bp_error *err)
{
    if (!(t->has_best > 0))
        return BP_OK;
    bp_status s = bp__store_copy(&f->a, f->store, BP_KINDS_WEIGHTS,
                                 &f->best_store, err);
    return s ? s : bp__store_load(f->o.fs, f->best_store, f->best_file,
                                  BP_KINDS_WEIGHTS, err);
}

static bp_status check_all(bp_folder *f, const bp__safetensors *st, taken *t,
                           bp_error *err)
{
    bp_status s = check_version(f, st, err);
    if (!s)
        s = check_identity(f, st, err);
    if (!s)
        s = bp__store_compare(f->store, BP_KINDS_ALL, st, f->checkpoint, err);
    if (!s)
        s = check_entries(f, st, err);
    if (!s)
        s = check_numbers(f, st, t, err);
    if (!s && f->check)
        s = f->check(f->check_user, st, err);
    return s ? s : check_log(f, t->log_bytes, err);
}

bp_status bp__folder_load(bp_folder *f, bp_error *err)
{
    bp__safetensors st;
    taken t = {0};
    bp_status s = bp__safetensors_read(f->o.fs, &f->a, f->checkpoint, &st,
                                       err);
    if (s)
        return s;
    s = check_all(f, &st, &t, err);
    if (!s)
        s = load_best(f, &t, err);
    if (!s)
        s = take(f, &st, &t, err);
    bp__safetensors_free(&st);
    return s;
}
