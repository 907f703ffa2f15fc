/* Stores as files: exact, all or nothing, never a value that is not finite. */
#include "rig.h"

#include "ir/ir.h"
#include "train/train.h"

static bp_store *make_store(int64_t width)
{
    bp_store *s = bp_store_new(NULL);
    bp_error err = {0};
    int64_t w[2] = {2, width}, k[1] = {4};
    T_REQUIRE(s);
    T_OK(bp_store_add(s, "0.weight", BP_VAR_PARAM, BP_F32, 2, w, &err), &err);
    T_OK(bp_store_add(s, "1.mean", BP_VAR_BUFFER, BP_F64, 0, NULL, &err),
         &err);
    T_OK(bp_store_add(s, "optim.0.weight.m", BP_VAR_OPTIM, BP_F32, 2, w,
                      &err), &err);
    T_OK(bp_store_add(s, "trainer.key", BP_VAR_TRAINER, BP_I32, 1, k, &err),
         &err);
    return s;
}

static void fill(bp_store *s, float x)
{
    for (size_t i = 0; i < bp_store_count(s); i++) {
        bp_var_info v;
        bp_store_info(s, i, &v);
        void *p = bp_store_data(s, i);
        for (size_t k = 0; k < v.bytes / bp_dtype_bytes(v.dtype); k++) {
            float y = x + (float)k * 0.1f + (float)i;
            if (v.dtype == BP_F32)
                ((float *)p)[k] = y;
            else if (v.dtype == BP_F64)
                ((double *)p)[k] = (double)y / 3;
            else
                ((int32_t *)p)[k] = (int32_t)(y * 100);
        }
    }
}

static bool same_kinds(bp_store *a, bp_store *b, unsigned kinds)
{
    for (size_t i = 0; i < bp_store_count(a); i++) {
        bp_var_info v;
        bp_store_info(a, i, &v);
        bool same = !memcmp(bp_store_data(a, i), bp_store_data(b, i), v.bytes);
        if (same != ((BP_KIND(v.kind) & kinds) != 0))
            return false;
    }
    return true;
}

static void test_round_trip(void)
{
    bp_store *a = make_store(3), *b = make_store(3);
    bp_error err = {0};
    fill(a, 1);
    fill(b, -7);
    T_OK(bp_store_save(a, "t-weights.st", BP_KINDS_WEIGHTS, &err), &err);
    T_OK(bp_store_load(b, "t-weights.st", BP_KINDS_WEIGHTS, &err), &err);
    T_CHECK(same_kinds(a, b, BP_KINDS_WEIGHTS));
    T_OK(bp_store_save(a, "t-all.st", BP_KINDS_ALL, &err), &err);
    T_OK(bp_store_load(b, "t-all.st", BP_KINDS_ALL, &err), &err);
    T_CHECK(same_kinds(a, b, BP_KINDS_ALL));
    bp_store_free(a);
    bp_store_free(b);
}

static void expect_refusal(bp_status st, bp_status want, const bp_error *err,
                           const char *words)
{
    T_CHECKF(st == want && strstr(err->message, words), "%s: %s, want %s with "
             "'%s'", bp_status_name(st), err->message, bp_status_name(want),
             words);
}

static void test_refusals(void)
{
    bp_store *a = make_store(3), *b = make_store(4), *c = make_store(3);
    bp_error err = {0};
    fill(a, 1);
    fill(b, 2);
    fill(c, 2);
    T_OK(bp_store_save(a, "t-weights.st", BP_KINDS_WEIGHTS, &err), &err);
    T_OK(bp_store_save(a, "t-all.st", BP_KINDS_ALL, &err), &err);
    expect_refusal(bp_store_load(b, "t-weights.st", BP_KINDS_WEIGHTS, &err),
                   BP_ESHAPE, &err,
                   "0.weight is f32[2,3] in the file and f32[2,4] in the "
                   "model");
    expect_refusal(bp_store_load(c, "t-all.st", BP_KINDS_WEIGHTS, &err),
                   BP_ESHAPE, &err, "of the file is not in the model");
    expect_refusal(bp_store_load(c, "t-weights.st", BP_KINDS_ALL, &err),
                   BP_ESHAPE, &err, "trainer.key is missing in the file");
    expect_refusal(bp_store_load(c, "t-none.st", BP_KINDS_ALL, &err),
                   BP_ENOTFOUND, &err, "t-none.st");
    fill(a, 2);
    T_CHECK(same_kinds(a, c, BP_KINDS_ALL)); /* nothing was half loaded */
    bp_store_free(a);
    bp_store_free(b);
    bp_store_free(c);
}

static void test_not_finite(void)
{
    bp_store *a = make_store(3);
    bp_error err = {0};
    fill(a, 1);
    unlink("t-nan.st");
    ((float *)bp_store_data(a, 0))[4] = (float)NAN;
    expect_refusal(bp_store_save(a, "t-nan.st", BP_KINDS_WEIGHTS, &err),
                   BP_ENONFINITE, &err, "0.weight");
    T_CHECK(strstr(err.message, "element 4"));
    ((float *)bp_store_data(a, 0))[4] = 0;
    *(double *)bp_store_data(a, 1) = INFINITY;
    T_CHECK(bp_store_save(a, "t-nan.st", BP_KINDS_WEIGHTS, &err) ==
            BP_ENONFINITE);
    T_OK(bp_store_save(a, "t-opt.st", BP_KIND(BP_VAR_OPTIM), &err), &err);
    bp__store_poison(a, "a step failed in its commit");
    *(double *)bp_store_data(a, 1) = 0;
    expect_refusal(bp_store_save(a, "t-nan.st", BP_KINDS_WEIGHTS, &err),
                   BP_ENONFINITE, &err, "a step failed in its commit");
    T_CHECK(!bp__file_exists(NULL, "t-nan.st"));
    bp_store_free(a);
}

int main(void)
{
    test_round_trip();
    test_refusals();
    test_not_finite();
    return t_end();
}
