/* Variables: named, typed state at stable addresses, reference-counted. */
#include "ir/ir.h"

#include <stdio.h>

typedef struct store_slot { /* open addressing by name */
    uint64_t hash;
    uint32_t index_plus_1;
} store_slot;

struct bp_store {
    bp_allocator a;
    atomic_int refs;
    bp__var **vars;
    size_t n_vars, cap_vars;
    store_slot *slots;
    size_t n_slots; /* a power of two, or 0 */
    uint64_t moves;
    bool is_poisoned;
    char poison[500];
};

bp_store *bp_store_new(const bp_allocator *a)
{
    if (!a)
        a = &bp__malloc_allocator;
    bp_store *s = bp__calloc(a, 1, sizeof *s);
    if (!s)
        return NULL;
    s->a = *a;
    atomic_init(&s->refs, 1);
    return s;
}

bp_store *bp_store_retain(bp_store *s)
{
    if (s)
        atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

static void free_var(const bp_allocator *a, bp__var *v)
{
    if (!v)
        return;
    bp__strfree(a, (char *)(uintptr_t)v->info.name);
    bp__free64(a, v->data, v->room);
    bp__free(a, v->initial, v->row_bytes);
    bp__free(a, v, sizeof *v);
}

void bp_store_free(bp_store *s)
{
    if (!s ||
        atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    bp_allocator a = s->a;
    for (size_t i = 0; i < s->n_vars; i++)
        free_var(&a, s->vars[i]);
    bp__free(&a, s->vars, s->cap_vars * sizeof *s->vars);
    bp__free(&a, s->slots, s->n_slots * sizeof *s->slots);
    bp__free(&a, s, sizeof *s);
}

const bp_allocator *bp__store_allocator(const bp_store *s)
{
    return &s->a;
}

static uint64_t name_hash(const char *name)
{
    return bp__hash(BP__HASH_INIT, name, strlen(name));
}

/* The slot of the name, or the free one where it belongs. */
static store_slot *find_slot(store_slot *slots, size_t n_slots,
                             bp__var *const *vars, uint64_t h,
                             const char *name)
{
    for (size_t i = (size_t)h & (n_slots - 1);; i = (i + 1) & (n_slots - 1)) {
        store_slot *t = &slots[i];
        if (!t->index_plus_1)
            return t;
        if (t->hash == h &&
            strcmp(vars[t->index_plus_1 - 1]->info.name, name) == 0)
            return t;
    }
}

static bool grow_slots(bp_store *s)
{
    if (s->n_slots >= 2 * (s->n_vars + 1))
        return true;
    size_t n = s->n_slots ? 2 * s->n_slots : 16;
    store_slot *slots = bp__calloc(&s->a, n, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < s->n_vars; i++) {
        const char *name = s->vars[i]->info.name;
        uint64_t h = name_hash(name);
        *find_slot(slots, n, s->vars, h, name) =
            (store_slot){h, (uint32_t)i + 1};
    }
    bp__free(&s->a, s->slots, s->n_slots * sizeof *s->slots);
    s->slots = slots;
    s->n_slots = n;
    return true;
}

static bp_status check_var(const char *name, bp_var_kind kind, bp_dtype dtype,
                           int rank, const int64_t *dims, size_t *bytes,
                           bp_error *err)
{
    size_t size = bp_dtype_bytes(dtype);
    if (!name || !name[0] || strlen(name) > 500)
        return bp__error(err, BP_EARG,
                         "a variable's name has 1 to 500 bytes");
    if (!size || (unsigned)kind > BP_VAR_STATE)
        return bp__error(err, BP_EARG, "variable \"%s\": unknown kind or "
                         "element type", name);
    if (rank < 0 || rank > BP_MAX_RANK)
        return bp__error(err, BP_ELIMIT, "variable \"%s\": rank %d, must be "
                         "0 to %d", name, rank, BP_MAX_RANK);
    for (int i = 0; i < rank; i++)
        if (dims[i] < 0)
            return bp__error(err, BP_ESHAPE, "variable \"%s\": size %lld of "
                             "axis %d", name, (long long)dims[i], i);
    int64_t n = bp__dims_numel(rank, dims, size);
    if (n < 0)
        return bp__error(err, BP_ELIMIT, "variable \"%s\" is too large",
                         name);
    *bytes = (size_t)n * size;
    return BP_OK;
}

static bp_status add_var(bp_store *s, const char *name, bp_var_kind kind,
                         bp_dtype dtype, int rank, const int64_t *dims,
                         bp_error *err)
{
    if (!s)
        return bp__oom(err);
    size_t bytes = 0;
    bp_status st = check_var(name, kind, dtype, rank, dims, &bytes, err);
    if (st != BP_OK)
        return st;
    if (bp_store_find(s, name) >= 0)
        return bp__error(err, BP_EEXIST, "variable \"%s\" exists already",
                         name);
    bp__var *v = bp__calloc(&s->a, 1, sizeof *v);
    if (!v)
        return bp__oom(err);
    v->info.name = bp__strdup(&s->a, name);
    v->info.bytes = bytes;
    v->data = v->info.name ? bp__alloc64(&s->a, bytes) : NULL;
    v->room = v->data ? bytes : 0;
    if (!v->info.name || !v->data ||
        !bp__grow(&s->a, &s->vars, &s->cap_vars, s->n_vars + 1,
                  sizeof *s->vars) ||
        !grow_slots(s)) {
        if (v->info.name)
            free_var(&s->a, v);
        else
            bp__free(&s->a, v, sizeof *v);
        return bp__oom(err);
    }
    memset(v->data, 0, bytes);
    v->info.kind = kind;
    v->info.dtype = dtype;
    v->info.rank = rank;
    for (int i = 0; i < rank; i++)
        v->info.dims[i] = dims[i];
    uint64_t h = name_hash(name);
    s->vars[s->n_vars] = v;
    *find_slot(s->slots, s->n_slots, s->vars, h, name) =
        (store_slot){h, (uint32_t)s->n_vars + 1};
    s->n_vars++;
    return BP_OK;
}

/* The variable that was added last; its name is free again. */
static void drop_last(bp_store *s)
{
    bp__var *v = s->vars[--s->n_vars];
    memset(s->slots, 0, s->n_slots * sizeof *s->slots);
    for (size_t i = 0; i < s->n_vars; i++) {
        uint64_t h = name_hash(s->vars[i]->info.name);
        *find_slot(s->slots, s->n_slots, s->vars, h,
                   s->vars[i]->info.name) = (store_slot){h, (uint32_t)i + 1};
    }
    free_var(&s->a, v);
}

bp_status bp_store_add(bp_store *s, const char *name, bp_var_kind kind,
                       bp_dtype dtype, int rank, const int64_t *dims,
                       bp_error *err)
{
    if (kind == BP_VAR_STATE)
        return bp__error(err, BP_EARG, "variable \"%s\": bp_store_add_state "
                         "makes states", name ? name : "");
    return add_var(s, name, kind, dtype, rank, dims, err);
}

bp_status bp_store_add_state(bp_store *s, const char *name, bp_dtype dtype,
                             int rank, const int64_t *dims,
                             const void *initial, bp_error *err)
{
    int64_t all[BP_MAX_RANK] = {1};
    if (rank < 0 || rank >= BP_MAX_RANK)
        return bp__error(err, BP_ELIMIT, "state \"%s\": rank %d of a row, "
                         "must be 0 to %d", name ? name : "", rank,
                         BP_MAX_RANK - 1);
    for (int i = 0; i < rank; i++)
        all[i + 1] = dims[i];
    bp_status st = add_var(s, name, BP_VAR_STATE, dtype, rank + 1, all, err);
    if (st)
        return st;
    bp__var *v = s->vars[s->n_vars - 1];
    v->row_bytes = v->info.bytes;
    v->initial = bp__calloc(&s->a, 1, v->row_bytes);
    if (!v->initial) {
        drop_last(s);
        return bp__oom(err);
    }
    if (initial && v->row_bytes)
        memcpy(v->initial, initial, v->row_bytes);
    v->info.dims[0] = 0; /* the memory of one row stays for the first */
    v->info.bytes = 0;
    return BP_OK;
}

bool bp__store_set_rows(bp_store *s, bp__var *v, int64_t n)
{
    size_t bytes = bp__mul_size(v->row_bytes, (size_t)n);
    if (bytes > v->room) {
        void *data = bytes > PTRDIFF_MAX / 2 ? NULL
                                             : bp__alloc64(&s->a, bytes);
        if (!data)
            return false;
        if (v->info.bytes)
            memcpy(data, v->data, v->info.bytes);
        bp__free64(&s->a, v->data, v->room);
        v->data = data;
        v->room = bytes;
        s->moves++;
    }
    for (int64_t i = v->info.dims[0]; i < n && v->row_bytes; i++)
        memcpy((char *)v->data + (size_t)i * v->row_bytes, v->initial,
               v->row_bytes);
    v->info.dims[0] = n;
    v->info.bytes = bytes;
    v->version++;
    return true;
}

uint64_t bp__store_moves(const bp_store *s)
{
    return s->moves;
}

size_t bp_store_count(const bp_store *s)
{
    return s ? s->n_vars : 0;
}

int64_t bp_store_find(const bp_store *s, const char *name)
{
    if (!s || !name || !s->n_slots)
        return -1;
    const store_slot *t = find_slot(s->slots, s->n_slots, s->vars,
                                    name_hash(name), name);
    return (int64_t)t->index_plus_1 - 1;
}

bp__var *bp__store_var(bp_store *s, size_t i)
{
    return s && i < s->n_vars ? s->vars[i] : NULL;
}

bp_status bp_store_info(const bp_store *s, size_t i, bp_var_info *info)
{
    if (!s || i >= s->n_vars)
        return BP_ENOTFOUND;
    *info = s->vars[i]->info;
    return BP_OK;
}

void *bp_store_data(bp_store *s, size_t i)
{
    bp__var *v = bp__store_var(s, i);
    if (v)
        atomic_store_explicit(&v->lent, true, memory_order_relaxed);
    return v ? v->data : NULL;
}

const void *bp_store_read(const bp_store *s, size_t i)
{
    return s && i < s->n_vars ? s->vars[i]->data : NULL;
}

void *bp__store_write(bp_store *s, size_t i)
{
    bp__var *v = bp__store_var(s, i);
    if (v)
        v->version++;
    return v ? v->data : NULL;
}

void bp_store_settle(bp_store *s)
{
    for (size_t i = 0; i < bp_store_count(s); i++) {
        bp__var *v = s->vars[i];
        v->version += atomic_load_explicit(&v->lent, memory_order_relaxed);
        atomic_store_explicit(&v->lent, false, memory_order_relaxed);
    }
}

static bp_status find_sized(const bp_store *s, const char *name, size_t bytes,
                            bp__var **var, bp_error *err)
{
    int64_t i = bp_store_find(s, name);
    if (i < 0)
        return bp__error(err, BP_ENOTFOUND, "no variable \"%s\" in the store",
                         name ? name : "");
    *var = s->vars[i];
    if ((*var)->info.bytes != bytes)
        return bp__error(err, BP_ESHAPE,
                         "variable \"%s\" has %zu bytes, not %zu", name,
                         (*var)->info.bytes, bytes);
    return BP_OK;
}

bp_status bp_store_get(const bp_store *s, const char *name, void *data,
                       size_t bytes, bp_error *err)
{
    bp__var *v = NULL;
    bp_status st = find_sized(s, name, bytes, &v, err);
    if (st == BP_OK && bytes)
        memcpy(data, v->data, bytes);
    return st;
}

bp_status bp_store_set(bp_store *s, const char *name, const void *data,
                       size_t bytes, bp_error *err)
{
    bp__var *v = NULL;
    bp_status st = find_sized(s, name, bytes, &v, err);
    if (st == BP_OK && bytes)
        memcpy(v->data, data, bytes);
    if (st == BP_OK)
        v->version++;
    return st;
}

const char *bp_store_poisoned(const bp_store *s)
{
    return s && s->is_poisoned ? s->poison : NULL;
}

void bp__store_poison(bp_store *s, const char *why)
{
    if (s->is_poisoned)
        return;
    s->is_poisoned = true;
    snprintf(s->poison, sizeof s->poison, "%s", why);
}
