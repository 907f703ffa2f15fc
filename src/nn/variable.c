/* Variables of a network: made in the store at the first trace, looked up and
 * checked in later ones; each is read once in a graph. What is to be updated
 * is gathered here and emitted by bp_nn_commit. */
#include "base/pattern.h"
#include "nn/nn.h"

#include <math.h>

static bp__nn_var *find_var(const bp_nn *nn, const char *name)
{
    const bp__nn_shared *sh = nn->sh;
    int64_t i = bp_store_find(nn->s, name);
    if (i < 0 || (size_t)i >= sh->cap_of_store || !sh->of_store[i])
        return NULL;
    return &sh->vars[sh->of_store[i] - 1];
}

static bool add_param(const bp_allocator *a, bp__nn_params *p, size_t var)
{
    if (!bp__grow(a, &p->list, &p->cap, p->n + 1, sizeof *p->list))
        return false;
    p->list[p->n++] = (uint32_t)var;
    return true;
}

/* Room for one more variable: number `store` of the store. */
static bool grow_vars(bp__nn_shared *sh, size_t store)
{
    size_t had = sh->cap_of_store;
    if (!bp__grow(&sh->a, &sh->vars, &sh->cap_vars, sh->n_vars + 1,
                  sizeof *sh->vars) ||
        !bp__grow(&sh->a, &sh->of_store, &sh->cap_of_store, store + 1,
                  sizeof *sh->of_store))
        return false;
    if (sh->cap_of_store > had)
        memset(sh->of_store + had, 0,
               (sh->cap_of_store - had) * sizeof *sh->of_store);
    return true;
}

static bool same_kind(bp_nn *nn, const char *name, const bp_var_info *have,
                      bp_var_kind kind, const bp__type *want)
{
    char a[200], b[200];
    bp__type t = bp__make_type(have->dtype, have->rank, have->dims);
    if (t.dtype == want->dtype && bp__same_dims(&t, want) &&
        have->kind == kind)
        return true;
    if (have->kind != kind)
        bp__nn_fail(nn, BP_EARG, "the variable \"%s\" of the store is of "
                    "another kind: is it another network's?", name);
    else
        bp__nn_fail(nn, BP_ESHAPE, "the variable \"%s\" is %s in the store, "
                    "but this network needs %s", name, bp__type_text(&t, a),
                    bp__type_text(want, b));
    return false;
}

/* The index of the variable; *made: it is new, and holds zeros. */
static int64_t ensure_var(bp_nn *nn, const char *name, bp_var_kind kind,
                          const bp__type *t, bool *made)
{
    *made = false;
    int64_t i = bp_store_find(nn->s, name);
    if (i < 0) {
        bp_error err = {0};
        if (bp_store_add(nn->s, name, kind, (bp_dtype)t->dtype, t->rank,
                         t->dims, &err) != BP_OK) {
            bp__nn_fail(nn, err.status, "%s", err.message);
            return -1;
        }
        *made = true;
        return bp_store_find(nn->s, name);
    }
    bp_var_info info;
    bp_store_info(nn->s, (size_t)i, &info);
    return same_kind(nn, name, &info, kind, t) ? i : -1;
}

static bp_val read_var(bp_nn *nn, const char *name, bp_var_kind kind)
{
    bp_val v = bp_variable(nn->g, nn->s, name);
    bp__nn_shared *sh = nn->sh;
    const char *copy = bp__arena_strdup(&sh->arena, name);
    if (!bp__ok(nn->g))
        return BP_NIL;
    size_t i = (size_t)bp_store_find(nn->s, name);
    if (!copy || !grow_vars(sh, i) ||
        (kind == BP_VAR_PARAM &&
         (!add_param(&sh->a, &sh->params, sh->n_vars) ||
          !add_param(&nn->a, &nn->params, sh->n_vars))))
        return bp__nn_fail(nn, BP_ENOMEM, "out of memory");
    sh->vars[sh->n_vars++] = (bp__nn_var){copy, kind, v, v, BP_NIL};
    sh->of_store[i] = (uint32_t)sh->n_vars;
    return v;
}

static void count_elements(bp_nn *nn, bp_var_kind kind, const bp__type *t)
{
    if (nn->block->layer < 0)
        return;
    bp_nn_layer_info *info = &nn->layers[nn->block->layer];
    if (kind == BP_VAR_PARAM)
        info->params += bp__numel(t);
    else if (kind == BP_VAR_BUFFER)
        info->buffers += bp__numel(t);
}

