/* Layers run in f64 against the same sums written out here, and what they
 * refuse. */
#include "rig.h"

static double data[4096];

static void fill(uint64_t seed)
{
    for (int i = 0; i < 4096; i++)
        data[i] = t_uniform(&seed, -1, 1);
}

/* One layer over an input of these dims: runs it, returns the program. */
static bp_program *run_layer(bp_runtime *r, bp_store *s, const char *layer,
                             int rank, const int64_t *dims, bool training)
{
    int64_t n = 1;
    for (int i = 0; i < rank; i++)
        n *= dims[i];
    bp_graph *g = bp_graph_new(NULL);
    bp_nn_options o = {.size = sizeof o, .dtype = BP_F64,
                       .training = training, .bias_init = "normal(1)"};
    bp_nn *nn = bp_nn_new(g, s, &o);
    bp_val x = bp_batch_input(g, "x", BP_F64, rank, dims);
    bp_val y = bp_nn_layer(nn, x, layer);
    bp_output(g, "y", y);
    bp_nn_commit(nn);
    T_CHECKF(bp_graph_status(g) == BP_OK, "%s", bp_graph_error(g));
    bp_nn_free(nn);
    bp_program *p = rig_compile(r, g);
    rig_bind(p, "x", data, (size_t)n * sizeof(double));
    rig_run(p);
    return p;
}

static void near_all(const char *what, const double *got, const double *want,
                     int n, double tol)
{
    double worst = 0;
    for (int i = 0; i < n; i++) {
        double d = fabs(got[i] - want[i]);
        worst = d <= worst ? worst : d;
    }
    T_CHECKF(n > 0 && worst <= tol, "%s: off by %g", what, worst);
}

static void test_dense(bp_runtime *r)
{
    const int64_t dims[3] = {3, 2, 5};
    double w[4 * 5], b[4], want[3 * 2 * 4];
    bp_store *s = bp_store_new(NULL);
    bp_program *p = run_layer(r, s, "dense(4)", 3, dims, false);
    rig_get(s, "0.weight", w, sizeof w);
    rig_get(s, "0.bias", b, sizeof b);
    for (int i = 0; i < 6; i++)
        for (int k = 0; k < 4; k++) {
            want[i * 4 + k] = b[k];
            for (int j = 0; j < 5; j++)
                want[i * 4 + k] += w[k * 5 + j] * data[i * 5 + j];
        }
    near_all("dense", rig_result(p, "y", sizeof want), want, 24, 1e-14);
    bp_program_free(p);
    bp_store_free(s);
}

typedef struct geometry {
    const char *text;
    int c, h, w, o, kh, kw, sh, sw, top, left, oh, ow, dh, dw, groups;
} geometry;

/* The output at one place, straight from the definition. */
static double conv_at(const geometry *q, const double *weight, int n, int o,
                      int y, int x)
{
    int cg = q->c / q->groups, group = o / (q->o / q->groups);
    double sum = 0;
    for (int c = 0; c < cg; c++)
        for (int i = 0; i < q->kh; i++)
            for (int j = 0; j < q->kw; j++) {
                int a = y * q->sh + i * q->dh - q->top;
                int b = x * q->sw + j * q->dw - q->left;
                if (a < 0 || b < 0 || a >= q->h || b >= q->w)
                    continue;
                int from = ((n * q->c + group * cg + c) * q->h + a) * q->w + b;
                sum += data[from] *
                       weight[((o * cg + c) * q->kh + i) * q->kw + j];
            }
    return sum;
}

static void check_conv(bp_runtime *r, const geometry *q)
{
    const int64_t dims[4] = {2, q->c, q->h, q->w};
    static double weight[2000], want[4000];
    double bias[64];
    bp_store *s = bp_store_new(NULL);
    bp_program *p = run_layer(r, s, q->text, 4, dims, false);
    size_t n_weight =
        (size_t)(q->o * (q->c / q->groups) * q->kh * q->kw);
    rig_get(s, "0.weight", weight, n_weight * sizeof(double));
    rig_get(s, "0.bias", bias, (size_t)q->o * sizeof(double));
    int k = 0;
    for (int n = 0; n < 2; n++)
        for (int o = 0; o < q->o; o++)
            for (int y = 0; y < q->oh; y++)
                for (int x = 0; x < q->ow; x++)
                    want[k++] = bias[o] + conv_at(q, weight, n, o, y, x);
    near_all(q->text, rig_result(p, "y", (size_t)k * sizeof(double)), want, k,
             1e-13);
    bp_program_free(p);
    bp_store_free(s);
}

