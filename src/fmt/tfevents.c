/* Event files of TensorBoard, written by hand: no protobuf for six fields. */
#include "fmt/tfevents.h"

uint32_t bp__crc32c(const void *data, size_t bytes)
{
    const unsigned char *p = data;
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < bytes; i++) {
        crc ^= p[i];
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

/* A sum of data that holds sums of its own would be weak: TFRecord turns and
 * shifts it. */
static uint32_t masked_crc(const void *data, size_t bytes)
{
    uint32_t crc = bp__crc32c(data, bytes);
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static void put_fixed(bp__str *out, uint64_t x, int bytes)
{
    char b[8];
    for (int i = 0; i < bytes; i++)
        b[i] = (char)(x >> 8 * i & 0xff);
    bp__str_add(out, b, (size_t)bytes);
}

static void put_varint(bp__str *out, uint64_t x)
{
    for (; x >= 0x80; x >>= 7)
        put_fixed(out, (x & 0x7f) | 0x80, 1);
    put_fixed(out, x, 1);
}

/* The key of a field, as protobuf has it. */
enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

static void put_key(bp__str *out, int field, enum wire type)
{
    put_varint(out, (uint64_t)field << 3 | (uint64_t)type);
}

static void put_bytes(bp__str *out, int field, const char *data, size_t bytes)
{
    put_key(out, field, WIRE_BYTES);
    put_varint(out, bytes);
    bp__str_add(out, data, bytes);
}

static void put_double(bp__str *out, int field, double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    put_key(out, field, WIRE_64);
    put_fixed(out, bits, 8);
}

static void put_record(bp__str *out, const bp__str *data)
{
    char length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (char)((uint64_t)data->len >> 8 * i & 0xff);
    bp__str_add(out, length, 8);
    put_fixed(out, masked_crc(length, 8), 4);
    bp__str_add(out, data->s, data->len);
    put_fixed(out, masked_crc(data->s, data->len), 4);
}

/* Event: wall_time = 1, step = 2, file_version = 3, summary = 5. */
static void put_event(bp__str *out, double wall_time, int64_t step,
                      const bp__str *version, const bp__str *summary)
{
    bp__str event;
    bp__str_init(&event, &out->a);
    put_double(&event, 1, wall_time);
    if (step) {
        put_key(&event, 2, WIRE_VARINT);
        put_varint(&event, (uint64_t)step);
    }
    if (version)
        put_bytes(&event, 3, version->s, version->len);
    if (summary)
        put_bytes(&event, 5, summary->s, summary->len);
    if (event.failed)
        out->failed = true;
    else
        put_record(out, &event);
    bp__str_free(&event);
}

void bp__tfevents_begin(double wall_time, bp__str *out)
{
    bp__str version;
    bp__str_init(&version, &out->a);
    bp__str_printf(&version, "brain.Event:2");
    if (version.failed)
        out->failed = true;
    else
        put_event(out, wall_time, 0, &version, NULL);
    bp__str_free(&version);
}

/* Summary: value = 1, repeated; of it tag = 1, simple_value = 2. */
static void put_scalar(bp__str *summary, const bp__tfscalar *s)
{
    bp__str value;
    uint32_t bits;
    memcpy(&bits, &s->value, sizeof bits);
    bp__str_init(&value, &summary->a);
    put_bytes(&value, 1, s->tag, strlen(s->tag));
    put_key(&value, 2, WIRE_32);
    put_fixed(&value, bits, 4);
    if (value.failed)
        summary->failed = true;
    else
        put_bytes(summary, 1, value.s, value.len);
    bp__str_free(&value);
}

void bp__tfevents_add(double wall_time, int64_t step, const bp__tfscalar *s,
                      size_t n, bp__str *out)
{
    bp__str summary;
    bp__str_init(&summary, &out->a);
    for (size_t i = 0; i < n; i++)
        put_scalar(&summary, &s[i]);
    if (summary.failed)
        out->failed = true;
    else if (n)
        put_event(out, wall_time, step, NULL, &summary);
    bp__str_free(&summary);
}
