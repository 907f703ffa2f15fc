/* One letter changed in each name that a model file may hold: keys of the
 * schema, names of all kinds, of their values, and words. It is refused, and
 * the right name is among the hints. The names come from the tables. */
#include "t.h"

#include "config/config.h"

static const char file[] =
    "model: {input: 4, layers: [{dense: 2}]}\nloss: mean_squared_error\n"
    "optimizer: {adam: {lr: 0.1}}\n";

static const char *base = file;

static bool has_word(const char *text, const char *word)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    size_t n = strlen(word);
    for (const char *p = text; (p = strstr(p, word)); p++)
        if ((p == text || !strchr(letters, p[-1])) &&
            (!p[n] || !strchr(letters, p[n])))
            return true;
    return false;
}

/* set holds the wrong name; the path of the option is repeated in front of the
 * message, and does not count. */
static void refused(const char *set, const char *wrong, const char *right)
{
    bp__config *c = NULL;
    bp_error err = {0};
    bp_status st = bp__config_parse("f", base, strlen(base), &set, 1, &c, &err);
    const char *text = c && c->problems.s ? c->problems.s : "";
    const char *said = strstr(text, ": ");
    T_CHECKF(st == BP_EFORMAT, "%s is accepted", set);
    T_CHECKF(said && has_word(text, wrong) && has_word(said, right),
             "%s: no hint at %s: %s", set, right, text);
    bp__config_free(c);
}

enum { LONG = 120 };

/* Calls each(user, wrong) for every change of one letter. */
static void each_typo(const char *right, void (*each)(void *, const char *),
                      void *user)
{
    static const char letters[] = "qxzjk";
    char w[LONG];
    size_t n = strlen(right);
    T_REQUIRE(n + 2 < LONG);
    for (size_t i = 0; i <= n; i++) {
        char other = letters[i % 5];
        snprintf(w, sizeof w, "%.*s%c%s", (int)i, right, other, right + i);
        each(user, w);
        if (i == n)
            break;
        snprintf(w, sizeof w, "%s", right);
        w[i] = other == w[i] ? 'v' : other;
        each(user, w);
        if (n > 1) {
            snprintf(w, sizeof w, "%.*s%s", (int)i, right, right + i + 1);
            each(user, w);
        }
        if (i + 1 < n && right[i] != right[i + 1]) {
            snprintf(w, sizeof w, "%s", right);
            w[i] = right[i + 1];
            w[i + 1] = right[i];
            each(user, w);
        }
    }
}

static int tried;

/* A name, those beside it, and the option that holds it in place of %s. */
typedef struct place {
    const char *right, *format;
    bool (*valid)(const struct place *p, const char *word);
    const void *among;
    size_t n;
} place;

static void try_word(void *user, const char *wrong)
{
    const place *p = user;
    char set[400];
    const char *at = strstr(p->format, "%s");
    if (p->valid(p, wrong))
        return;
    tried++;
    /* A word like 1e5 or true would be one of YAML's others; none is. */
    snprintf(set, sizeof set, "%.*s%s%s", (int)(at - p->format), p->format,
             wrong, at + 2);
    refused(set, wrong, p->right);
}

/* ---- the schema ------------------------------------------------------- */

static bool is_key(const place *p, const char *word)
{
    const bp__skey *k;
    for (size_t i = 0; (k = bp__schema_key(p->among, i)); i++)
        if (!strcmp(k->name, word))
            return true;
    return false;
}

static bool is_word(const place *p, const char *word)
{
    const char *const *w = p->among;
    for (size_t i = 0; i < p->n; i++)
        if (!strcmp(w[i], word))
            return true;
    return false;
}

static void check_keys(const bp__skey *map, const char *path)
{
    const bp__skey *k;
    for (size_t i = 0; (k = bp__schema_key(map, i)); i++) {
        char format[3 * LONG], sub[2 * LONG];
        snprintf(format, sizeof format, "%s%s%%s=1", path, *path ? "." : "");
        place p = {k->name, format, is_key, map, 0};
        each_typo(k->name, try_word, &p);
        snprintf(sub, sizeof sub, "%s%s%s", path, *path ? "." : "",
                 k->name);
        snprintf(format, sizeof format, "%s=%%s", sub);
        for (size_t w = 0; w < k->n_words; w++) {
            place q = {k->words[w], format, is_word, k->words,
                       k->n_words};
            /* a map's values are named, too */
            if (k->type == BP__S_WORD || k->type == BP__S_WORD_OR_INT)
                each_typo(k->words[w], try_word, &q);
        }
        check_keys(k, sub);
    }
}

