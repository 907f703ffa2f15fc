/* Event files: the bytes that the published formats ask for (TFRecord,
 * protobuf's encoding, RFC 3720's CRC-32C). The stored file was made by other
 * code from those texts, in another language. */
#include "t.h"

#include "fmt/tfevents.h"

static const char stored[] =
    "1800000000000000a37f4b220900000000000000001a0d627261696e2e4576656e74"
    "3a32eedf28a33800000000000000a3797d57090000000000c0724010ac022a2a0a11"
    "0a0a6c6f73732f747261696e150000803e0a150a0e61636375726163792f74726169"
    "6e150000603fead0afc8220000000000000078113dfd09000000000017f14010f0a2"
    "042a130a110a0a6c6f73732f76616c6964150000c0bf4ce6077b";

static void test_crc(void)
{
    unsigned char zeros[32] = {0}, ones[32], up[32];
    for (int i = 0; i < 32; i++) {
        ones[i] = 0xff;
        up[i] = (unsigned char)i;
    }
    T_CHECK(bp__crc32c(zeros, 32) == 0x8a9136aau); /* RFC 3720, B.4 */
    T_CHECK(bp__crc32c(ones, 32) == 0x62a8ab43u);
    T_CHECK(bp__crc32c(up, 32) == 0x46dd794eu);
    T_CHECK(bp__crc32c("123456789", 9) == 0xe3069283u);
    T_CHECK(bp__crc32c("", 0) == 0);
}

static void write_all(bp__str *s)
{
    static const bp__tfscalar two[] = {{"loss/train", 0.25f},
                                       {"accuracy/train", 0.875f}};
    static const bp__tfscalar one[] = {{"loss/valid", -1.5f}};
    bp__tfevents_begin(0, s);
    bp__tfevents_add(300, 300, two, 2, s);
    bp__tfevents_add(301, 301, NULL, 0, s); /* nothing to say */
    bp__tfevents_add(70000, 70000, one, 1, s);
}

static void test_bytes(void)
{
    bp__str s;
    size_t n = (sizeof stored - 1) / 2;
    bp__str_init(&s, NULL);
    write_all(&s);
    T_CHECK(!s.failed && s.len == n);
    for (size_t i = 0; i < n && i < s.len; i++) {
        char two[3];
        snprintf(two, sizeof two, "%02x", (unsigned)(unsigned char)s.s[i]);
        T_CHECKF(!memcmp(two, stored + 2 * i, 2), "byte %zu is %s", i, two);
    }
    bp__str_free(&s);
}

static void test_memory(void)
{
    for (int64_t n = 0;; n++) {
        t_heap h = {.fail_at = n};
        bp_allocator a = t_allocator(&h);
        bp__str s;
        bp__str_init(&s, &a);
        write_all(&s);
        T_CHECK(s.failed == (h.failed > 0));
        bp__str_free(&s);
        T_CHECK(h.live == 0);
        if (!h.failed)
            break;
    }
}

int main(void)
{
    test_crc();
    test_bytes();
    test_memory();
    return t_end();
}
