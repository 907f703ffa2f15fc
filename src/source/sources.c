/* The table of all kinds of data, and what is found by a name. */
#include "source/kinds.h"

#include "base/file.h"

#define ROW(name) &bp__source_##name,
static const bp__source_kind *const kinds[] = {BP__SOURCE_KINDS(ROW)};

const bp__source_kind *bp__source_at(size_t i)
{
    return i < BP__ARRAY_LEN(kinds) ? kinds[i] : NULL;
}

const bp__source_kind *bp__source_find(const char *name)
{
    for (size_t i = 0; i < BP__ARRAY_LEN(kinds); i++)
        if (!strcmp(kinds[i]->name, name))
            return kinds[i];
    return NULL;
}

const char *bp__source_input_word(size_t i)
{
    for (size_t k = 0; k < BP__ARRAY_LEN(kinds); k++)
        if (kinds[k]->input_word && i-- == 0)
            return kinds[k]->input_word;
    return NULL;
}

/* ---- paths --------------------------------------------------------------- */

bool bp__path_ends(const char *path, const char *end)
{
    size_t n = strlen(path), k = strlen(end);
    return n > k && !strcmp(path + n - k, end);
}

/* Files beside the data. */
static const char *other_noun(const char *path)
{
    static const struct {
        const char *end, *noun;
    } others[] = {{".yaml", "a model file"}, {".yml", "a model file"},
                  {".safetensors", "a file of weights"}};
    for (size_t i = 0; i < BP__ARRAY_LEN(others); i++)
        if (bp__path_ends(path, others[i].end))
            return others[i].noun;
    return NULL;
}

const bp__source_kind *bp__source_of_path(const char *path, const char **noun)
{
    bp__fs_info info;
    const char *none;
    noun = noun ? noun : &none;
    bool folder = !bp__file_stat(NULL, path, &info, NULL) && info.is_dir;
    *noun = folder ? NULL : other_noun(path);
    for (size_t i = 0; i < BP__ARRAY_LEN(kinds) && !*noun; i++)
        if (kinds[i]->looks && (*noun = kinds[i]->looks(path, folder)))
            return kinds[i];
    return NULL;
}

/* ---- drafts --------------------------------------------------------------- */

/* "tables, pictures and arrays", each once. */
static void put_drafted(bp__str *out)
{
    const char *word[BP__ARRAY_LEN(kinds)];
    size_t n = 0;
    for (size_t i = 0; i < BP__ARRAY_LEN(kinds); i++) {
        bool again = !kinds[i]->drafts;
        for (size_t k = 0; k < n && !again; k++)
            again = !strcmp(word[k], kinds[i]->drafts);
        if (!again)
            word[n++] = kinds[i]->drafts;
    }
    for (size_t i = 0; i < n; i++)
        bp__str_printf(out, "%s%s", !i ? "" : i + 1 < n ? ", " : " and ",
                       word[i]);
}

bp_status bp__source_can_draft(const char *path, bp_error *err)
{
    const char *why = bp__path_ends(path, ".yaml")
                          ? "a model file: `bprop train` takes it"
                          : NULL;
    for (size_t i = 0; i < BP__ARRAY_LEN(kinds) && !why; i++)
        why = kinds[i]->no_draft ? kinds[i]->no_draft(path) : NULL;
    const char *noun;
    const bp__source_kind *k = why ? NULL : bp__source_of_path(path, &noun);
    if (k && !k->draft)
        why = noun;
    if (!why)
        return BP_OK;
    bp__str drafted;
    bp__str_init(&drafted, NULL);
    put_drafted(&drafted);
    bp_status st = bp__error(err, BP_EARG, "'%s' is %s; `bprop new` looks at "
                             "%s", path, why,
                             drafted.failed ? "data" : drafted.s);
    bp__str_free(&drafted);
    return st;
}

bp_status bp__source_draft(const bp__draft_options *o, bp__str *found,
                           bp__str *text, bp_error *err)
{
    const bp__source_kind *k = bp__source_of_path(o->path, NULL);
    for (size_t i = 0; i < BP__ARRAY_LEN(kinds) && (!k || !k->draft); i++)
        if (kinds[i]->any_text)
            k = kinds[i];
    bp_status st = k->draft(o, found, text, err);
    return !st && (found->failed || text->failed) ? bp__oom(err) : st;
}
