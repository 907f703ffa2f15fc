/* Foundations that every other folder may use: errors, memory, small numeric
 * helpers. Knows nothing of tensors, graphs or files' contents. */
#ifndef BP__BASE_H
#define BP__BASE_H

#include <bprop/bprop.h>

#include <stdarg.h>
#include <string.h>

/* Same bits everywhere: the compiler must neither reorder sums nor assume that
 * no NaN exists. */
#if defined(__FAST_MATH__) || \
    (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "bprop has to be built without -ffast-math and -ffinite-math-only"
#endif

#define BP__ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define BP__MIN(a, b) ((a) < (b) ? (a) : (b))
#define BP__MAX(a, b) ((a) > (b) ? (a) : (b))

#if defined(__GNUC__)
#define BP__PRINTF(f, a) __attribute__((format(printf, f, a)))
#define BP__NOINLINE __attribute__((noinline))
#else
#define BP__PRINTF(f, a)
#define BP__NOINLINE
#endif

/* ---- errors (status.c) ---------------------------------------------- */

/* Every error of the library passes through here: one breakpoint. Returns s.
 * err may be NULL. */
BP__NOINLINE bp_status bp__error(bp_error *err, bp_status s,
                                 const char *format, ...) BP__PRINTF(3, 4);
BP__NOINLINE bp_status bp__verror(bp_error *err, bp_status s,
                                  const char *format, va_list ap);
/* The one message for exhausted memory. */
bp_status bp__oom(bp_error *err);

/* ---- options (options.c) --------------------------------------------- */

/* The one policy for a caller's options struct, whose first member is `size_t
 * size`: what it has is copied, and what it lacks, having been compiled with an
 * older header, is 0; a newer one's further members have to be 0. all: the
 * struct as it is here, of `bytes`, whose size is then that. given NULL: all 0.
 * [err: EARG] */
bp_status bp__options(void *all, size_t bytes, const void *given,
                      const char *name, bp_error *err);
#define BP__OPTIONS(all, given, type, err) \
    bp__options((all), sizeof(type), (given), #type, (err))

/* ---- allocation (alloc.c) ------------------------------------------- */

extern const bp_allocator bp__malloc_allocator;

/* n * size, or SIZE_MAX on overflow (which no allocator grants). */
size_t bp__mul_size(size_t n, size_t size);
/* The number of elements, wherever dims come from a file or a caller; -1: a
 * negative dimension, or too many elements of `size` bytes for a memory, even
 * where another dimension is 0 (products of some of them are safe, too). */
int64_t bp__dims_numel(int rank, const int64_t *dims, size_t size);
/* NULL on failure or overflow. bp__calloc zeroes. */
void *bp__alloc(const bp_allocator *a, size_t bytes);
void *bp__calloc(const bp_allocator *a, size_t n, size_t size);
void *bp__realloc(const bp_allocator *a, void *p, size_t old_bytes,
                  size_t new_bytes);
void bp__free(const bp_allocator *a, void *p, size_t bytes);
char *bp__strdup(const bp_allocator *a, const char *s);
void bp__strfree(const bp_allocator *a, char *s);
/* 64-byte aligned blocks, for tensors: freed with the same byte count. */
void *bp__alloc64(const bp_allocator *a, size_t bytes);
void bp__free64(const bp_allocator *a, void *p, size_t bytes);

/* Grows the array *p of elements of `size` bytes so that it holds at least
 * `need`; *cap is its capacity. False: out of memory, array unchanged. */
bool bp__grow(const bp_allocator *a, void *p, size_t *cap, size_t need,
              size_t size);

/* ---- arena (arena.c) ------------------------------------------------ */

/* Blocks that die together. Sticky: after one failed allocation `failed`
 * stays set and every later call returns NULL. Memory is zeroed, aligned to
 * 16 bytes. */
struct bp__block;
typedef struct bp__arena {
    bp_allocator a;
    struct bp__block *blocks;
    size_t total; /* bytes handed out */
    bool failed;
} bp__arena;

void bp__arena_init(bp__arena *ar, const bp_allocator *a);
void bp__arena_free(bp__arena *ar);
void *bp__arena_alloc(bp__arena *ar, size_t bytes);
void *bp__arena_array(bp__arena *ar, size_t n, size_t size);
void *bp__arena_copy(bp__arena *ar, const void *p, size_t bytes);
char *bp__arena_strdup(bp__arena *ar, const char *s);
char *bp__arena_printf(bp__arena *ar, const char *format, ...)
    BP__PRINTF(2, 3);

/* ---- text (text.c) --------------------------------------------------- */

/* A string that grows; sticky on failure, NUL-terminated where it did not. */
typedef struct bp__str {
    bp_allocator a;
    char *s;
    size_t len, cap;
    bool failed;
} bp__str;

void bp__str_init(bp__str *t, const bp_allocator *a);
void bp__str_free(bp__str *t);
void bp__str_add(bp__str *t, const char *s, size_t n);
/* Gives the text to a caller's function, and frees it. [err: ENOMEM it failed
 * earlier, EIO the function stopped] */
bp_status bp__str_write(bp__str *t, bp_write_fn write, void *user);
/* printf for the library: as vsnprintf, but numbers have a decimal point in
 * every locale. Conversions d i u x X o c s p e f g %, flags, width, precision
 * and lengths hh h l ll z j t. */
int bp__vsnprintf(char *buf, size_t bytes, const char *format, va_list ap);
int bp__snprintf(char *buf, size_t bytes, const char *format, ...)
    BP__PRINTF(3, 4);
void bp__str_printf(bp__str *t, const char *format, ...) BP__PRINTF(2, 3);
void bp__str_vprintf(bp__str *t, const char *format, va_list ap);

/* Edit distance (insert, delete, replace, swap of neighbours), for "did you
 * mean". Strings over 63 bytes count as far away. */
int bp__edit_distance(const char *a, const char *b);

/* Length of the UTF-8 sequence at p, 0 if there is none that is valid. */
int bp__utf8_length(const char *p, const char *end);

/* The first byte that is no UTF-8; bytes: all of them are. */
size_t bp__utf8_bad(const void *text, size_t bytes);
/* Names that may have been meant by `word`: the nearest ones, all that are
 * equally near, with `between` between them ("' or '"); if none is near, one
 * that begins like it. NULL: none. buf: 400 bytes. */
enum { BP__NEAR_BYTES = 400 };
const char *bp__near_text(const char *word, const char *const *names, size_t n,
                          const char *between, char *buf);
/* The nearest of them; NULL: none is near enough to be meant. */
const char *bp__nearest(const char *word, const char *const *names, size_t n);
/* Shortest decimal text that reads back as the same double; independent of
 * the locale. buf: 32 bytes. */
void bp__format_double(char *buf, double x);
/* Shortest text that reads back as the same float. */
void bp__format_float(char *buf, float x);
/* Reads a whole decimal number ("1e-3", "inf", "nan" too); false if s is
 * anything else. Independent of the locale. */
bool bp__parse_double(const char *s, double *x);
bool bp__parse_int64(const char *s, int64_t *x);

/* ---- columns of a terminal (text_width.c) ----------------------------- */

uint32_t bp__next_char(const char **p); /* of UTF-8; *p goes behind it */
/* Chinese, Japanese and Korean characters take two columns. */
bool bp__is_wide(uint32_t c);
int bp__text_columns(const char *p, const char *end);
/* s on one line, in at most `most` columns of whole characters, filled up with
 * blanks to `least` columns (-least: with blanks before it). Control
 * characters become blanks, bytes that are no UTF-8 question marks. Returns
 * buf, which has BP__CELL_BYTES. */
enum { BP__CELL_BYTES = 801 };
const char *bp__text_cell(char *buf, const char *s, int least, int most);

/* ---- numbers (numbers.c) ----------------------------------------------- */

/* The i-th element of an array of this type; n of them, from the first on. */
double bp__read_real(const void *x, bp_dtype t, int64_t i);
void bp__read_reals(const void *x, bp_dtype t, int64_t first, int64_t n,
                    double *to);

/* ---- hash ------------------------------------------------------------ */

#define BP__HASH_INIT 0xcbf29ce484222325ull
/* FNV-1a over bytes, continued from h. */
uint64_t bp__hash(uint64_t h, const void *p, size_t bytes);

#endif
