/* The tables, and texts through them: every row, every value, what is refused
 * and what the message proposes. */
#include "rig.h"

#include "nn/spec.h"

static void test_rows(void)
{
    int rows = 0;
    for (int t = 0; t < BP_NN_N_TABLES; t++) {
        size_t n;
        const bp__kinddef *row = bp__kinds((bp_nn_table)t, &n);
        T_CHECK(n >= 1);
        for (size_t i = 0; i < n; i++, rows++) {
            char doc[300];
            T_CHECKF(bp__kind_doc(&row[i], doc)[0], "%s", row[i].name);
            T_CHECK(bp__kind_find((bp_nn_table)t, row[i].name) == &row[i]);
            T_CHECKF(row[i].build.layer != NULL, "%s", row[i].name);
            T_CHECKF(t != BP_NN_LAYERS || row[i].n_inputs != 0, "%s",
                     row[i].name);
            bool short_found = !row[i].shorthand;
            for (size_t k = 0; k < bp__kind_arg_count(&row[i]); k++) {
                const bp__argdef *d = &row[i].args[k];
                char text[200];
                T_CHECKF(d->doc && d->doc[0], "%s.%s", row[i].name, d->name);
                T_CHECKF(strlen(bp__arg_expects(d, text)) > 3, "%s.%s",
                         row[i].name, d->name);
                bool range = d->type == BP__ARG_BOOL || d->min > d->max ||
                             d->required || d->def == 0 ||
                             (d->def >= d->min && d->def <= d->max);
                T_CHECKF(range, "%s.%s: default out of range", row[i].name,
                         d->name);
                T_CHECKF((d->type == BP__ARG_CHOICE) == (d->choices != NULL),
                         "%s.%s", row[i].name, d->name);
                short_found |= row[i].shorthand &&
                               strcmp(row[i].shorthand, d->name) == 0;
            }
            T_CHECKF(short_found, "%s: shorthand", row[i].name);
        }
    }
    T_CHECKF(rows >= 40, "%d rows", rows);
    size_t none;
    T_CHECK(bp__kinds((bp_nn_table)99, &none) == NULL && none == 0);
}

/* parse . print is the identity on texts in canonical form. */
static void round_trip(bp_nn_table table, const char *text, const char *want)
{
    bp__arena ar;
    bp__str out;
    bp__spec *s = NULL, *again = NULL;
    bp_error err = {0};
    bp__arena_init(&ar, NULL);
    bp__str_init(&out, NULL);
    T_OK(bp__spec_parse(&ar, table, text, &s, &err), &err);
    bp__spec_print(&out, s);
    T_CHECKF(strcmp(out.s, want) == 0, "%s, not %s", out.s, want);
    T_OK(bp__spec_parse(&ar, table, want, &again, &err), &err);
    bp__str_free(&out);
    bp__str_init(&out, NULL);
    bp__spec_print(&out, again);
    T_CHECKF(strcmp(out.s, want) == 0, "%s, not %s", out.s, want);
    bp__str_free(&out);
    bp__arena_free(&ar);
}

