/* The YAML tree: places, every kind of syntax problem with its exact line and
 * column, printing that reads back, overrides. */
#include "t.h"

#include "config/yaml.h"

typedef struct yaml_case {
    const char *text, *problems;
} yaml_case;

static const yaml_case bad[] = {
    {"", "m.yaml:1:1: the file is empty"},
    {"# only a comment\n", "m.yaml:1:1: the file is empty"},
    {"a: 1\nb: 2\na: 3\n",
     "m.yaml:3:1: key 'a' stands twice; first in line 1"},
    {"a: {b: 1, c: 2, b: 3}\n",
     "m.yaml:1:17: key 'b' stands twice; first in line 1"},
    {"a: 1\na: 2\nb: 3\na: {a: 1, a: 2}\n",
     "m.yaml:2:1: key 'a' stands twice; first in line 1\n"
     "m.yaml:4:1: key 'a' stands twice; first in line 1\n"
     "m.yaml:4:11: key 'a' stands twice; first in line 4"},
    {"b: 1\na: 1\nc: {x: 1, y: *q, x: 2}\n",
     "m.yaml:3:14: no anchor '&q' before this alias\n"
     "m.yaml:3:18: key 'x' stands twice; first in line 3"},
    {"a: *x\n", "m.yaml:1:4: no anchor '&x' before this alias"},
    {"a: &x\n  b: *x\n", "m.yaml:2:6: an alias inside its own anchor"},
    {"? [1, 2]\n: 3\n",
     "m.yaml:1:3: a key must be a word, not a list or a map"},
    {"a: 1\n---\nb: 2\n",
     "m.yaml:2:1: a second document; a model file has one"},
    {"a: \"\\0\"\n", "m.yaml:1:4: a NUL character in a value"},
};

static bp__ynode *parse(bp__arena *ar, bp__diags *d, const char *text)
{
    bp__arena_init(ar, NULL);
    bp__diags_init(d, ar);
    return bp__yaml_parse(d, "m.yaml", text, strlen(text));
}

static void expect_problems(bp__diags *d, const char *text, const char *want)
{
    bp__str s;
    bp__str_init(&s, NULL);
    bp__diags_print(d, &s);
    const char *got = s.s ? s.s : "";
    T_CHECKF(!strcmp(got, want), "%s\n  got:  %s\n  want: %s", text, got,
             want);
    bp__str_free(&s);
}

/* As many keys as would not be done today if each were compared with each,
 * in an order that is kept; one of them stands twice. */
static void test_many_keys(void)
{
    enum { N = 200000 };
    bp__str s;
    bp__arena ar;
    bp__diags d;
    bp__str_init(&s, NULL);
    for (int i = 0; i < N; i++)
        bp__str_printf(&s, "some key that is long %d: %d\n",
                       (int)((int64_t)i * 7919 % N), i);
    bp__str_printf(&s, "some key that is long 7: x\n");
    T_REQUIRE(!s.failed);
    bp__ynode *map = parse(&ar, &d, s.s);
    T_REQUIRE(map != NULL);
    T_CHECK(d.n == 1 && d.list[0].at.line == N + 1);
    size_t at = 0, right = 0;
    for (bp__ynode *c = map->child; c; c = c->next, at++)
        right += (size_t)atoi(c->text) == at && c->key_at.line == (int)at + 1;
    T_CHECK(at == N && right == N && map->n == N);
    bp__str_free(&s);
    bp__arena_free(&ar);
}

static void test_problems(void)
{
    bp__arena ar;
    bp__diags d;
    for (size_t i = 0; i < BP__ARRAY_LEN(bad); i++) {
        parse(&ar, &d, bad[i].text);
        expect_problems(&d, bad[i].text, bad[i].problems);
        bp__arena_free(&ar);
    }
    /* libyaml's own words may change; the place may not. */
    T_CHECK(!parse(&ar, &d, "a: [1, 2\nb: 3\n"));
    T_CHECK(d.n == 1 && d.list[0].at.line == 2);
    bp__arena_free(&ar);
    T_CHECK(!parse(&ar, &d, "a:\n\t- b\n"));
    T_CHECK(d.n == 1 && d.list[0].at.line == 2 && d.list[0].at.column == 1);
    T_CHECK(strstr(d.list[0].message, "tab"));
    bp__arena_free(&ar);
    T_CHECK(!parse(&ar, &d, "a: \xff\xfe\n"));
    T_CHECK(d.n == 1 && strstr(d.list[0].message, "UTF-8"));
    bp__arena_free(&ar);
}

