/* A run's event file, read by a decoder of its own: the log's numbers, each
 * once, whether the run was left alone or stopped and resumed, with or without
 * half a record at the end of what was there. */
#include "rig.h"

#include "fmt/tfevents.h"
#include "train/train.h"

#define EVENTS "events.out.tfevents.bprop"

typedef struct reader {
    const unsigned char *p, *end;
} reader;

static uint64_t fixed(reader *r, int n)
{
    uint64_t x = 0;
    T_REQUIRE(r->end - r->p >= n);
    for (int i = n - 1; i >= 0; i--)
        x = x << 8 | r->p[i];
    r->p += n;
    return x;
}

static uint64_t varint(reader *r)
{
    uint64_t x = 0;
    for (int shift = 0;; shift += 7) {
        T_REQUIRE(r->p < r->end && shift < 64);
        x |= (uint64_t)(*r->p & 0x7f) << shift;
        if (!(*r->p++ & 0x80))
            return x;
    }
}

static reader bytes(reader *r)
{
    size_t n = (size_t)varint(r);
    T_REQUIRE((size_t)(r->end - r->p) >= n);
    reader in = {r->p, r->p + n};
    r->p += n;
    return in;
}

static uint32_t mask(uint32_t c)
{
    return (c >> 15 | c << 17) + 0xa282ead8u;
}

/* "step tag value" a line; 9 digits tell floats apart. */
static void value_text(reader v, int64_t step, char *to)
{
    reader tag = {0};
    uint32_t bits = 0;
    float x;
    while (v.p < v.end) {
        uint64_t key = varint(&v);
        T_REQUIRE(key == 0x0a || key == 0x15);
        if (key == 0x0a)
            tag = bytes(&v);
        else
            bits = (uint32_t)fixed(&v, 4);
    }
    memcpy(&x, &bits, 4);
    sprintf(to + strlen(to), "%lld %.*s %.9g\n", (long long)step,
            (int)(tag.end - tag.p), (const char *)tag.p, (double)x);
}

static void event_text(reader e, bool first, char *to)
{
    int64_t step = 0;
    double wall = -1;
    while (e.p < e.end) {
        uint64_t key = varint(&e), bits;
        reader in;
        switch (key) {
        case 0x09:
            bits = fixed(&e, 8);
            memcpy(&wall, &bits, 8);
            break;
        case 0x10:
            step = (int64_t)varint(&e);
            break;
        case 0x1a:
            in = bytes(&e);
            T_CHECK(first && in.end - in.p == 13 &&
                    !memcmp(in.p, "brain.Event:2", 13));
            break;
        default:
            T_REQUIRE(key == 0x2a && !first);
            in = bytes(&e);
            while (in.p < in.end) {
                T_REQUIRE(varint(&in) == 0x0a);
                value_text(bytes(&in), step, to);
            }
        }
    }
    T_CHECK(wall == (double)step);
}

static char *decode(const char *folder)
{
    char path[200];
    bp__file_data f;
    bp_error err = {0};
    snprintf(path, sizeof path, "%s/" EVENTS, folder);
    T_OK(bp__file_read(NULL, &bp__malloc_allocator, path, false, 0, &f, &err),
         &err);
    char *to = calloc(1, 10 * f.bytes + 1);
    T_REQUIRE(to);
    reader r = {f.data, f.data + f.bytes};
    for (bool first = true; r.p < r.end; first = false) {
        const unsigned char *at = r.p;
        size_t n = (size_t)fixed(&r, 8);
        T_CHECK(fixed(&r, 4) == mask(bp__crc32c(at, 8)));
        T_REQUIRE((size_t)(r.end - r.p) >= n + 4);
        reader e = {r.p, r.p + n};
        r.p += n;
        T_CHECK(fixed(&r, 4) == mask(bp__crc32c(e.p, n)));
        event_text(e, first, to);
    }
    bp__file_free(&bp__malloc_allocator, &f);
    return to;
}