static void test_conv2d(bp_runtime *r)
{
    static const geometry cases[] = {
        {"conv2d(6, kernel=3)", 4, 7, 8, 6, 3, 3, 1, 1, 0, 0, 5, 6, 1, 1, 1},
        {"conv2d(6, kernel=3, padding=same)", 4, 7, 8, 6, 3, 3, 1, 1, 1, 1, 7,
         8, 1, 1, 1},
        /* 8 columns, kernel 4: 3 zeros in all, the odd one on the right. */
        {"conv2d(2, kernel=[2, 4], padding=same)", 3, 7, 8, 2, 2, 4, 1, 1, 0,
         1, 7, 8, 1, 1, 1},
        {"conv2d(4, kernel=3, stride=2, padding=same)", 2, 7, 8, 4, 3, 3, 2,
         2, 1, 0, 4, 4, 1, 1, 1},
        {"conv2d(4, kernel=3, stride=[2, 3], padding=1, groups=2)", 4, 7, 8,
         4, 3, 3, 2, 3, 1, 1, 4, 3, 1, 1, 2},
        {"conv2d(4, kernel=[3, 2], padding=[2, 0], dilation=2)", 1, 7, 8, 4,
         3, 2, 1, 1, 2, 0, 7, 6, 2, 2, 1},
        {"conv2d(5, kernel=5, stride=3, dilation=2, padding=same, groups=5)",
         5, 10, 9, 5, 5, 5, 3, 3, 4, 3, 4, 3, 2, 2, 5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_conv(r, &cases[i]);
}

static void test_pools(bp_runtime *r)
{
    const int64_t dims[4] = {1, 1, 3, 4};
    static const double x[12] = {1, 2, 3, 4, 5, 6, 7, 8, -1, -2, -3, -4};
    static const struct {
        const char *text;
        int n;
        double y[12];
    } cases[] = {
        {"max_pool2d(2)", 2, {6, 8}},
        {"max_pool2d(2, padding=same)", 4, {6, 8, -1, -3}},
        {"max_pool2d([3, 2], stride=1)", 3, {6, 7, 8}},
        {"max_pool2d(2, stride=2, padding=1)", 6, {1, 3, 4, 5, 7, 8}},
        {"avg_pool2d(2)", 2, {3.5, 5.5}},
        {"avg_pool2d(2, stride=2, padding=1)", 6,
         {0.25, 1.25, 1, 1, 2, 1}},
        {"avg_pool2d(2, stride=2, padding=1, exclude_padding=true)", 6,
         {1, 2.5, 4, 2, 2, 2}},
        {"global_avg_pool2d", 1, {26.0 / 12}},
        {"flatten", 12, {1, 2, 3, 4, 5, 6, 7, 8, -1, -2, -3, -4}},
        {"leaky_relu(0.5)", 12,
         {1, 2, 3, 4, 5, 6, 7, 8, -0.5, -1, -1.5, -2}},
        {"relu", 12, {1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0}},
    };
    memcpy(data, x, sizeof x);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bp_store *s = bp_store_new(NULL);
        bp_program *p = run_layer(r, s, cases[i].text, 4, dims, false);
        size_t bytes = (size_t)cases[i].n * sizeof(double);
        near_all(cases[i].text, rig_result(p, "y", bytes), cases[i].y,
                 cases[i].n, 1e-15);
        bp_program_free(p);
        bp_store_free(s);
    }
}

/* Rows of the table; what is no row's number fails the run. */
static void test_embedding(bp_runtime *r)
{
    const int64_t dims[2] = {2, 3};
    static const double bad[] = {-1, 5, 1.5, 1e12, -0.25, NAN};
    static const double x[6] = {4, 0, 3, 3, 1, 2};
    double weight[5 * 2], want[12];
    bp_error err = {0};
    memcpy(data, x, sizeof x);
    bp_store *s = bp_store_new(NULL);
    bp_program *p = run_layer(r, s, "embedding(count=5, dim=2)", 2, dims,
                              false);
    rig_get(s, "0.weight", weight, sizeof weight);
    for (int i = 0; i < 12; i++)
        want[i] = weight[(int)x[i / 2] * 2 + i % 2];
    near_all("embedding", rig_result(p, "y", sizeof want), want, 12, 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        data[4] = bad[i];
        rig_bind(p, "x", data, 6 * sizeof(double));
        T_CHECKF(bp_run(p, &err) == BP_ERANGE, "%g: %s", bad[i], err.message);
    }
    bp_program_free(p);
    bp_store_free(s);
    fill(5);
}

static void refused(const char *layer, int rank, bp_status status,
                    const char *a, const char *b)
{
    const int64_t dims[4] = {2, 3, 6, 6};
    bp_store *s = bp_store_new(NULL);
    bp_graph *g = bp_graph_new(NULL);
    bp_nn *nn = bp_nn_new(g, s, NULL);
    bp_nn_layer(nn, bp_batch_input(g, "x", BP_F32, rank, dims), layer);
    RIG_REFUSED(g, status, a, b);
    bp_nn_free(nn);
    bp_graph_free(g);
    bp_store_free(s);
}

static void test_refused(void)
{
    refused("dense(4)", 4, BP_ESHAPE, "0.dense", "put flatten before it");
    refused("dense(4)", 1, BP_ESHAPE, "f32[2]", "[N,features]");
    refused("conv2d(4, kernel=3)", 2, BP_ESHAPE, "f32[2,3]",
            "[N,channels,height,width]");
    refused("conv2d(4, kernel=9)", 4, BP_ESHAPE, "f32[2,3,6,6]",
            "a window of 9 does not fit into a height of 6");
    refused("conv2d(4, kernel=[3, 4], dilation=2)", 4, BP_ESHAPE,
            "a window of 7", "a width of 6");
    refused("conv2d(4, kernel=3, groups=2)", 4, BP_ESHAPE, "0.conv2d",
            "2 groups must divide its 3 channels and the 4 filters");
    refused("max_pool2d(7)", 4, BP_ESHAPE, "0.max_pool2d", "window of 7");
    refused("global_avg_pool2d", 3, BP_ESHAPE, "f32[2,3,6]",
            "[N,channels,height,width]");
    refused("batch_norm", 1, BP_ESHAPE, "0.batch_norm", "[N,channels,...]");
    refused("residual(body=[dense(4)])", 2, BP_ESHAPE, "f32[2,4]",
            "f32[2,3]");
    refused("residual(body=[dense(4), conv2d(2, kernel=1)])", 2, BP_ESHAPE,
            "0.residual/body/1.conv2d", "[N,channels,height,width]");
    refused("prelu(channel)", 1, BP_ESHAPE, "0.prelu", "[N,channels,...]");
    refused("group_norm(2)", 4, BP_ESHAPE, "f32[2,3,6,6]",
            "2 groups must divide its 3 channels");
    refused("group_norm(1)", 1, BP_ESHAPE, "f32[2]", "[N,channels,...]");
    refused("instance_norm", 2, BP_ESHAPE, "0.instance_norm",
            "two elements or more");
    refused("rms_norm(3)", 3, BP_ESHAPE, "f32[2,3,6]", "from 1 to 2");
    refused("maxout(2)", 2, BP_ESHAPE, "f32[2,3]",
            "2 pieces must divide its 3 channels");
    refused("conv1d(4, kernel=3)", 4, BP_ESHAPE, "f32[2,3,6,6]",
            "[N,channels,length]");
    refused("conv1d(4, kernel=4, dilation=2)", 3, BP_ESHAPE, "f32[2,3,6]",
            "a window of 7 does not fit into a length of 6");
    refused("conv1d(4, kernel=3, groups=2)", 3, BP_ESHAPE, "0.conv1d",
            "2 groups must divide its 3 channels");
    refused("conv_transpose2d(4, kernel=3)", 3, BP_ESHAPE, "f32[2,3,6]",
            "[N,channels,height,width]");
    refused("conv_transpose2d(4, kernel=3, output_padding=1)", 4, BP_EARG,
            "output_padding is 1", "below the stride, 1");
    refused("conv_transpose2d(4, kernel=1, padding=3)", 4, BP_ESHAPE,
            "f32[2,3,6,6]", "the height of its output would be 0");
    refused("conv_transpose2d(4, kernel=3, groups=2)", 4, BP_ESHAPE,
            "0.conv_transpose2d", "2 groups must divide its 3 channels");
    refused("upsample(2)", 3, BP_ESHAPE, "f32[2,3,6]",
            "[N,channels,height,width]");
    refused("upsample(2000000000)", 4, BP_ERANGE, "2000000000", "2^31");
    refused("softmax(axis=0)", 2, BP_ESHAPE, "axis 0", "sample's axes");
}

int main(void)
{
    bp_runtime *r = rig_runtime();
    fill(5);
    test_dense(r);
    test_conv2d(r);
    test_pools(r);
    test_embedding(r);
    test_refused();
    bp_runtime_free(r);
    return t_end();
}
