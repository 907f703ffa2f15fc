/* Shapes: elementwise ops of every rank from 0 to 5, with sizes 0 and 1 and
 * broadcasting on each side, element by element against the same kernel on
 * scalars; and bad operands of every op, which must be refused with a code
 * that fits and a message that shows them. */
#include "op/eval.h"
#include "op/kernel.h"
#include "t.h"

/* ---- elementwise ops -------------------------------------------------- */

/* Sizes of up to five axes; operand i has those of its mask's set bits whole,
 * size 1 at the others, and lacks its first `drop` axes. */
static const int64_t shapes[][5] = {
    {2, 3, 2, 2, 3}, {1, 1, 1, 1, 1}, {3, 1, 2, 1, 2}, {2, 0, 3, 1, 2}};
static const struct {
    unsigned mask[3];
    int drop[3];
} patterns[] = {
    {{31, 31, 31}, {0, 0, 0}}, {{31, 0, 31}, {0, 0, 0}},
    {{0, 31, 31}, {0, 0, 0}},  {{5, 31, 10}, {0, 0, 0}},
    {{10, 21, 0}, {0, 0, 0}},  {{31, 31, 31}, {0, 2, 1}},
    {{31, 31, 31}, {3, 0, 5}}, {{21, 10, 31}, {1, 1, 0}},
};

static bp__type operand_type(int dtype, int rank, const int64_t *dims,
                             unsigned mask, int drop)
{
    bp__type t = {.dtype = (uint8_t)dtype};
    for (int k = drop; k < rank; k++)
        t.dims[t.rank++] = mask >> k & 1 || dims[k] == 1 ? dims[k] : 1;
    return t;
}

/* Offset into an operand of the element that output index `at` reads. */
static int64_t operand_offset(const bp__type *in, const bp__type *out,
                              const int64_t *at)
{
    int64_t off = 0;
    for (int k = 0; k < in->rank; k++) {
        int64_t i = at[k + out->rank - in->rank];
        off = off * in->dims[k] + (in->dims[k] == 1 ? 0 : i);
    }
    return off;
}

static bp__tensor one_of(const bp__tensor *t, int64_t i)
{
    bp__tensor s = {.type = {.dtype = t->type.dtype}};
    s.data = (char *)t->data +
             (size_t)i * bp_dtype_bytes((bp_dtype)t->type.dtype);
    return s;
}

static void check_elements(kernel_call *k, const char *text)
{
    const bp__type *out = &k->out[0].type;
    int64_t n = bp__numel(out), at[BP_MAX_RANK] = {0};
    bool same = true;
    for (int64_t e = 0; e < n && same; e++) {
        double y = 0;
        bp__tensor in[CASE_MAX_IN], to = {.type = {.dtype = out->dtype}};
        to.data = &y;
        for (int i = 0; i < k->n_in; i++)
            in[i] = one_of(&k->in[i],
                           operand_offset(&k->in[i].type, out, at));
        eval_kernel(k->d.def, k->d.c->attrs, k->n_in, in, 1, &to, 0, NULL);
        bp__tensor have = one_of(&k->out[0], e);
        same = kernel_same(&have, &y);
        for (int a = out->rank - 1; a >= 0 && ++at[a] == out->dims[a]; a--)
            at[a] = 0;
    }
    T_CHECKF(same, "%s: differs from the op on scalars", text);
}

static void check_shape_of(bp__op op, int c, bp_dtype f, int rank,
                           const int64_t *dims, size_t pattern)
{
    case_data d;
    kernel_call k;
    char text[500], t[200];
    uint64_t seed = 11;
    bp__type want = {0};
    case_draw(&d, op, c, f, 13);
    size_t len = (size_t)snprintf(text, sizeof text, "%s of", d.def->name);
    for (int i = 0; i < d.c->n_in; i++) {
        bp__type ti = operand_type(d.type[i].dtype, rank, dims,
                                   patterns[pattern].mask[i],
                                   BP__MIN(patterns[pattern].drop[i], rank));
        bp__tin in = d.c->in[i];
        in.distinct = false;
        free(d.in[i]);
        d.in[i] = malloc(bp__type_bytes(&ti) + 1);
        T_REQUIRE(d.in[i] != NULL);
        case_fill(&in, &ti, &seed, d.in[i]);
        d.type[i] = ti;
        T_CHECK(bp__broadcast_dims(&want, &ti, &want));
        len += (size_t)snprintf(text + len, sizeof text - len, " %s",
                                bp__type_text(&ti, t));
    }
    bp__case plain = *d.c;
    plain.varying = false;
    d.c = &plain;
    if (kernel_from(&k, &d)) {
        T_CHECKF(bp__same_dims(&k.out[0].type, &want), "%s: the result is %s",
                 text, bp__type_text(&k.out[0].type, t));
        kernel_run(&k, 0xFF);
        check_elements(&k, text);
        kernel_free(&k);
    } else {
        case_free(&d);
    }
}

/* Each set of element types among the cases, once. */
static bool types_seen(const bp__opdef *d, int c)
{
    for (int k = 0; k < c; k++) {
        bool same = true;
        for (int i = 0; i < d->cases[c].n_in; i++)
            same &= d->cases[k].in[i].dtype == d->cases[c].in[i].dtype;
        if (same && d->cases[k].attrs == d->cases[c].attrs)
            return true;
    }
    return false;
}