static void test_round_trips(void)
{
    round_trip(BP_NN_LAYERS, "relu", "relu");
    round_trip(BP_NN_LAYERS, " relu ( ) ", "relu");
    round_trip(BP_NN_LAYERS, "dense(10)", "dense(units=10)");
    round_trip(BP_NN_LAYERS, "conv2d( 8,kernel=[3, 5],\n padding=same)",
               "conv2d(filters=8, kernel=[3, 5], padding=same)");
    round_trip(BP_NN_LAYERS,
               "conv2d(padding=[1,2], bias=false, filters=8, kernel=3, "
               "groups=2, dilation=2, init=normal(0.5), name=a, from=b)",
               "conv2d(filters=8, kernel=3, padding=[1, 2], dilation=2, "
               "groups=2, bias=false, init=normal(std=0.5), name=a, "
               "from=[b])");
    round_trip(BP_NN_LAYERS,
               "residual([dense(4), relu, dense(4, name=z)], "
               "shortcut=[dense(4)])",
               "residual(body=[dense(units=4), relu, dense(units=4, name=z)]"
               ", shortcut=[dense(units=4)])");
    round_trip(BP_NN_LAYERS, "concat(from=[\"a b\", c-1])",
               "concat(from=[\"a b\", c-1])");
    round_trip(BP_NN_OPTIMIZERS,
               "adam(1e-3, schedule=warmup(10, then=cosine))",
               "adam(lr=0.001, schedule=warmup(steps=10, then=cosine))");
    round_trip(BP_NN_OPTIMIZERS,
               "sgd(groups = [freeze(\"0.*\"), "
               "group(\"*.bias\", lr_factor=2)])",
               "sgd(groups=[freeze(params=\"0.*\"), "
               "group(params=\"*.bias\", lr_factor=2)])");
    round_trip(BP_NN_LOSSES, "mean_squared_error(half_sum)",
               "mean_squared_error(form=half_sum)");
    round_trip(BP_NN_PENALTIES, "l2(lambda=5, on=all)",
               "l2(lambda=5, on=all)");
    round_trip(BP_NN_INITS, "constant(-0.25)", "constant(value=-0.25)");
}

static void refused(bp_nn_table table, const char *text, bp_status status,
                    const char *words)
{
    bp_error err = {0};
    bp_status s = bp_nn_check(table, text, &err);
    T_CHECKF(s == status, "%s: %s: %s", text, bp_status_name(s),
             err.message);
    T_CHECKF(strstr(err.message, words) != NULL, "\"%s\" is not in \"%s\"",
             words, err.message);
}

static void test_refused_kinds(void)
{
    refused(BP_NN_LAYERS, "dens(10)", BP_ENOTFOUND,
            "unknown layer \"dens\": did you mean dense?");
    refused(BP_NN_LAYERS, "conv3d(8)", BP_ENOTFOUND, "did you mean conv2d or conv1d?");
    refused(BP_NN_LAYERS, "transformer", BP_ENOTFOUND, "there are dense, ");
    refused(BP_NN_OPTIMIZERS, "adm", BP_ENOTFOUND, "did you mean adam?");
    refused(BP_NN_LOSSES, "mse", BP_ENOTFOUND, "mean_squared_error");
    refused(BP_NN_LAYERS, "conv2d(8, kernle=3)", BP_ENOTFOUND,
            "conv2d has no \"kernle\": did you mean kernel?");
    refused(BP_NN_LAYERS, "dense(10, temperature=1)", BP_ENOTFOUND,
            "it has units, bias, init, bias_init");
    refused(BP_NN_LAYERS, "relu(slope=1)", BP_ENOTFOUND,
            "it takes no values");
    refused(BP_NN_LAYERS, "batch_norm(3)", BP_EARG,
            "batch_norm takes its values by name");
    refused(BP_NN_LAYERS, "relu(3)", BP_EARG, "relu takes no values");
}