static void test_limits(void)
{
    static char deep[401];
    bp__arena ar;
    bp__diags d;
    memset(deep, '[', 200);
    memset(deep + 200, ']', 200);
    T_CHECK(!parse(&ar, &d, deep));
    T_CHECK(d.n == 1 && strstr(d.list[0].message, "too deep"));
    bp__arena_free(&ar);
    /* Ten levels of ten aliases each would be 10^10 values. */
    bp__str s;
    bp__str_init(&s, NULL);
    bp__str_printf(&s, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 11; i++) {
        bp__str_printf(&s, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++)
            bp__str_printf(&s, "%s*a%d", k ? ", " : "", i - 1);
        bp__str_printf(&s, "]\n");
    }
    T_CHECK(!parse(&ar, &d, s.s));
    T_CHECK(d.n == 1 && strstr(d.list[0].message, "values by aliases"));
    bp__arena_free(&ar);
    bp__str_free(&s);
    /* What is written out is as long as it is. */
    bp__str_init(&s, NULL);
    bp__str_printf(&s, "a: [x");
    for (int i = 1; i < 300000; i++)
        bp__str_add(&s, ",x", 2);
    bp__str_printf(&s, "]\n");
    bp__ynode *n = parse(&ar, &d, s.s);
    T_CHECK(n && d.n == 0 && bp__yaml_get(n, "a")->n == 300000);
    bp__ynode *copy = n ? bp__yaml_copy(&ar, n) : NULL;
    T_CHECK(copy && bp__yaml_get(copy, "a")->n == 300000);
    bp__arena_free(&ar);
    bp__str_free(&s);
}

static void test_places(void)
{
    bp__arena ar;
    bp__diags d;
    bp__ynode *n = parse(&ar, &d, "a: 1\nlist:\n  - x\n  - {k: v, w: \"2\"}\n");
    T_REQUIRE(n && d.n == 0);
    bp__ynode *list = bp__yaml_get(n, "list");
    T_REQUIRE(list && list->n == 2 && list->kind == BP__Y_LIST);
    T_CHECK(list->key_at.line == 2 && list->key_at.column == 1);
    T_CHECK(list->child->at.line == 3 && list->child->at.column == 5);
    bp__ynode *w = bp__yaml_get(list->last, "w");
    T_REQUIRE(w);
    T_CHECK(w->key_at.line == 4 && w->key_at.column == 12);
    T_CHECK(w->at.column == 15 && !w->plain && !strcmp(w->text, "2"));
    bp__arena_free(&ar);
}

static bool same(const bp__ynode *a, const bp__ynode *b)
{
    if (a->kind != b->kind || a->n != b->n ||
        bp__yaml_is_null(a) != bp__yaml_is_null(b))
        return false;
    if (!bp__yaml_is_null(a) && strcmp(a->text, b->text))
        return false;
    const bp__ynode *q = b->child;
    for (const bp__ynode *p = a->child; p; p = p->next, q = q->next)
        if (!p->key != !q->key || (p->key && strcmp(p->key, q->key)) ||
            !same(p, q))
            return false;
    return true;
}

