/* What a path is, for messages about one that stands in the wrong place. */
#include "cli.h"

const char *cli_file_kind(const char *path)
{
    const char *noun;
    bp__source_of_path(path, &noun);
    return noun;
}
