/* Files of MNIST's format. */
#include "source/kinds.h"

#include "base/file.h"

#include <stdio.h>

static const bp__skey keys[] = {
    {.name = "images", .type = BP__S_TEXT, .doc = "file; .gz too"},
    {.name = "labels", .type = BP__S_TEXT, .doc = "file of the classes"},
};

static bp_status idx_open(bp__source_config *c, const bp__ynode *s,
                          const char *dir, bp_split split,
                          const bp_data_options *o, bp_data **d, bp_error *err)
{
    const char *images = bp__source_path(
        c, dir, bp__yaml_text(bp__yaml_get(s, "images")));
    const char *labels = bp__source_path(
        c, dir, bp__yaml_text(bp__yaml_get(s, "labels")));
    (void)split;
    if (!images || !labels)
        return bp__oom(err);
    return bp_data_from_idx(images, labels, o, d, err);
}

/* It begins with two zeros, a type and a rank; .gz hides that. What is no
 * plain file, such as a pipe, can be read but once. */
static bool idx_may_be(const char *path)
{
    unsigned char b[4];
    bp__fs_info info;
    if (bp__file_stat(NULL, path, &info, NULL) || info.bytes < 4)
        return true; /* reading it will say what is wrong */
    FILE *f = fopen(path, "rb");
    bool read = f && fread(b, 1, sizeof b, f) == sizeof b;
    if (f)
        fclose(f);
    return !read || (b[0] == 0 && b[1] == 0) || (b[0] == 0x1f && b[1] == 0x8b);
}

static bp_status idx_inputs(bp__source_config *c, const char *const *paths,
                            size_t n, const bp__source_reader *to,
                            bp_error *err)
{
    bp_data_options o = {.size = sizeof o};
    bp__source_samples s = {.path = paths[0]};
    (void)c;
    (void)n;
    bp_status st = bp_data_from_idx(paths[0], NULL, &o, &s.data, err);
    if (!st)
        st = to->samples(to->user, &s, err);
    bp_data_free(s.data);
    return st;
}

static bp_status idx_labeled(bp__source_config *c, const char *const *paths,
                             size_t n, bp_data **d, bp_error *err)
{
    bp_data_options o = {.size = sizeof o};
    bp_status st = bp__source_pair(c, n, err);
    return st ? st : bp_data_from_idx(paths[0], paths[1], &o, d, err);
}

static const char *idx_no_draft(const char *path)
{
    return bp__path_ends(path, "-ubyte") || bp__path_ends(path, "-ubyte.gz")
               ? "an IDX file: data: {train: {idx: ...}} names it"
               : NULL;
}

const bp__source_kind bp__source_idx = {
    .name = "idx",
    .samples = "samples",
    .example = "INPUT.npy",
    .takes = "an IDX file",
    .key = {.name = "idx", .type = BP__S_MAP, .fallback = "", .keys = keys,
            .n_keys = BP__ARRAY_LEN(keys), .doc = "files of MNIST's format"},
    .may_be = idx_may_be,
    .open = idx_open,
    .inputs = idx_inputs,
    .labeled = idx_labeled,
    .no_draft = idx_no_draft,
};
