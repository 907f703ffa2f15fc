/* Sources: a caller's function, with and without a batch made ahead; a data
 * set; state as of the last batch that was handed out. */
#include "t.h"

#include <bprop/source.h>

#include "base/base.h"

enum { N = 3 };

typedef struct counter {
    int64_t at;
    int32_t x[N];
    double y;
    int fail_at; /* this call fails, once; 0: none */
    bool *freed;
} counter;

static bp_status count_next(void *self, bp_fields *out, bp_error *err)
{
    counter *c = self;
    if (c->fail_at && c->at + 1 == c->fail_at) {
        c->fail_at = 0;
        return bp__error(err, BP_EIO, "the disk is gone");
    }
    c->at++;
    for (int i = 0; i < N; i++)
        c->x[i] = (int32_t)(10 * c->at + i);
    c->y = (double)c->at / 4;
    out->n = 2;
    out->field[0] = (bp_array){.dtype = BP_I32, .rank = 1, .dims = {N},
                               .data = c->x, .bytes = sizeof c->x};
    out->field[1] = (bp_array){.dtype = BP_F64, .rank = 0, .data = &c->y,
                               .bytes = sizeof c->y};
    out->index = c->at - 1;
    return BP_OK;
}

static bp_status count_save(void *self, bp_write_fn write, void *to,
                            bp_error *err)
{
    const counter *c = self;
    char text[30];
    int n = snprintf(text, sizeof text, "%d", (int)c->at);
    (void)err;
    return write(to, text, (size_t)n) ? BP_EIO : BP_OK;
}

static bp_status count_load(void *self, const void *bytes, size_t n,
                            bp_error *err)
{
    counter *c = self;
    char text[30] = "";
    if (n == 0 || n > 20)
        return bp__error(err, BP_EFORMAT, "not a count");
    memcpy(text, bytes, n);
    c->at = atoi(text);
    return BP_OK;
}

static void count_free(void *self)
{
    *((counter *)self)->freed = true;
}

static bp_source_row row_of(bool alone)
{
    return (bp_source_row){.size = sizeof(bp_source_row), .name = "counter",
                           .next = count_next, .save = count_save,
                           .load = count_load, .free = count_free,
                           .alone = alone};
}

typedef struct bytes {
    char data[100];
    size_t n;
} bytes;

static int put(void *to, const char *data, size_t n)
{
    bytes *b = to;
    if (b->n + n > sizeof b->data)
        return 1;
    memcpy(b->data + b->n, data, n);
    b->n += n;
    return 0;
}

static void check_batch(const bp_fields *b, int at)
{
    T_REQUIRE(b->n == 2 && b->field[0].dims[0] == N);
    const int32_t *x = b->field[0].data;
    T_CHECKF(x[0] == 10 * at && x[2] == 10 * at + 2, "%d: %d", at, x[0]);
    T_CHECK(*(double *)b->field[1].data == at / 4.0 && b->index == at - 1);
}

static void test_function(bool ahead)
{
    bool freed = false;
    counter c = {.freed = &freed, .fail_at = 6};
    bp_source_row row = row_of(ahead);
    bp_source_options o = {.size = sizeof o, .prefetch = true};
    bp_source *s = NULL;
    bp_fields b, last;
    bp_error err = {0};
    bytes state = {.n = 0};
    char hash[20];
    T_OK(bp_source_new(&row, &c, &o, &s, &err), &err);
    T_CHECK(!bp_source_hash(s, hash) && !hash[0]);
    T_CHECK(!strcmp(bp_source_name(s), "counter"));
    T_CHECK(bp_source_batches(s) == 0);
    for (int i = 1; i <= 5; i++) {
        T_OK(bp_source_next(s, &b, &err), &err);
        check_batch(&b, i);
        if (i == 3)
            T_OK(bp_source_save(s, put, &state, &err), &err);
        check_batch(&b, i); /* saving leaves the batch as it is */
    }
    T_CHECKF(state.n == 1 && state.data[0] == '3', "%.*s", (int)state.n,
             state.data);
    /* A failure is told when its batch is asked for, and tried again. */
    T_CHECK(bp_source_next(s, &b, &err) == BP_EIO &&
            strstr(err.message, "the disk is gone"));
    T_OK(bp_source_next(s, &last, &err), &err);
    check_batch(&last, 6);
    T_CHECK(bp_source_load(s, "", 0, &err) == BP_EFORMAT);
    T_OK(bp_source_load(s, state.data, state.n, &err), &err);
    T_OK(bp_source_next(s, &b, &err), &err);
    check_batch(&b, 4);
    bp_source_free(s);
    T_CHECK(freed);
}

