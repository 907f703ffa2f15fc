/* Loss, metrics and confusion of a run on data with targets. */
#include "predict/predict.h"

bp_status bp_predictor_evaluate(bp_predictor *p, bp_data *d, const char *name,
                                const bp_evaluation **e, bp_error *err)
{
    *e = NULL;
    name = name ? name : "data";
    if (!d)
        return bp__error(err, BP_EARG, "bp_predictor_evaluate needs data");
    if (bp_data_target_kind(d) == BP_TARGET_NONE)
        return bp__error(err, BP_EARG, "%s: samples without targets cannot be "
                         "evaluated", name);
    return bp__machine_evaluate(p, d, name, e, err);
}

static bp_status open_split(bp__config *view, bp_split split, const char *dir,
                            bp_data **d, bp_error *err)
{
    bp_data *all[BP__N_SPLITS] = {NULL};
    if (!bp_config_has_split(view, split))
        return bp__error(err, BP_ENOTFOUND, "'%s' names no data.%s", view->run,
                         bp_split_name(split));
    /* Its data alone: the model, which is shared, knows all that it learned. */
    bp_status st = bp__source_open(&view->source, dir, 1u << split, all, err);
    *d = all[split];
    return st;
}

bp_status bp_predictor_evaluate_split(bp_predictor *p, bp_split split,
                                      const char *dir,
                                      const bp_evaluation **e, bp_error *err)
{
    bp__config view;
    bp_data *d = NULL;
    *e = NULL;
    bp_status st = bp__predict_view(p, &view, err);
    if (st)
        return st;
    st = open_split(&view, split, dir, &d, err);
    if (!st)
        st = bp_predictor_evaluate(p, d, bp_split_name(split), e, err);
    bp_data_free(d);
    bp__arena_free(&view.arena);
    return st;
}

bp_status bp_predictor_evaluate_files(bp_predictor *p, const char *const *path,
                                      size_t n, const bp_evaluation **e,
                                      bp_error *err)
{
    bp__config view;
    bp_data *d = NULL;
    *e = NULL;
    bp_status st = bp__predict_view(p, &view, err);
    if (st)
        return st;
    st = bp__source_labeled(&view.source, path, n, &d, err);
    if (!st)
        st = bp_predictor_evaluate(p, d, path[0], e, err);
    bp_data_free(d);
    bp__arena_free(&view.arena);
    return st;
}

bp_status bp_evaluation_stuck(const bp_evaluation *e, char *text, size_t bytes)
{
    bp__str s;
    if (!bytes)
        return BP_EARG;
    bp__str_init(&s, NULL);
    bp__stuck_classes(e, &s);
    bp_status st = s.failed ? BP_ENOMEM : BP_OK;
    bp__snprintf(text, bytes, "%s", s.len && !st ? s.s : "");
    bp__str_free(&s);
    return st;
}