static void fill_constant(bp_dtype dtype, double value, size_t n, void *out)
{
    for (size_t i = 0; value != 0 && i < n; i++)
        switch (dtype) {
        case BP_F32:
            ((float *)out)[i] = (float)value;
            break;
        case BP_F64:
            ((double *)out)[i] = value;
            break;
        case BP_I32:
            ((int32_t *)out)[i] = (int32_t)value;
            break;
        default:
            break;
        }
}

static bool check_shape(bp_nn *nn, const char *name, int rank)
{
    if (rank >= 0 && rank <= BP_MAX_RANK)
        return true;
    bp__nn_fail(nn, BP_ELIMIT, "\"%s\": rank %d, must be 0 to %d", name, rank,
                BP_MAX_RANK);
    return false;
}

bp_val bp__nn_state(bp_nn *nn, const char *name, bp_var_kind kind,
                    bp_dtype dtype, int rank, const int64_t *dims,
                    double value)
{
    if (!bp__nn_ok(nn) || !name || !check_shape(nn, name, rank))
        return BP_NIL;
    bp__type t = bp__make_type(dtype, rank, dims);
    const bp__nn_var *v = find_var(nn, name);
    if (v)
        return nn->sh->in_order && kind == BP_VAR_BUFFER &&
                       !bp_is_nil(v->next) ? v->next : v->val;
    bool made;
    int64_t i = ensure_var(nn, name, kind, &t, &made);
    if (i < 0)
        return BP_NIL;
    if (made)
        fill_constant(dtype, value, (size_t)bp__numel(&t),
                      bp__store_write(nn->s, (size_t)i));
    count_elements(nn, kind, &t);
    return read_var(nn, name, kind);
}

bp_val bp__nn_row_state(bp_nn *nn, const char *name, bp_dtype dtype, int rank,
                        const int64_t *dims)
{
    if (!bp__nn_ok(nn) || !check_shape(nn, name, rank < 0 ? rank : rank + 1))
        return BP_NIL;
    const bp__nn_var *v = find_var(nn, name);
    if (v)
        return v->val;
    int64_t all[BP_MAX_RANK] = {bp_state_rows(nn->s, name)};
    for (int i = 0; i < rank; i++)
        all[i + 1] = dims[i];
    bp__type t = bp__make_type(dtype, rank + 1, all);
    bool made;
    if (ensure_var(nn, name, BP_VAR_STATE, &t, &made) < 0)
        return BP_NIL;
    return read_var(nn, name, BP_VAR_STATE);
}

void bp__nn_set_state(bp_nn *nn, const char *name, bp_val value)
{
    if (!bp__nn_ok(nn) || !name)
        return;
    bp__nn_var *v = find_var(nn, name);
    if (!v)
        bp__nn_fail(nn, BP_ENOTFOUND, "\"%s\" was not read", name);
    else if (!bp_is_nil(v->next) &&
             !(nn->sh->in_order && v->kind == BP_VAR_BUFFER))
        bp__nn_fail(nn, BP_EEXIST, "\"%s\" is updated twice", name);
    else if (nn->sh->committed)
        bp__nn_fail(nn, BP_EARG, "\"%s\" is updated after bp_nn_commit",
                    name);
    else
        v->next = value;
}

static const char *full_name(bp_nn *nn, const char *name)
{
    const char *path = nn->block->path;
    const char *s = bp__arena_printf(&nn->arena, "%s%s%s", path,
                                     path[0] ? "." : "", name);
    if (!s)
        bp__nn_fail(nn, BP_ENOMEM, "out of memory");
    return s;
}

/* The parameter's variable, or what the step reads in its place. */
static bp_val read_parameter(bp_nn *nn, const char *name)
{
    bp_val p = read_var(nn, name, BP_VAR_PARAM);
    if (!bp__ok(nn->g) || !nn->point)
        return p;
    bp_val at = nn->point(nn, name, p);
    if (at.id == p.id)
        return p;
    if (!bp_is_nil(at))
        bp_set_name(nn->g, at, name);
    bp__nn_var *v = find_var(nn, name);
    if (v)
        v->used = at;
    return at;
}

/* Where the initializer makes the variable as a whole, its values: made before
 * the variable, so that no failure leaves one of zeros in the store. */