/* Memory runs out once, or for some tries: no batch is left out, and what is
 * saved is of the last one given. */
static void test_memory(bool ahead, bool persistent)
{
    for (int64_t n = 0; n < 12; n++) {
        bool freed = false;
        t_heap h = {.fail_at = -1};
        bp_allocator a = t_allocator(&h);
        counter c = {.freed = &freed};
        bp_source_row row = row_of(ahead);
        bp_source_options o = {.size = sizeof o, .allocator = &a,
                               .prefetch = true};
        bp_source *s = NULL;
        bp_fields b;
        bp_error err = {0};
        T_OK(bp_source_new(&row, &c, &o, &s, &err), &err);
        h.fail_at = h.calls + n;
        h.persistent = persistent;
        int refused = 0;
        for (int i = 1; i <= 6; i++) {
            bytes state = {.n = 0};
            bp_status st = bp_source_next(s, &b, &err);
            for (int k = 0; st && k < 3; k++) {
                T_CHECK(st == BP_ENOMEM);
                if (i > 1) {
                    state.n = 0;
                    T_OK(bp_source_save(s, put, &state, &err), &err);
                    T_CHECKF(state.data[0] == '0' + i - 1, "%c after %d",
                             state.data[0], i - 1);
                }
                if (k == 1)
                    h.fail_at = -1;
                refused++;
                st = bp_source_next(s, &b, &err);
            }
            T_REQUIRE(!st);
            check_batch(&b, i);
            state.n = 0;
            T_OK(bp_source_save(s, put, &state, &err), &err);
            T_CHECKF(state.data[0] == '0' + i, "%c after %d", state.data[0], i);
        }
        T_CHECK(refused || !ahead || n > 3);
        bp_source_free(s);
        T_CHECK(h.live == 0 && freed);
    }
}

static bp_status too_many(void *self, bp_fields *out, bp_error *err)
{
    (void)self, (void)err;
    out->n = BP_MAX_FIELDS + 1;
    return BP_OK;
}

static void test_too_many(bool ahead)
{
    bp_source_row row = {.size = sizeof row, .name = "wide",
                         .next = too_many, .alone = ahead};
    bp_source_options o = {.size = sizeof o, .prefetch = true};
    bp_source *s = NULL;
    bp_fields b;
    bp_error err = {0};
    T_OK(bp_source_new(&row, NULL, &o, &s, &err), &err);
    for (int i = 0; i < 2; i++)
        T_CHECK(bp_source_next(s, &b, &err) == BP_ELIMIT &&
                strstr(err.message, "33 arrays"));
    bp_source_free(s);
}

static void test_bad_rows(void)
{
    bool freed = false;
    counter c = {.freed = &freed};
    bp_source_row row = row_of(false);
    bp_source *s = NULL;
    bp_error err = {0};
    row.load = NULL;
    T_CHECK(bp_source_new(&row, &c, NULL, &s, &err) == BP_EARG && freed);
    row = row_of(false);
    row.size = 3;
    T_CHECK(bp_source_new(&row, &c, NULL, &s, &err) == BP_EARG && !s);
}

/* ---- a data set ------------------------------------------------------------ */

