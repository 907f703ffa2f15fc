/* The table of messages: complete in every language, with the same places and
 * formulas in each. */
#include "t.h"

#include "base/base.h"
#include "explain/math.h"
#include "explain/messages.h"

/* How often place {k} stands in the text. */
static int places(const char *s, int k)
{
    int n = 0;
    for (; *s; s++)
        n += s[0] == '{' && s[1] == '0' + k && s[2] == '}';
    return n;
}

static bool is_chinese(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s >= 0xE3 && (unsigned char)*s <= 0xE9)
            return true;
    return false;
}

/* Words that are the same in both: "J", "[20,10]". */
static bool has_words(const char *s)
{
    int run = 0;
    bool formula = false;
    for (; *s; s++) {
        formula ^= *s == '$';
        run = !formula && ((*s >= 'a' && *s <= 'z') ||
                           (*s >= 'A' && *s <= 'Z')) ? run + 1 : 0;
        if (run > 3)
            return true;
    }
    return false;
}

/* Every formula between $, with its places filled, in the other text too; and
 * it can be printed. */
static void check_formulas(const char *key, const char *s, const char *other)
{
    int dollars = 0;
    for (const char *p = s; *p; p++)
        dollars += *p == '$';
    T_CHECKF(dollars % 2 == 0, "%s: %d $", key, dollars);
    for (const char *p = s; (p = strchr(p, '$')) && dollars % 2 == 0;) {
        const char *end = strchr(p + 1, '$');
        char formula[200], filled[400];
        bp__str out;
        snprintf(formula, sizeof formula, "%.*s", (int)(end + 1 - p), p);
        T_CHECKF(strstr(other, formula) != NULL, "%s: %s stands in one text "
                 "only", key, formula);
        size_t n = 0;
        for (const char *q = p + 1; q < end; q++) {
            bool place = q[0] == '{' && q[1] >= '0' && q[1] <= '9' &&
                         q[2] == '}';
            filled[n++] = place ? 'x' : *q;
            q += place ? 2 : 0;
        }
        filled[n] = 0;
        bp__str_init(&out, NULL);
        T_CHECKF(bp__math_text(&out, filled) && bp__math_html(&out, filled),
                 "%s: $%s$ is malformed", key, filled);
        bp__str_free(&out);
        p = end + 1;
    }
}

static void check_message(bp__message m)
{
    const char *en = bp__message_text(m, BP_ENGLISH);
    const char *zh = bp__message_text(m, BP_CHINESE);
    const char *key = bp__message_key(m);
    if (!T_CHECKF(key && en && zh && *en && *zh, "message %d is not complete",
                  (int)m))
        return;
    if (strcmp(key, "PAGE_LANGUAGE")) { /* names the other language */
        T_CHECKF(!is_chinese(en), "%s: Chinese in the English text", key);
        T_CHECKF(is_chinese(zh) || !has_words(en),
                 "%s: no Chinese text: %s", key, zh);
    }
    T_CHECKF(strlen(en) < 800 && strlen(zh) < 800, "%s is long", key);
    for (int k = 0; k < 10; k++)
        T_CHECKF((places(en, k) > 0) == (places(zh, k) > 0),
                 "%s: place {%d} stands in one text only", key, k);
    check_formulas(key, en, zh);
    check_formulas(key, zh, en);
}

int main(void)
{
    T_CHECK(BP__N_MESSAGES > 50);
    for (int m = 0; m < BP__N_MESSAGES; m++)
        check_message((bp__message)m);
    T_CHECK(!bp__message_text(BP__N_MESSAGES, BP_ENGLISH));
    T_CHECK(!bp__message_text(BP__MSG_TITLE, (bp_language)BP_N_LANGUAGES));
    T_CHECK(!strcmp(bp_language_name(BP_ENGLISH), "en"));
    T_CHECK(!strcmp(bp_language_name(BP_CHINESE), "zh"));
    T_CHECK(!bp_language_name((bp_language)BP_N_LANGUAGES));
    return t_end();
}
