/* JSON: strict reading with places in messages, exact writing, faults. */
#include "fmt/json.h"
#include "t.h"

static const bp__json *parse(bp__arena *ar, const char *text, bp_error *err)
{
    return bp__json_parse(ar, text, strlen(text), "f", err);
}

static void reads_values(void)
{
    bp__arena ar;
    bp_error err = {0};
    bp__arena_init(&ar, NULL);
    const bp__json *v = parse(
        &ar,
        " {\"a\": [1, -2.5e3, true, false, null, \"x\\n\\u00e9\\ud83d\\ude00"
        "\\\\\\/\"], \"b\": {}, \"c\": [], \"\": 9007199254740993}\n",
        &err);
    T_REQUIRE(v);
    T_CHECK(v->type == BP__JSON_OBJECT && v->len == 4);
    const bp__json *a = bp__json_get(v, "a");
    T_REQUIRE(a && a->type == BP__JSON_ARRAY && a->len == 6);
    const bp__json *k = a->child;
    T_CHECK(k->is_integer && k->integer == 1 && k->number == 1);
    k = k->next;
    T_CHECK(!k->is_integer && k->number == -2500);
    k = k->next;
    T_CHECK(k->type == BP__JSON_BOOL && k->boolean);
    k = k->next;
    T_CHECK(k->type == BP__JSON_BOOL && !k->boolean);
    k = k->next;
    T_CHECK(k->type == BP__JSON_NULL);
    k = k->next;
    T_CHECK(!strcmp(k->string, "x\n\xc3\xa9\xf0\x9f\x98\x80\\/"));
    T_CHECK(k->len == strlen(k->string) && k->next == NULL);
    T_CHECK(bp__json_get(v, "b")->len == 0 && bp__json_get(v, "c")->len == 0);
    k = bp__json_get(v, "");
    T_CHECK(k && k->is_integer && k->integer == 9007199254740993);
    T_CHECK(bp__json_get(v, "d") == NULL && bp__json_get(k, "d") == NULL &&
            bp__json_get(NULL, "d") == NULL);
    v = parse(&ar, "99999999999999999999", &err);
    T_CHECK(v && !v->is_integer && v->number == 1e20);
    v = parse(&ar, "-0", &err);
    T_CHECK(v && v->is_integer && v->integer == 0 && signbit(v->number));
    bp__arena_free(&ar);
}

static void refuses(void)
{
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"", "f:1:1: the text ends"},
        {"  ", "f:1:3: the text ends"},
        {"[1,]", "f:1:4: a value was expected"},
        {"[1 2]", "f:1:4: ',' or ']' was expected"},
        {"{\"a\" 1}", "f:1:6: ':' was expected"},
        {"{a: 1}", "f:1:2: a key in double quotes"},
        {"{\"a\": 1,}", "f:1:9: a key in double quotes"},
        {"{\"a\": 1\n, \"a\": 2}", "the key \"a\" stands twice"},
        {"\n[\n nul]", "f:3:2: a value was expected"},
        {"\"abc", "f:1:2: a string does not end"},
        {"\"a\\", "a string does not end"},
        {"\"\\x\"", "unknown escape"},
        {"\"\\u12\"", "four hexadecimal digits"},
        {"\"\\u0000\"", "not all zero"},
        {"\"\\ud800\"", "surrogate"},
        {"\"\\udc00\"", "surrogate"},
        {"\"\\ud800\\u0041\"", "surrogate"},
        {"\"a\tb\"", "control character"},
        {"\"\xff\"", "not UTF-8"},
        {"\"\xc0\x80\"", "not UTF-8"},
        {"\"\xed\xa0\x80\"", "not UTF-8"},
        {"\"\xf5\x80\x80\x80\"", "not UTF-8"},
        {"\"\xe2\x82\"", "not UTF-8"},
        {"01", "starts with 0"},
        {"-", "a value was expected"},
        {"+1", "a value was expected"},
        {"1.", "no digit after the point"},
        {".5", "a value was expected"},
        {"1e", "no digit in the exponent"},
        {"1e+", "no digit in the exponent"},
        {"NaN", "a value was expected"},
        {"1 2", "f:1:3: text after the end"},
        {"[", "f:1:2: the text ends"},
        {"tru", "a value was expected"},
        {"'a'", "a value was expected"},
    };
    for (size_t i = 0; i < BP__ARRAY_LEN(bad); i++) {
        bp__arena ar;
        bp_error err = {0};
        bp__arena_init(&ar, NULL);
        const bp__json *v = parse(&ar, bad[i].text, &err);
        T_CHECKF(!v && err.status == BP_EFORMAT &&
                     strstr(err.message, bad[i].message),
                 "%s: %s", bad[i].text, err.message);
        bp__arena_free(&ar);
    }
    /* Depth: 100 levels are read, 101 refused. */
    char deep[300];
    for (int n = 100; n <= 101; n++) {
        memset(deep, '[', (size_t)n);
        memset(deep + n, ']', (size_t)n);
        deep[2 * n] = '\0';
        bp__arena ar;
        bp_error err = {0};
        bp__arena_init(&ar, NULL);
        T_CHECK((parse(&ar, deep, &err) != NULL) == (n == 100));
        T_CHECK(n == 100 || err.status == BP_ELIMIT);
        bp__arena_free(&ar);
    }
}

