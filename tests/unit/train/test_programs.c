/* Programs are made once for each mode and number of rows, and the least
 * recently used goes when they take too much. */
#include "rig.h"

#include "train/train.h"

static void test_cache(void)
{
    bp_task task = rig_task();
    bp_runtime *r = NULL;
    bp_error err = {0};
    bp_store *s = bp_store_new(NULL);
    bp__programs p;
    bp_program *a, *b;
    T_OK(bp_runtime_new(NULL, &r, &err), &err);
    bp__programs_init(&p, &bp__malloc_allocator, &task, s, r);
    T_OK(bp__programs_get(&p, BP_TASK_TRAIN, 16, &a, &err), &err);
    T_OK(bp__programs_get(&p, BP_TASK_TRAIN, 16, &b, &err), &err);
    T_CHECK(a == b && p.n == 1);
    T_OK(bp__programs_get(&p, BP_TASK_TRAIN, 7, &b, &err), &err);
    T_OK(bp__programs_get(&p, BP_TASK_EVAL, 16, &b, &err), &err);
    T_CHECK(p.n == 3);
    size_t vars = bp_store_count(s);
    T_OK(bp__programs_get(&p, BP_TASK_TRAIN, 16, &b, &err), &err);
    T_CHECK(b == a && bp_store_count(s) == vars);
    p.max_bytes = 0; /* whatever comes, only it stays */
    T_OK(bp__programs_get(&p, BP_TASK_TRAIN, 9, &b, &err), &err);
    T_CHECK(p.n == 1 && p.list[0].rows == 9);
    p.max_bytes = p.list[0].bytes * 5 / 2;
    T_OK(bp__programs_get(&p, BP_TASK_TRAIN, 10, &b, &err), &err);
    T_OK(bp__programs_get(&p, BP_TASK_TRAIN, 9, &b, &err), &err);
    T_OK(bp__programs_get(&p, BP_TASK_TRAIN, 11, &b, &err), &err);
    T_CHECK(p.n == 2); /* 10 was used least recently */
    T_CHECK(p.list[0].rows != 10 && p.list[1].rows != 10);
    bp__programs_free(&p);
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
