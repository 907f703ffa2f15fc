/* bprop version */
#include "cli.h"

#include "base/threads.h"

#include <yaml.h>
#ifdef BPROP_HAVE_ZLIB
#include <zlib.h>
#endif

static int run_version(const cli_args *a)
{
    bp_runtime *r = NULL;
    bp_error err = {0};
    bp_runtime_options o = {.size = sizeof o, .threads = a->threads,
                            .level = a->level};
    if (bp_runtime_new(&o, &r, &err))
        return cli_fail(&err);
    printf("bprop %s\n", BP_VERSION);
    printf("compiler   %s\n", __VERSION__);
    printf("level      %s (available:", bp_level_name(bp_runtime_level(r)));
    for (int l = BP_LEVEL_PLAIN; l <= BP_LEVEL_AVX512; l++)
        if (bp_level_available((bp_level)l))
            printf(" %s", bp_level_name((bp_level)l));
    printf(")\n");
    if (bp_runtime_level(r) == BP_LEVEL_PLAIN)
        printf("           plain C: the same bits, slowly\n");
    printf("threads    %d (this process may use %d CPU%s)\n",
           bp_runtime_threads(r), bp__cpu_count(),
           bp__cpu_count() == 1 ? "" : "s");
    printf("libraries  libyaml %s", yaml_get_version_string());
#ifdef BPROP_HAVE_ZLIB
    printf(", zlib %s", zlibVersion());
#endif
    printf("%s\n", BPROP_LIBRARIES);
#ifndef BPROP_HAVE_ZLIB
    printf("           built without zlib: .gz files are refused\n");
#endif
    bp_runtime_free(r);
    return EXIT_FINE;
}

const cli_command cli_version = {
    .name = "version",
    .operands = "",
    .summary = "print the version, the instruction-set level and the threads",
    .details = "",
    .options = OPTIONS(OPT_THREADS, OPT_LEVEL),
    .run = run_version,
};