static bp_data *make_data(float first)
{
    float x[10][2];
    int32_t y[10];
    bp_data *d = NULL;
    bp_error err = {0};
    for (int i = 0; i < 10; i++) {
        x[i][0] = (float)i + first;
        x[i][1] = -x[i][0];
        y[i] = i % 3;
    }
    bp_array in = {.dtype = BP_F32, .rank = 2, .dims = {10, 2}, .data = x,
                   .bytes = sizeof x};
    bp_array target = {.dtype = BP_I32, .rank = 1, .dims = {10}, .data = y,
                       .bytes = sizeof y};
    T_OK(bp_data_from_arrays(&in, 1, &target, NULL, &d, &err), &err);
    return d;
}

static void expect_place(bp_source *s, const char *text, bool good)
{
    bp_error err = {0};
    bp_status st = bp_source_load(s, text, strlen(text), &err);
    T_CHECKF(st == (good ? BP_OK : BP_EFORMAT), "'%s': %s", text, err.message);
}

static void test_data_set(void)
{
    bp_data *d = make_data(0), *same = make_data(0), *other = make_data(1);
    bp_loader_options o = {.size = sizeof o, .batch = 4, .shuffle = true,
                           .seed = 3, .prefetch = true};
    bp_source *a = NULL, *b = NULL, *c = NULL;
    bp_fields x, y;
    bp_error err = {0};
    char h[3][20];
    bytes state = {.n = 0};
    T_OK(bp_source_from_data(d, &o, &a, &err), &err);
    T_OK(bp_source_from_data(same, &o, &b, &err), &err);
    T_OK(bp_source_from_data(other, &o, &c, &err), &err);
    T_CHECK(bp_source_hash(a, h[0]) && bp_source_hash(b, h[1]) &&
            bp_source_hash(c, h[2]));
    T_CHECK(!strcmp(h[0], h[1]) && strcmp(h[0], h[2]) && strlen(h[0]) == 16);
    T_CHECK(bp_source_batches(a) == 3);
    for (int i = 0; i < 5; i++) {
        T_OK(bp_source_next(a, &x, &err), &err);
        T_CHECK(x.epoch == i / 3 && x.index == i % 3);
        T_CHECK(x.last == (i == 2) && x.n == 2);
        T_CHECK(x.field[0].dims[0] == (i % 3 == 2 ? 2 : 4));
        T_CHECK(x.field[1].dtype == BP_I32 && x.field[1].rank == 1);
    }
    T_OK(bp_source_save(a, put, &state, &err), &err);
    T_OK(bp_source_load(b, state.data, state.n, &err), &err);
    for (int i = 0; i < 4; i++) {
        T_OK(bp_source_next(a, &x, &err), &err);
        T_OK(bp_source_next(b, &y, &err), &err);
        T_CHECK(x.epoch == y.epoch && x.index == y.index);
        T_CHECK(!memcmp(x.field[0].data, y.field[0].data, x.field[0].bytes));
    }
    expect_place(a, "2 1", true);
    T_OK(bp_source_next(a, &x, &err), &err);
    T_CHECK(x.epoch == 2 && x.index == 1);
    static const char *const bad[] = {"", "2", "2 3", "-1 0", "2 1 ", "a b",
        "99999999999999999999 0", "2  1", "2 1e0", "18446744073709551616 0"};
    for (size_t i = 0; i < BP__ARRAY_LEN(bad); i++)
        expect_place(a, bad[i], false);
    T_OK(bp_source_next(a, &x, &err), &err);
    T_CHECK(x.epoch == 2 && x.index == 2); /* nothing was taken */
    bp_source_free(a);
    bp_source_free(b);
    bp_source_free(c);
    bp_data_free(d);
    bp_data_free(same);
    bp_data_free(other);
}

int main(void)
{
    test_function(false);
    test_function(true);
    for (int ahead = 0; ahead < 2; ahead++) {
        test_memory(ahead, false);
        test_memory(ahead, true);
        test_too_many(ahead);
    }
    test_bad_rows();
    test_data_set();
    return t_end();
}
