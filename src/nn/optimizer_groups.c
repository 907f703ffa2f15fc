/* Groups of parameters, by patterns of their names: what an optimizer does
 * otherwise with some of them. */
#include "nn/optimizer.h"

#include "base/pattern.h"

#include <math.h>

#define PARAMS                                                             \
    {"params", BP__ARG_TEXT, "pattern of their names: * stands for any "   \
     "characters, ? for one", .required = true}

static void freeze(const bp__spec *s, bp__group *g)
{
    (void)s;
    g->frozen = true;
}

static void treat_apart(const bp__spec *s, bp__group *g)
{
    const bp__argval *decay = bp__arg(s, "weight_decay");
    g->lr_factor = bp__arg_float(s, "lr_factor");
    g->adamw = bp__arg_bool(s, "adamw");
    if (decay->set)
        g->weight_decay = decay->f;
}

static const bp__argdef freeze_args[] = {PARAMS, {.name = NULL}};
static const bp__argdef group_args[] = {
    PARAMS,
    {"lr_factor", BP__ARG_FLOAT, "of the optimizer's rate", .def = 1,
     BP__FROM(0)},
    {"weight_decay", BP__ARG_FLOAT, "in the place of the optimizer's, which "
     "holds unless given", BP__FROM(0), .no_default = true},
    {"adamw", BP__ARG_BOOL, "with muon: matrices too take AdamW's step, which "
     "suits embeddings and the last layer better", .def = 0},
    {.name = NULL}};

const bp__kinddef bp__group_rows[] = {
    {"freeze", "parameters that stay as they are: without gradient, moments "
     "and update", freeze_args, "params", .build.group = freeze},
    {"group", "parameters with a rate and a weight decay of their own",
     group_args, "params", .build.group = treat_apart},
    {.name = NULL}};

/* A pattern without a parameter is a mistake of who wrote it. */
static bool pattern_is_used(bp_nn *nn, const bp__spec *group)
{
    const char *pattern = bp__arg(group, "params")->s;
    char list[300] = "";
    size_t n = bp_nn_param_count(nn), len = 0;
    if (strlen(pattern) > BP__PATTERN_BYTES) {
        bp__nn_fail(nn, BP_ELIMIT, "%s: the pattern \"%.80s...\" has more "
                    "than %d bytes", group->row->name, pattern,
                    BP__PATTERN_BYTES);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const char *name = bp_nn_param_name(nn, i);
        if (bp__pattern_matches(pattern, name))
            return true;
        if (len < 200)
            len += (size_t)bp__snprintf(list + len, sizeof list - len,
                                        "%s%.60s", i ? ", " : "", name);
    }
    bp__nn_fail(nn, BP_ENOTFOUND, "%s: no parameter is named \"%.80s\"; there "
                "are %s%s", group->row->name, pattern, list,
                len < 200 ? "" : " ...");
    return false;
}

static bool rule_is_there(bp_nn *nn, const bp__spec *optimizer,
                          const bp__spec *group)
{
    if (!bp__arg_bool(group, "adamw") || optimizer->row->has_adamw)
        return true;
    bp__nn_fail(nn, BP_EARG, "%s(%s): adamw is for muon; %s has one rule for "
                "all parameters", group->row->name,
                bp__arg(group, "params")->s, optimizer->row->name);
    return false;
}

static bp__group group_of(const char *name, const bp__spec *s)
{
    const bp__argval *groups = bp__arg(s, "groups");
    bp__group g = {.lr_factor = 1,
                   .weight_decay = bp__arg_float(s, "weight_decay")};
    for (size_t i = 0; i < groups->n; i++) {
        const bp__spec *k = groups->list[i];
        if (!bp__pattern_matches(bp__arg(k, "params")->s, name))
            continue;
        k->row->build.group(k, &g);
        break;
    }
    return g;
}

bool bp__optim_groups(bp_nn *nn, const bp__spec *s)
{
    const bp__argval *groups = bp__arg(s, "groups");
    size_t n = bp_nn_param_count(nn), frozen = 0;
    nn->groups = bp__arena_array(&nn->arena, n + 1, sizeof *nn->groups);
    if (!nn->groups) {
        bp__nn_fail(nn, BP_ENOMEM, "out of memory");
        return false;
    }
    for (size_t i = 0; i < groups->n; i++)
        if (!pattern_is_used(nn, groups->list[i]) ||
            !rule_is_there(nn, s, groups->list[i]))
            return false;
    size_t trained = 0;
    for (size_t i = 0; i < n; i++) {
        const char *name = bp_nn_param_name(nn, i);
        nn->groups[i] = group_of(name, s);
        frozen += nn->groups[i].frozen;
        bool own = !nn->trained || bp__pattern_matches(nn->trained, name);
        trained += own;
        nn->groups[i].frozen |= !own;
    }
    if (n && !trained)
        bp__nn_fail(nn, BP_ENOTFOUND, "the step trains \"%.80s\", and no "
                    "parameter that it reads has such a name (the first is "
                    "\"%.80s\")", nn->trained, bp_nn_param_name(nn, 0));
    else if (frozen && frozen == n)
        bp__nn_fail(nn, BP_EARG, "all %zu parameters are frozen", n);
    return bp__nn_ok(nn);
}

void bp__optimizer_check_groups(bp_nn *nn, const char *optimizer)
{
    if (!bp__nn_ok(nn) || !optimizer)
        return;
    const bp__spec *s = bp__nn_parse(nn, BP_NN_OPTIMIZERS, optimizer);
    if (s)
        bp__optim_groups(nn, s);
}

bool bp__optim_next(const bp_nn *nn, size_t *i)
{
    size_t n = bp_nn_param_count(nn);
    while (*i < n && nn->groups[*i].frozen)
        ++*i;
    return *i < n && bp__ok(nn->g);
}