static void test_print(void)
{
    static const char *const texts[] = {
        "a: 1\nb: [1, 2, 3]\nc: {d: e}\n",
        "l:\n  - relu\n  - conv2d: {filters: 3, kernel: [3, 5]}\n  - flatten\n",
        "q: \"a: b # c\"\nn: ~\ne: \"\"\nz: \"12\"\nt: \"tru\\te\\\"\\\\\"\n",
        "deep: {a: [{b: [1, {c: {d: [[], {}]}}]}, 2]}\n",
        ("m: {x: /some/path/of/a/file.gz, y: ./another/path/of/a/file, "
         "z: one/more/path/of/a/file}\n"),
        "- [a, b]\n- - c\n  - d\n- k: 1\n  l: [2]\n",
        "s: \"\xc3\xbc\"\n\"strange key\": -\"x\"\n",
        ("e: [\"a\\x85b\", \"\\x80\\x9f\", \"\\u2028\\u2029\", \"\\ufeffz\", "
         "\"\\ufffe\\uffff\", \"\\x7f\\x01\", \"\\U0010ffff\", \"\\xa0\"]\n"),
        "\"k\\x85\\uffff\": \"\\\"\\\\\\r\"\n",
    };
    for (size_t i = 0; i < BP__ARRAY_LEN(texts); i++) {
        bp__arena ar, br;
        bp__diags d, e;
        bp__str s;
        bp__str_init(&s, NULL);
        bp__ynode *n = parse(&ar, &d, texts[i]);
        T_REQUIRE(n);
        bp__yaml_print(n, &s);
        bp__ynode *m = parse(&br, &e, s.s);
        T_CHECKF(m && same(n, m), "%s printed as\n%s", texts[i], s.s);
        bp__arena_free(&ar);
        bp__arena_free(&br);
        bp__str_free(&s);
    }
}

static void check_override(const char *text, const char *option,
                           const char *want, const char *problems)
{
    bp__arena ar;
    bp__diags d;
    bp__str s;
    bp__str_init(&s, NULL);
    bp__ynode *n = parse(&ar, &d, text);
    T_REQUIRE(n);
    bp__yaml_override(&d, n, option);
    bp__yaml_print(n, &s);
    if (want)
        T_CHECKF(!strcmp(s.s, want), "%s:\n got  %s want %s", option, s.s,
                 want);
    expect_problems(&d, option, problems);
    bp__str_free(&s);
    bp__arena_free(&ar);
}

static void test_override(void)
{
    check_override("train: {batch: 1}\n", "train.batch=32",
                   "train: {batch: 32}\n", "");
    check_override("train: {batch: 1}\n", "train.seed=7",
                   "train:\n  batch: 1\n  seed: 7\n", "");
    check_override("a: 1\n", "b.c.d=[1, 2]", "a: 1\nb: {c: {d: [1, 2]}}\n",
                   "");
    check_override("l: [relu, dense: 10]\n", "l.0=tanh",
                   "l: [tanh, {dense: 10}]\n", "");
    check_override("l: [relu, dense: 10]\n", "l.1.dense.bias=false",
                   "l: [relu, {dense: {\"\": 10, bias: false}}]\n", "");
    check_override("o: adam\n", "o.adam.lr=0.1", "o: {adam: {lr: 0.1}}\n", "");
    check_override("a: 1\n", "a=", "a: null\n", "");
    check_override("l: [relu]\n", "l.3=x", NULL,
                   "--set l.3: '3' is not a position in a list of 1 (0 to 0)");
    check_override("a: 1\n", "a", NULL,
                   "--set a: expected key.path=value, such as train.epochs=3");
    check_override("a: 1\n", "=3", NULL,
                   "--set : expected key.path=value, such as train.epochs=3");
    check_override("a: 1\n", "a..b=3", NULL,
                   "--set a..b: an empty step in the path");
}

static void test_nearest(void)
{
    static const char *const names[] = {"conv2d", "dense", "max_pool2d",
                                        "relu"};
    T_CHECK(!strcmp(bp__nearest("conv2", names, 4), "conv2d"));
    T_CHECK(!strcmp(bp__nearest("danse", names, 4), "dense"));
    T_CHECK(!strcmp(bp__nearest("maxpool", names, 4), "max_pool2d"));
    T_CHECK(!strcmp(bp__nearest("rleu", names, 4), "relu"));
    T_CHECK(!bp__nearest("transformer", names, 4));
    T_CHECK(!bp__nearest("x", names, 0));
}

int main(void)
{
    test_problems();
    test_many_keys();
    test_limits();
    test_places();
    test_print();
    test_override();
    test_nearest();
    return t_end();
}