static bool make_whole(bp_nn *nn, const char *full, const bp__type *t,
                       const bp__spec *init, double **whole)
{
    char s[200];
    *whole = NULL;
    if (!init || !init->row->whole || bp_store_find(nn->s, full) >= 0)
        return true;
    const char *bad = init->row->fits
                          ? init->row->fits(init, t->rank, t->dims) : NULL;
    if (bad)
        bp__nn_fail(nn, BP_ESHAPE, "\"%s\" is %s: the initializer %s %s",
                    full, bp__type_text(t, s), init->row->name, bad);
    else if (!(*whole = bp__init_whole(init, nn->seed, full, t, &nn->a)))
        bp__nn_fail(nn, BP_ENOMEM, "out of memory");
    return *whole != NULL;
}

/* Copies the values, rounded to the variable's type. */
static void set_whole(const bp_nn *nn, const double *whole, size_t n,
                      void *out)
{
    for (size_t i = 0; i < n; i++)
        if (nn->dtype == BP_F32)
            ((float *)out)[i] = (float)whole[i];
        else
            ((double *)out)[i] = whole[i];
}

bp_val bp__nn_parameter(bp_nn *nn, const char *name, int rank,
                        const int64_t *dims, const bp__spec *init,
                        double fan_in, double fan_out)
{
    const char *full = bp__nn_ok(nn) ? full_name(nn, name) : NULL;
    if (!full || !check_shape(nn, full, rank))
        return BP_NIL;
    bp__type t = bp__make_type(nn->dtype, rank, dims);
    const bp__nn_var *v = find_var(nn, full);
    if (v) {
        char a[200], b[200];
        const bp__type *have = bp__type_of(nn->g, v->used);
        if (!bp__same_dims(have, &t))
            return bp__nn_fail(nn, BP_ESHAPE, "\"%s\" is %s, and asked for "
                               "again as %s", full, bp__type_text(have, a),
                               bp__type_text(&t, b));
        return v->used;
    }
    bool made;
    double *whole;
    size_t n = (size_t)bp__numel(&t);
    if (!make_whole(nn, full, &t, init, &whole))
        return BP_NIL;
    int64_t i = ensure_var(nn, full, BP_VAR_PARAM, &t, &made);
    /* What is there already is only read: others may read it, too. */
    void *data = made ? bp__store_write(nn->s, (size_t)i) : NULL;
    if (made && whole)
        set_whole(nn, whole, n, data);
    else if (made && init)
        bp__init_fill(init, nn->seed, full, fan_in, fan_out, nn->dtype, n,
                      data);
    bp__free(&nn->a, whole, (2 * n + 1) * sizeof *whole);
    if (i < 0)
        return BP_NIL;
    count_elements(nn, BP_VAR_PARAM, &t);
    if (init && init->row->unit_variance) {
        nn->block->scaled = full;
        nn->block->scaled_by = init;
    }
    return read_parameter(nn, full);
}

bp_val bp_nn_param(bp_nn *nn, const char *name, int rank, const int64_t *dims,
                   const char *init)
{
    if (!bp__nn_ok(nn) || !check_shape(nn, name ? name : "", rank))
        return BP_NIL;
    const char *bad = name ? bp__bad_name(name) : "is missing";
    if (bad)
        return bp__nn_fail(nn, BP_EARG, "the parameter's name \"%.60s\" %s",
                           name ? name : "", bad);
    const bp__spec *spec =
        init ? bp__nn_parse(nn, BP_NN_INITS, init) : nn->init;
    double in = rank == 1 ? (double)dims[0] : 1, out = rank ? dims[0] : 1;
    for (int i = 1; i < rank; i++) {
        in *= (double)dims[i];
        out *= i > 1 ? (double)dims[i] : 1;
    }
    return bp__nn_parameter(nn, name, rank, dims, spec, in, out);
}

bp_val bp_nn_buffer(bp_nn *nn, const char *name, int rank,
                    const int64_t *dims, double value)
{
    if (!bp__nn_ok(nn))
        return BP_NIL;
    return bp__nn_state(nn, full_name(nn, name), BP_VAR_BUFFER, nn->dtype,
                        rank, dims, value);
}

void bp_nn_set_buffer(bp_nn *nn, const char *name, bp_val value)
{
    if (bp__nn_ok(nn))
        bp__nn_set_state(nn, full_name(nn, name), value);
}

static const bp__nn_params *params_of(const bp_nn *nn)
{
    return !nn ? NULL : nn->all ? &nn->sh->params : &nn->params;
}

static const bp__nn_var *nth_param(const bp_nn *nn, size_t n)
{
    const bp__nn_params *p = params_of(nn);
    return p && n < p->n ? &nn->sh->vars[p->list[n]] : NULL;
}

