/* Formulas: places, text, MathML; and those of every row of the tables. */
#include "t.h"

#include "explain/math.h"
#include "nn/nn.h"

static void check_expand(const char *f, const char *want)
{
    static const char *const from[] = {"1", "3"}, *const has[] = {"bias"};
    bp__math_place at = {.layer = "4", .from = from, .n_from = 2,
                         .has = has, .n_has = 1};
    bp__str out;
    bp__str_init(&out, NULL);
    T_CHECKF(bp__math_expand(&out, f, &at), "%s", f);
    T_CHECKF(out.s && !strcmp(out.s, want), "%s gives %s, not %s", f, out.s,
             want);
    bp__str_free(&out);
}

static void check_text(const char *f, const char *want)
{
    bp__str out;
    bp__str_init(&out, NULL);
    T_CHECKF(bp__math_text(&out, f), "%s", f);
    T_CHECKF(out.s && !strcmp(out.s, want), "%s gives %s, not %s", f, out.s,
             want);
    bp__str_free(&out);
}

static void check_html(const char *f, const char *want)
{
    bp__str out;
    bp__str_init(&out, NULL);
    T_CHECKF(bp__math_html(&out, f), "%s", f);
    T_CHECKF(out.s && strstr(out.s, want), "%s gives %s, without %s", f,
             out.s, want);
    bp__str_free(&out);
}

static void check_malformed(const char *f)
{
    bp__str a, b;
    bp__str_init(&a, NULL);
    bp__str_init(&b, NULL);
    T_CHECKF(!bp__math_text(&a, f), "text of %s: %s", f, a.s);
    T_CHECKF(!bp__math_html(&b, f), "MathML of %s: %s", f, b.s);
    bp__str_free(&a);
    bp__str_free(&b);
}

/* Opening and closing tags match. */
static void check_nesting(const char *what, const char *s)
{
    char open[64][12];
    int depth = 0;
    bool ok = true;
    for (const char *p = s; ok && (p = strchr(p, '<')); p++) {
        char name[12];
        bool closes = p[1] == '/';
        if (sscanf(p + 1 + closes, "%11[a-z]", name) != 1) {
            ok = false;
        } else if (closes) {
            ok = depth > 0 && !strcmp(open[--depth], name);
        } else if (strchr(p, '>')[-1] != '/') {
            ok = depth < 64;
            strcpy(open[depth++], name);
        }
    }
    T_CHECKF(ok && !depth, "%s: %s", what, s);
}

/* A row's formula can be filled and printed both ways. */
static void check_formula(const char *name, const char *f)
{
    static const char *const from[] = {"1", "2"};
    static const char *const has[] = {"weight", "bias", "mean"};
    bp__math_place at = {.layer = "3", .from = from, .n_from = 2,
                         .has = has, .n_has = 3};
    bp__str full, text, html;
    bp__str_init(&full, NULL);
    bp__str_init(&text, NULL);
    bp__str_init(&html, NULL);
    bool ok = bp__math_expand(&full, f, &at) && full.s &&
              bp__math_text(&text, full.s) && bp__math_html(&html, full.s);
    T_CHECKF(ok, "%s: %s is malformed", name, f);
    T_CHECKF(!full.s || !strpbrk(full.s, "@?"), "%s: %s is not filled", name,
             full.s);
    if (html.s)
        check_nesting(name, html.s);
    bp__str_free(&full);
    bp__str_free(&text);
    bp__str_free(&html);
}

static void check_rows(bp_nn_table table)
{
    size_t n;
    const bp__kinddef *rows = bp__kinds(table, &n);
    for (size_t i = 0; i < n; i++) {
        const bp__kinddef *r = &rows[i];
        bool activation = r->part == BP__PART_ACTIVATION ||
                          r->part == BP__PART_ACTIVATION_ROW;
        const char *math = bp__kind_math(r);
        if (T_CHECKF(math && *math, "%s has no formula", r->name))
            check_formula(r->name, math);
        const char *slope = bp__kind_slope(r);
        if (T_CHECKF(activation == (slope != NULL), "%s: %s", r->name,
                     activation ? "an activation has a slope"
                                : "only activations have a slope") &&
            slope)
            check_formula(r->name, slope);
        if (r->dweight)
            check_formula(r->name, r->dweight);
    }
}

int main(void)
{
    check_expand("x@ = W@ y@-?bias{ + b@}",
                 "x^{(4)} = W^{(4)} y^{(1)} + b^{(4)}");
    check_expand("?weight{W@ }y@-", "y^{(1)}");
    check_expand("x@ = y@&", "x^{(4)} = y^{(1)} + y^{(3)}");
    check_expand("(y@;)", "(y^{(1)}, y^{(3)})");
    check_expand("?bias{b_{k}}", "b_{k}");
    check_expand("?!bias{a}?!weight{c}", "c");
    check_text("frac{∂J}{∂W^{(2)}}", "∂J/∂W(2)");
    check_text("frac{1}{1 + e^{−x}}", "1/(1 + e^(−x))");
    check_text("sqrt{v + ε}", "√(v + ε)");
    check_text("W^{(2)}_{f,c} y_k^2", "W(2)[f,c] y_k²");
    check_text("1_{x^{(1)} > 0}", "1[x(1) > 0]");
    check_html("x^{(2)}_{i}", "<msubsup><mi>x</mi><mrow><mi>i</mi></mrow>");
    check_html("frac{a}{2.5}", "<mfrac><mrow><mi>a</mi></mrow><mrow><mn>2.5"
               "</mn></mrow></mfrac>");
    check_html("a < b", "<mo>&lt;</mo>");
    check_html("a < b", "alttext=\"a &lt; b\"");
    check_html("α ∂x", "<mi>α</mi>");
    check_malformed("frac{a}");
    check_malformed("frac{a}{b");
    check_malformed("x^{2");
    check_malformed("a}");
    check_malformed("x_");
    check_rows(BP_NN_LAYERS);
    check_rows(BP_NN_LOSSES);
    check_rows(BP_NN_OPTIMIZERS);
    return t_end();
}
