/* Records: exact numbers both ways, and nothing else but the time differs. */
#include "t.h"

#include "train/train.h"

#include <math.h>

static const bp__log_record full = {
    .step = 123, .epoch = 4, .split = "train", .whole_epoch = true,
    .samples = 50000, .loss = 0.1, .n_metrics = 2,
    .metric_name = {"accuracy", "mean_squared_error"},
    .metric = {1.0 / 3, 5e-324}, .has_step_facts = true, .lr = 0.002,
    .grad_norm = 0.1f, .seconds = 1.239, .note = "stuck: \"7\"",
};

static void test_text(void)
{
    bp__str s;
    bp__str_init(&s, NULL);
    bp__log_format(&full, &s);
    T_CHECKF(!strcmp(s.s,
                     "{\"step\":123,\"epoch\":4,\"split\":\"train\","
                     "\"whole_epoch\":true,\"samples\":50000,\"loss\":0.1,"
                     "\"accuracy\":0.3333333333333333,"
                     "\"mean_squared_error\":5e-324,\"lr\":0.002,"
                     "\"grad_norm\":0.1,\"note\":\"stuck: \\\"7\\\"\","
                     "\"seconds\":1.23}\n"),
             "%s", s.s);
    bp__str_free(&s);
}

static void test_reading(void)
{
    bp__arena ar;
    bp__str s;
    bp__log_record r;
    bp_error err = {0};
    bp__arena_init(&ar, NULL);
    bp__str_init(&s, NULL);
    bp__log_format(&full, &s);
    T_OK(bp__log_parse(&ar, s.s, s.len - 1, "log", &r, &err), &err);
    T_CHECK(r.step == 123 && r.epoch == 4 && r.samples == 50000);
    T_CHECK(r.whole_epoch && !strcmp(r.split, "train"));
    T_CHECK(r.loss == 0.1 && r.n_metrics == 2);
    T_CHECK(r.metric[0] == 1.0 / 3 && r.metric[1] == 5e-324);
    T_CHECK(r.has_step_facts && r.lr == 0.002 && r.grad_norm == 0.1);
    T_CHECK(!strcmp(r.note, "stuck: \"7\""));
    T_CHECK(bp__log_parse(&ar, "[]", 2, "log", &r, &err) == BP_EFORMAT);
    T_CHECK(bp__log_parse(&ar, "{}", 2, "log", &r, NULL) == BP_EFORMAT);
    T_CHECK(bp__log_parse(&ar, "{\"a", 3, "log", &r, NULL) == BP_EFORMAT);
    /* What is not defined keeps its place. */
    bp__log_record none = full;
    none.metric[0] = (double)NAN;
    s.len = 0;
    bp__log_format(&none, &s);
    T_CHECK(strstr(s.s, "\"accuracy\":null"));
    T_OK(bp__log_parse(&ar, s.s, s.len - 1, "log", &r, &err), &err);
    T_CHECK(r.n_metrics == 2 && r.metric[0] != r.metric[0] &&
            r.metric[1] == 5e-324);
    bp__str_free(&s);
    bp__arena_free(&ar);
}

int main(void)
{
    test_text();
    test_reading();
    return t_end();
}