static void test_refused_values(void)
{
    refused(BP_NN_LAYERS, "dense(0)", BP_ERANGE,
            "dense: units is \"0\", must be a whole number from 1");
    refused(BP_NN_LAYERS, "dense(2.5)", BP_EARG, "a whole number");
    refused(BP_NN_LAYERS, "dense(ten)", BP_EARG, "units is \"ten\"");
    refused(BP_NN_LAYERS, "dense", BP_EARG, "dense needs units");
    refused(BP_NN_LAYERS, "dense(99999999999)", BP_ERANGE, "units");
    refused(BP_NN_LAYERS, "celu(0)", BP_ERANGE, "alpha is \"0\"");
    refused(BP_NN_LAYERS, "softplus(-1)", BP_ERANGE, "a number above 0");
    refused(BP_NN_LAYERS, "hard_tanh(low=2)", BP_EARG, "low must be below");
    refused(BP_NN_LAYERS, "prelu(both)", BP_EARG, "one of one|channel");
    refused(BP_NN_LAYERS, "dropout(1)", BP_ERANGE, "from 0 to below 1");
    refused(BP_NN_LAYERS, "dropout(nan)", BP_EARG, "p is \"nan\"");
    refused(BP_NN_LAYERS, "conv2d(8, kernel=3, padding=sane)", BP_EARG,
            "same, valid, a whole number from 0");
    refused(BP_NN_LAYERS, "conv1d(8, kernel=3, padding=[1, 2])", BP_EARG,
            "padding is one number");
    refused(BP_NN_LAYERS, "embedding(count=3)", BP_EARG, "needs dim");
    refused(BP_NN_LAYERS, "upsample(2, mode=cubic)", BP_EARG,
            "one of nearest|bilinear");
    refused(BP_NN_LAYERS, "conv2d(8, kernel=[3,0])", BP_ERANGE,
            "kernel is \"0\"");
    refused(BP_NN_LAYERS, "dense(4, units=4)", BP_EEXIST, "given twice");
    refused(BP_NN_LAYERS, "dense([4,4])", BP_EARG, "units is \"a list\"");
    refused(BP_NN_LAYERS, "dense(4, bias=yes)", BP_EARG, "true or false");
    refused(BP_NN_LAYERS, "dense(4, name=\"a.b\")", BP_EARG, "may not hold");
    refused(BP_NN_LAYERS, "dense(4, from=[a, b])", BP_EARG,
            "dense takes one input, not 2");
    refused(BP_NN_LAYERS, "residual(body=[])", BP_EARG, "list is empty");
    refused(BP_NN_LAYERS, "residual", BP_EARG, "needs body");
    refused(BP_NN_INITS, "uniform(high=1, low=2)", BP_EARG,
            "low is above high");
    refused(BP_NN_PENALTIES, "l2", BP_EARG, "either weight or lambda");
    refused(BP_NN_PENALTIES, "l2(weight=1, lambda=1)", BP_EARG, "either");
    refused(BP_NN_LOSSES, "mean_squared_error(sum)", BP_EARG,
            "one of mean|half_sum");
    refused(BP_NN_OPTIMIZERS, "adam(beta1=1)", BP_ERANGE, "beta1");
}

static void test_refused_syntax(void)
{
    refused(BP_NN_LAYERS, "dense(10", BP_EFORMAT, "ends where");
    refused(BP_NN_LAYERS, "dense(10))", BP_EFORMAT, "character 10");
    refused(BP_NN_LAYERS, "dense(10) relu", BP_EFORMAT, "\"relu\"");
    refused(BP_NN_LAYERS, "dense(10, 20)", BP_EFORMAT, "KEY=VALUE");
    refused(BP_NN_LAYERS, "dense(units=)", BP_EFORMAT, "a value");
    refused(BP_NN_OPTIMIZERS, "", BP_EFORMAT, "a kind of optimizer");
    refused(BP_NN_LAYERS, "concat(from=\"a)", BP_EFORMAT, "closing quote");
    char deep[4000] = "";
    for (int i = 0; i < 100; i++)
        strcat(deep, "residual(body=[");
    refused(BP_NN_LAYERS, deep, BP_ELIMIT, "nested");
    bp_error err = {0};
    T_CHECK(bp_nn_check(BP_NN_LAYERS, "", &err) == BP_OK);
    T_CHECK(bp_nn_check(BP_NN_LAYERS, "relu, dense(3),\n relu", &err) ==
            BP_OK);
    T_CHECK(bp_nn_check(BP_NN_METRICS, "accuracy, mean_absolute_error",
                        &err) == BP_OK);
    T_CHECK(bp_nn_check(BP_NN_LOSSES, NULL, &err) == BP_EARG);
}

int main(void)
{
    test_rows();
    test_round_trips();
    test_refused_kinds();
    test_refused_values();
    test_refused_syntax();
    return t_end();
}