/* Every prefix and every single changed byte of a text is read or refused,
 * never more. */
static void mutations(void)
{
    static const char text[] = "{\"a\":[1,-2.5e+3,true,null,\"\\u00e9\\n\xc3"
                               "\xa9\"],\"b\":{\"c\":false}}";
    size_t n = sizeof text - 1;
    for (size_t cut = 0; cut < n; cut++) {
        char *copy = malloc(cut + 1); /* so that a sanitizer sees the end */
        memcpy(copy, text, cut);
        bp__arena ar;
        bp_error err = {0};
        bp__arena_init(&ar, NULL);
        T_CHECK(bp__json_parse(&ar, copy, cut, "f", &err) == NULL);
        bp__arena_free(&ar);
        free(copy);
    }
    for (size_t at = 0; at < n; at++)
        for (int c = 0; c < 256; c++) {
            char *copy = malloc(n);
            memcpy(copy, text, n);
            copy[at] = (char)c;
            bp__arena ar;
            bp_error err = {0};
            bp__arena_init(&ar, NULL);
            const bp__json *v = bp__json_parse(&ar, copy, n, "f", &err);
            T_CHECK((v != NULL) == (err.status == BP_OK));
            bp__arena_free(&ar);
            free(copy);
        }
}

static void write_sample(bp__str *s)
{
    bp__json_writer w;
    bp__jw_init(&w, s);
    bp__jw_object(&w, NULL);
    bp__jw_int(&w, "i", INT64_MIN);
    bp__jw_double(&w, "d", 0.1);
    bp__jw_float(&w, "f", 0.1f);
    bp__jw_double(&w, "n", (double)NAN);
    bp__jw_array(&w, "a");
    bp__jw_string(&w, NULL, "q\"\\\n\t\x01\xc3\xa9\xff");
    bp__jw_bool(&w, NULL, true);
    bp__jw_null(&w, NULL);
    bp__jw_object(&w, NULL);
    bp__jw_end_object(&w);
    bp__jw_end_array(&w);
    bp__jw_bool(&w, "z", false);
    bp__jw_end_object(&w);
}

static void writes(void)
{
    static const char want[] =
        "{\"i\":-9223372036854775808,\"d\":0.1,\"f\":0.1,\"n\":null,\"a\":["
        "\"q\\\"\\\\\\n\\t\\u0001\xc3\xa9\xef\xbf\xbd\",true,null,{}],\"z\":"
        "false}";
    bp__str s;
    bp__str_init(&s, NULL);
    write_sample(&s);
    T_CHECKF(strcmp(s.s, want) == 0, "%s", s.s);
    bp__arena ar;
    bp_error err = {0};
    bp__arena_init(&ar, NULL);
    const bp__json *v = parse(&ar, s.s, &err);
    T_CHECKF(v != NULL, "%s", err.message);
    T_CHECK(bp__json_get(v, "i")->integer == INT64_MIN);
    bp__arena_free(&ar);
    bp__str_free(&s);
}

static void allocations(void)
{
    for (int64_t n = 0;; n++) {
        T_REQUIRE(n < 200);
        t_heap h = {.fail_at = n, .persistent = n % 2 == 1};
        bp_allocator a = t_allocator(&h);
        bp__str s;
        bp__arena ar;
        bp_error err = {0};
        bp__str_init(&s, &a);
        bp__arena_init(&ar, &a);
        write_sample(&s);
        const bp__json *v = NULL;
        if (!s.failed) {
            v = parse(&ar, s.s, &err);
            T_CHECK(v || err.status == BP_ENOMEM);
        }
        T_CHECK((v != NULL) == (h.failed == 0));
        bp__str_free(&s);
        bp__arena_free(&ar);
        T_CHECK(h.live == 0);
        if (!h.failed)
            break;
    }
}

int main(void)
{
    reads_values();
    refuses();
    mutations();
    writes();
    allocations();
    return t_end();
}
