/* A task's steps are made once for each mode; programs once for each number of
 * rows, and the least recently used goes when they take too much. */
#include "rig.h"

#include "train/train.h"

static bp_step *prepare(bp__task_steps *k, bp_task_mode mode, int64_t rows)
{
    bp_error err = {0};
    bp_step *p;
    T_OK(bp__task_steps_prepare(k, mode, rows, &p, &err), &err);
    return p;
}

static void test_cache(void)
{
    bp_task task = rig_task();
    bp_runtime *r = NULL;
    bp_error err = {0};
    bp_store *s = bp_store_new(NULL);
    bp__task_steps k;
    T_OK(bp_runtime_new(NULL, &r, &err), &err);
    bp__task_steps_init(&k, &bp__malloc_allocator, &task, s, r);
    bp_step *p = prepare(&k, BP_TASK_TRAIN, 16);
    T_CHECK(prepare(&k, BP_TASK_TRAIN, 16) == p && bp_step_programs(p) == 1);
    T_CHECK(prepare(&k, BP_TASK_TRAIN, 7) == p && bp_step_programs(p) == 2);
    size_t vars = bp_store_count(s);
    const bp_program *seven = bp_step_program(p);
    prepare(&k, BP_TASK_TRAIN, 16);
    T_CHECK(bp_step_program(p) != seven && bp_step_programs(p) == 2);
    T_CHECK(prepare(&k, BP_TASK_EVAL, 16) != p && bp_store_count(s) == vars);
    bp__task_steps_free(&k);
    bp_store_free(s);
    bp_runtime_free(r);
}

static void test_facts(void)
{
    bp_task task = rig_task();
    bp__arena ar;
    bp__tally m[BP_MAX_METRICS];
    int n = 0;
    bp_error err = {0};
    bp__type out;
    bp_nn_io io;
    bp_store *s = bp_store_new(NULL);
    bp__arena_init(&ar, NULL);
    task.metrics = "accuracy, top_k(2), top_k(1)";
    T_OK(bp__task_tallies(&task, &ar, m, &n, &err), &err);
    T_CHECK(n == 3 && !strcmp(m[0].name, "accuracy") &&
            !strcmp(m[1].name, "top_2") &&
            !strcmp(m[2].output, "metric.top_1"));
    task.metrics = "top_k(2), accuracy, top_k(2)";
    T_CHECK(bp__task_tallies(&task, &ar, m, &n, &err) == BP_EEXIST);
    T_CHECK(bp__task_inputs(&task) == 1);
    bp__task_input(&task, 0, &io);
    T_CHECK(!strcmp(io.name, "x") && io.rank == 1 && io.dims[0] == 2);
    T_CHECK(!strcmp(bp__task_target_name(&task), "target"));
    T_OK(bp__task_output(&task, s, &bp__malloc_allocator, &out, &err), &err);
    T_CHECK(out.rank == 2 && out.dims[0] == 1 && out.dims[1] == RIG_CLASSES);
    task.metrics = "acuracy";
    T_CHECK(bp__task_tallies(&task, &ar, m, &n, &err) == BP_ENOTFOUND);
    bp__arena_free(&ar);
    bp_store_free(s);
}

int main(void)
{
    test_cache();
    test_facts();
    return t_end();
}