/* The same lines, made from the log. */
static char *expected(const char *folder)
{
    char *log = rig_read(folder, "log.jsonl");
    char *to = calloc(1, 10 * strlen(log) + 1);
    T_REQUIRE(to);
    for (char *line = strtok(log, "\n"); line; line = strtok(NULL, "\n")) {
        static const char *const keys[] = {"loss", "accuracy", "lr",
                                           "grad_norm"};
        static const char *const names[] = {"loss", "accuracy",
                                            "learning_rate", "grad_norm"};
        char split[20], key[20];
        long long step = atoll(strstr(line, "\"step\":") + 7);
        sscanf(strstr(line, "\"split\":\"") + 9, "%19[a-z]", split);
        if (strstr(line, "\"whole_epoch\":false"))
            strcpy(split, "batch");
        for (int k = 0; k < 4; k++) {
            snprintf(key, sizeof key, "\"%s\":", keys[k]);
            const char *at = strstr(line, key);
            if (at)
                sprintf(to + strlen(to), "%lld %s/%s %.9g\n", step, names[k],
                        split, (double)(float)atof(at + strlen(key)));
        }
    }
    free(log);
    return to;
}

static int at_step, stop_at;
static bp_trainer *running;

static void stop_there(void *user, const bp_progress *p)
{
    (void)user, (void)p;
    if (++at_step == stop_at)
        bp_trainer_stop(running);
}

static bp_status train(const char *folder, bp_data *d, bool resume, bool on,
                       int stop)
{
    bp_task task = rig_task();
    bp_trainer_options o = rig_options(d, d);
    bp_error err = {0};
    o.run_dir = folder;
    o.resume = resume;
    o.tensorboard = on;
    o.on_step = stop_there;
    at_step = 0;
    stop_at = stop;
    T_OK(bp_trainer_new(&task, &o, &running, &err), &err);
    bp_status st = bp_trainer_run(running, &err);
    bp_trainer_free(running);
    return st;
}

static void add_half_a_record(const char *folder)
{
    char path[200];
    snprintf(path, sizeof path, "%s/" EVENTS, folder);
    FILE *f = fopen(path, "ab");
    T_REQUIRE(f && fwrite("\x20\0\0\0\0\0\0\0half", 1, 12, f) == 12);
    fclose(f);
}

static void drop(const char *name, char *a, char *b)
{
    free(a);
    free(b);
    rig_folder(name);
}

int main(void)
{
    bp_data *d = rig_data(RIG_TRAIN, 1);
    const char *whole = rig_folder("events-whole");
    T_CHECK(train(whole, d, false, true, 0) == BP_OK);
    char *got = decode(whole), *want = expected(whole);
    T_CHECKF(!strcmp(got, want), "got\n%swant\n%s", got, want);
    T_CHECK(strstr(got, " loss/train ") && strstr(got, " accuracy/valid ") &&
            strstr(got, " loss/batch ") && strstr(got, " loss/test ") &&
            strstr(got, " learning_rate/train "));
    /* Stopped at each of the first steps; with a torn record; resumed. */
    for (int stop = 1; stop <= 12; stop++) {
        const char *f = rig_folder("events-cut");
        T_CHECK(train(f, d, false, true, stop) == BP_ECANCELED);
        add_half_a_record(f);
        T_CHECK(train(f, d, true, true, 0) == BP_OK);
        char *again = decode(f);
        T_CHECK(!strcmp(again, got));
        drop("events-cut", again, NULL);
    }
    /* Switched on when resuming: it has all that came before. */
    const char *late = rig_folder("events-late");
    T_CHECK(train(late, d, false, false, 9) == BP_ECANCELED);
    T_CHECK(train(late, d, true, true, 0) == BP_OK);
    char *all = decode(late);
    T_CHECK(!strcmp(all, got));
    drop("events-late", all, NULL);
    drop("events-whole", got, want);
    bp_data_free(d);
    return t_end();
}