/* ---- kinds ------------------------------------------------------------ */

static bool is_row(const place *p, const char *word)
{
    return bp__kind_find((bp_nn_table)p->n, word) != NULL;
}

static bool is_arg(const place *p, const char *word)
{
    const bp__kinddef *row = p->among;
    for (const bp__argdef *d = row->args; d && d->name; d++)
        if (!strcmp(d->name, word))
            return true;
    return p->n == BP_NN_LAYERS &&
           (!strcmp(word, "name") || !strcmp(word, "from"));
}

static bool is_choice(const place *p, const char *word)
{
    char list[LONG], one[LONG];
    snprintf(list, sizeof list, "|%s|", (const char *)p->among);
    snprintf(one, sizeof one, "|%s|", word);
    return strstr(list, one) != NULL;
}

static void check_choices(const bp__argdef *d, const char *format)
{
    char words[LONG];
    snprintf(words, sizeof words, "%s", d->choices);
    for (char *w = strtok(words, "|"); w; w = strtok(NULL, "|")) {
        place p = {w, format, is_choice, d->choices, 0};
        each_typo(w, try_word, &p);
    }
}

static void check_table(bp_nn_table table, const char *format)
{
    size_t n;
    const bp__kinddef *rows = bp__kinds(table, &n);
    const char *at = strstr(format, "%s");
    T_CHECK(n > 0);
    for (size_t i = 0; i < n; i++) {
        char f[LONG];
        place p = {rows[i].name, format, is_row, NULL, table};
        each_typo(rows[i].name, try_word, &p);
        for (const bp__argdef *d = rows[i].args; d && d->name; d++) {
            snprintf(f, sizeof f, "%.*s{%s: {%%s: 1}}%s", (int)(at - format),
                     format, rows[i].name, at + 2);
            place q = {d->name, f, is_arg, &rows[i], table};
            each_typo(d->name, try_word, &q);
            snprintf(f, sizeof f, "%.*s{%s: {%s: %%s}}%s", (int)(at - format),
                     format, rows[i].name, d->name, at + 2);
            if (d->choices)
                check_choices(d, f);
        }
        if (table == BP_NN_LAYERS) {
            snprintf(f, sizeof f, "model.layers=[{%s: {%%s: x}}]",
                     rows[i].name);
            place q = {"name", f, is_arg, &rows[i], table};
            place r = {"from", f, is_arg, &rows[i], table};
            each_typo("name", try_word, &q);
            each_typo("from", try_word, &r);
        }
    }
}

int main(void)
{
    check_keys(&bp__config_key, "");
    int keys = tried;
    T_CHECKF(keys > 1000, "%d changes of keys", keys);
    check_table(BP_NN_LAYERS, "model.layers=[%s]");
    check_table(BP_NN_INITS, "model.init=%s");
    check_table(BP_NN_LOSSES, "loss=%s");
    check_table(BP_NN_METRICS, "metrics=[%s]");
    check_table(BP_NN_PENALTIES, "penalty=%s");
    check_table(BP_NN_OPTIMIZERS, "optimizer=%s");
    check_table(BP_NN_SCHEDULES, "optimizer={sgd: {schedule: %s}}");
    check_table(BP_NN_GROUPS, "optimizer={sgd: {groups: [%s]}}");
    /* The path of an option goes through the optimizer's name. */
    size_t n;
    const bp__kinddef *rows = bp__kinds(BP_NN_OPTIMIZERS, &n);
    for (size_t i = 0; i < n; i++) {
        place p = {rows[i].name, "optimizer.%s.lr=1", is_row, NULL,
                   BP_NN_OPTIMIZERS};
        each_typo(rows[i].name, try_word, &p);
    }
    T_CHECKF(tried - keys > 5000, "%d changes of kinds", tried - keys);
    printf("%d names, each off by a letter\n", tried);
    return t_end();
}