size_t bp_nn_param_count(const bp_nn *nn)
{
    const bp__nn_params *p = params_of(nn);
    return p ? p->n : 0;
}

const char *bp_nn_param_name(const bp_nn *nn, size_t i)
{
    const bp__nn_var *v = nth_param(nn, i);
    return v ? v->name : NULL;
}

bp_val bp_nn_param_value(const bp_nn *nn, size_t i)
{
    const bp__nn_var *v = nth_param(nn, i);
    return v ? v->used : BP_NIL;
}

bp_val bp__nn_param_variable(const bp_nn *nn, size_t i)
{
    const bp__nn_var *v = nth_param(nn, i);
    return v ? v->val : BP_NIL;
}

/* ---- the trainer's variables, the end of a step ---- */

const char *bp__nn_trainer_name(bp_nn *nn, const char *name)
{
    const char *step = nn->sh->step;
    const char *s = bp__arena_printf(&nn->arena, "trainer.%s%s%s", step,
                                     step[0] ? "." : "", name);
    if (!s)
        bp__nn_fail(nn, BP_ENOMEM, "out of memory");
    return s;
}

bp_val bp_nn_key(bp_nn *nn)
{
    if (!bp__nn_ok(nn) || !bp_is_nil(nn->sh->key))
        return nn ? nn->sh->key : BP_NIL;
    const int64_t four = 4;
    bp__type t = bp__make_type(BP_I32, 1, &four);
    const char *name = bp__nn_trainer_name(nn, "key");
    bool made;
    int64_t i = name ? ensure_var(nn, name, BP_VAR_TRAINER, &t, &made) : -1;
    if (i < 0)
        return BP_NIL;
    if (made) {
        uint32_t words[4] = {(uint32_t)nn->seed, (uint32_t)(nn->seed >> 32),
                             0, nn->sh->key_word};
        memcpy(bp__store_write(nn->s, (size_t)i), words, sizeof words);
    }
    nn->sh->key = read_var(nn, name, BP_VAR_TRAINER);
    return nn->sh->key;
}

/* step + 1, and the key of the next step: its low word is the step. */
static void advance(bp_nn *nn)
{
    static const int32_t one[4] = {0, 0, 1, 0};
    const int64_t four = 4;
    const char *step = bp__nn_trainer_name(nn, "step");
    const char *key = bp__nn_trainer_name(nn, "key");
    bp_val s = bp__nn_state(nn, step, BP_VAR_TRAINER, BP_I32, 0, NULL, 0);
    bp__nn_set_state(nn, step,
                     bp_add(nn->g, s, bp_scalar(nn->g, BP_I32, 1)));
    bp_val k = bp_nn_key(nn);
    bp__nn_set_state(nn, key, bp_add(nn->g, k, bp_const(nn->g, BP_I32, 1,
                                                        &four, one)));
}

static bool is_committed(const bp__nn_shared *sh, const bp__nn_var *v)
{
    return !bp_is_nil(v->next) &&
           (v->kind != BP_VAR_BUFFER || !sh->statistics ||
            bp__pattern_matches(sh->statistics, v->name));
}

void bp__nn_commit_updates(bp_nn *nn, bool on)
{
    bp__nn_shared *sh = nn->sh;
    if (on)
        advance(nn);
    for (size_t i = 0; i < sh->n_vars; i++)
        if (is_committed(sh, &sh->vars[i]))
            bp_update(nn->g, nn->s, sh->vars[i].name, sh->vars[i].next);
    sh->committed = true;
}

void bp_nn_commit(bp_nn *nn)
{
    if (!bp__nn_ok(nn))
        return;
    if (nn->sh->committed) {
        bp__nn_fail(nn, BP_EARG, "bp_nn_commit was called before");
        return;
    }
    bp__nn_commit_updates(nn, true);
}

bp_val bp__nn_cut_off(bp_graph *g, bp_val x, bool may_be_negative)
{
    bp_dtype dtype = bp_val_dtype(g, x);
    /* Far below anything that an update can feel (eps is 1e-8), far above
     * the denormal numbers, so that one more decay stays normal. */
    double tiny = dtype == BP_F32 ? 0x1p-100 : 0x1p-900;
    bp_val size = may_be_negative ? bp_abs(g, x) : x;
    bp_val is_tiny = bp_lt(g, size, bp_scalar(g, dtype, tiny));
    return bp_select(g, is_tiny, bp_scalar(g, dtype, 0), x);
}