static void check_elementwise(bp__op op)
{
    const bp__opdef *d = bp__ops[op];
    size_t n_patterns = d->n_in == 1 ? 1 : BP__ARRAY_LEN(patterns);
    for (int c = 0; c < d->n_cases; c++) {
        if (types_seen(d, c))
            continue;
        for (int f = BP_F32; f <= BP_F64; f++)
            for (int rank = 0; rank <= 5; rank++)
                for (size_t s = 0; s < BP__ARRAY_LEN(shapes); s++)
                    for (size_t p = 0; p < n_patterns; p++)
                        check_shape_of(op, c, (bp_dtype)f, rank, shapes[s],
                                       p);
    }
}

/* ---- bad operands ------------------------------------------------------- */

/* Emits a case with changed operand types. */
static bp_status try_types(case_data *d, char *message, size_t cap)
{
    bp_val in[CASE_MAX_IN], out[BP__MAX_OUT];
    bp_graph *g = bp_graph_new(NULL);
    T_REQUIRE(g != NULL);
    case_inputs(g, d, in);
    T_CHECKF(bp_graph_status(g) == BP_OK, "%s", bp_graph_error(g));
    bp__emit(g, d->op, d->c->attrs, d->c->n_in, in, out);
    bp_status s = bp_graph_status(g);
    snprintf(message, cap, "%s", bp_graph_error(g));
    bp_graph_free(g);
    return s;
}

/* A refusal must show what it refuses: op and operand types. */
static void check_refusal(const case_data *d, bp_status s, const char *message,
                          int operand, bool wrong_type)
{
    char text[120], t[200];
    case_text(d, text);
    bp__type shown = d->type[operand];
    shown.varying = d->c->varying;
    const char *want = bp__type_text(&shown, t);
    T_CHECKF(wrong_type ? s == BP_EDTYPE || s == BP_ESHAPE
                        : s == BP_ESHAPE || s == BP_EARG,
             "%s with operand %d %s: %s: %s", text, operand, want,
             bp_status_name(s), message);
    T_CHECKF(strstr(message, d->def->name) == message,
             "%s: the message does not begin with the op: %s", text, message);
    T_CHECKF(strstr(message, want + (want[0] == '~')) != NULL,
             "%s: the message does not show operand %d, %s: %s", text, operand,
             want, message);
}

static long refused, refused_shapes;

static void check_bad_operands(bp__op op)
{
    const bp__opdef *d = bp__ops[op];
    char message[2000];
    for (int c = 0; c < d->n_cases; c++) {
        case_data k;
        case_draw(&k, op, c, BP_F32, 17);
        bp__case plain = *k.c;
        plain.varying = op == BP__OP_psum; /* the one that asks for it */
        k.c = &plain;
        for (int i = 0; i < k.c->n_in; i++)
            k.type[i].varying = plain.varying;
        for (int i = 0; i < k.c->n_in; i++) {
            bp__type good = k.type[i];
            for (int t = 0; t < BP_N_DTYPES; t++) {
                k.type[i].dtype = (uint8_t)t;
                bp_status s = try_types(&k, message, sizeof message);
                if (s != BP_OK)
                    check_refusal(&k, s, message, i, true), refused++;
            }
            k.type[i] = good;
            for (int a = plain.varying; a < good.rank; a++) {
                k.type[i].dims[a] = good.dims[a] + 1;
                bp_status s = try_types(&k, message, sizeof message);
                if (s != BP_OK)
                    check_refusal(&k, s, message, i, false), refused_shapes++;
                k.type[i] = good;
            }
            if (good.rank < BP_MAX_RANK && !plain.varying) {
                k.type[i].dims[k.type[i].rank++] = 2;
                bp_status s = try_types(&k, message, sizeof message);
                if (s != BP_OK)
                    check_refusal(&k, s, message, i, false), refused_shapes++;
                k.type[i] = good;
            }
        }
        k.c = &d->cases[c];
        case_free(&k);
    }
}

/* Two elementwise operands that do not broadcast: both are shown. */
static void check_no_broadcast(bp__op op)
{
    const bp__opdef *d = bp__ops[op];
    char message[2000];
    case_data k;
    if (d->n_in < 2)
        return;
    case_draw(&k, op, 0, BP_F32, 19);
    for (int i = 0; i < k.c->n_in; i++) {
        k.type[i].rank = 2;
        k.type[i].dims[0] = i == k.c->n_in - 1 ? 4 : 2;
        k.type[i].dims[1] = 3;
        k.type[i].varying = 0;
    }
    bp_status s = try_types(&k, message, sizeof message);
    T_CHECKF(s == BP_ESHAPE && strstr(message, "[2,3]") &&
                 strstr(message, "[4,3]"),
             "%s of [2,3] and [4,3]: %s: %s", d->name, bp_status_name(s),
             message);
    case_free(&k);
}

int main(void)
{
    for (int op = 1; op < BP__N_OPS; op++) {
        const bp__opdef *d = bp__ops[op];
        if ((d->flags & BP__ELEMWISE) && d->ref)
            check_elementwise((bp__op)op);
        if (d->flags & BP__ELEMWISE)
            check_no_broadcast((bp__op)op);
        check_bad_operands((bp__op)op);
    }
    printf("%ld wrong types and %ld wrong shapes refused\n", refused,
           refused_shapes);
    T_CHECK(refused > 50 && refused_shapes > 50);
    return t_end();
}
