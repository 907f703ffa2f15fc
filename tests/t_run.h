/* Runs for tests: a model file as a text, trained into a folder through the
 * public headers alone. */
#ifndef BP_T_RUN_H
#define BP_T_RUN_H

#include "t.h"

#include <bprop/config.h>

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static inline void t_write(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");
    T_REQUIRE(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

/* A folder of its own for the files of a test, entered. */
static inline void t_enter(const char *name)
{
    char folder[200];
    snprintf(folder, sizeof folder, "t-%s", name);
    T_REQUIRE(mkdir(folder, 0777) == 0 || errno == EEXIST);
    T_REQUIRE(chdir(folder) == 0);
}

/* The evaluation of the test part by the trainer goes to *e; NULL: it is not
 * wanted. */
static inline void t_train(const char *text, const char *folder,
                           bp_evaluation *e)
{
    bp_error err = {0};
    bp_config *c = NULL;
    bp_data *d[BP_N_SPLITS] = {NULL};
    bp_trainer *t = NULL;
    const bp_evaluation *result = NULL;
    T_OK(bp_config_parse("m.yaml", text, strlen(text), NULL, &c, &err), &err);
    T_OK(bp_config_open_data(c, NULL, BP_SPLITS_ALL, d, &err), &err);
    T_OK(bp_config_check(c, &err), &err);
    bp_trainer_options o = *bp_config_trainer(c);
    o.train = d[BP_SPLIT_TRAIN];
    o.valid = d[BP_SPLIT_VALID];
    o.run_dir = folder;
    o.replace = true;
    T_OK(bp_trainer_new(bp_config_task(c), &o, &t, &err), &err);
    T_OK(bp_config_save(c, t, folder, NULL, &err), &err);
    T_OK(bp_trainer_run(t, &err), &err);
    if (e) {
        T_OK(bp_trainer_evaluate(t, d[BP_SPLIT_TEST], true, &result, &err),
             &err);
        *e = *result;
    }
    bp_trainer_free(t);
    for (int s = 0; s < BP_N_SPLITS; s++)
        bp_data_free(d[s]);
    bp_config_free(c);
}

#endif
