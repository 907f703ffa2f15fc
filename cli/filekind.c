/* What a path is, for messages about one that stands in the wrong place. */
#include "cli.h"

#include "data/pictures.h"

const char *cli_file_kind(const char *path)
{
    static const struct {
        const char *end, *what;
    } names[] = {{".yaml", CLI_MODEL_FILE}, {".yml", CLI_MODEL_FILE},
                 {".csv", CLI_TABLE},       {".csv.gz", CLI_TABLE},
                 {".tsv", CLI_TABLE},       {".tsv.gz", CLI_TABLE},
                 {".npy", CLI_ARRAY},       {".npz", CLI_ARRAYS},
                 {".safetensors", "a file of weights"}};
    bp__fs_info info;
    size_t n = strlen(path);
    if (!bp__file_stat(NULL, path, &info, NULL) && info.is_dir)
        return CLI_FOLDER;
    for (size_t i = 0; i < BP__ARRAY_LEN(names); i++) {
        size_t k = strlen(names[i].end);
        if (n > k && !strcmp(path + n - k, names[i].end))
            return names[i].what;
    }
    if (bp__picture_name(path))
        return "a picture";
    return cli_is_archive(path) ? CLI_ARCHIVE : NULL;
}

/* IDX begins with two zeros, a type and a rank; .gz hides that. What is no
 * plain file, such as a pipe, can be read but once. */
bool cli_may_be_idx(const char *path)
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
