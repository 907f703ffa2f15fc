/* A library without libyaml has every function of <bprop/config.h> and
 * <bprop/predict.h>, and refuses files by saying why; drafts need none. */
#include "t.h"

#include <bprop/predict.h>

#include <errno.h>
#include <sys/stat.h>

int main(void)
{
    bp_error err = {0};
    bp_config *c = NULL;
    bp_predictor *p = NULL;
    bp_draft *d = NULL;
    FILE *f = fopen("t-without.csv", "w");
    T_REQUIRE(f);
    for (int i = 0; i < 100; i++)
        fprintf(f, "%d,%s\n", i % 17, i % 17 > 8 ? "up" : "low");
    T_REQUIRE(!fclose(f));
    T_OK(bp_draft_look("t-without.csv", NULL, &d, &err), &err);
    const char *text = bp_draft_text(d);
    T_CHECK(strstr(text, "csv: ") && *bp_draft_found(d));
    bp_status st = bp_config_parse("m.yaml", text, strlen(text), NULL, &c,
                                   &err);
    T_REQUIRE(mkdir("t-without", 0777) == 0 || errno == EEXIST);
    f = fopen("t-without/config.yaml", "w");
    T_REQUIRE(f && fputs(text, f) >= 0 && !fclose(f));
#ifdef T_YAML
    T_CHECK(st == BP_OK && c);
    T_CHECK(bp_predictor_open("t-without", NULL, &p, &err) != BP_OK && !p);
#else
    T_CHECK(st == BP_EUNSUPPORTED && !c &&
            strstr(err.message, "without libyaml"));
    T_CHECK(bp_predictor_open("t-without", NULL, &p, &err) ==
            BP_EUNSUPPORTED && !p);
#endif
    bp_config_free(c);
    bp_draft_free(d);
    return t_end();
}
