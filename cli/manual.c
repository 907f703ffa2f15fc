/* The manual page and bash's completion, printed from the tables of commands,
 * options, keys and kinds: neither can say what the command does not do.
 * doc/man/bprop.1 and doc/man/bprop.bash hold what this prints (the target
 * man_doc writes them; a test compares). */
#include "cli.h"

#include <bprop/inspect.h>

/* ---- man ----------------------------------------------------------------- */

/* Text in roff: no line is taken for a request, a dash is a dash, and a word
 * in `...` is bold. */
static void roff(const char *text)
{
    bool start = true, bold = false;
    for (; *text; text++) {
        if (start && (*text == '.' || *text == '\''))
            printf("\\&");
        start = *text == '\n';
        if (*text == '`')
            printf((bold = !bold) ? "\\fB" : "\\fR");
        else if (*text == '\\')
            printf("\\e");
        else if (*text == '-')
            printf("\\-");
        else
            putchar(*text);
    }
}

static const cli_opt model_options[] = {OPT_MODEL, OPT_END};

/* Those of a command, without those for models, or only these. */
static void man_options(const cli_command *c, bool for_models)
{
    for (int k = 0; k < cli_n_options; k++) {
        const cli_option *o = &cli_options[k];
        if (!cli_option_in(c->options, o->id) ||
            cli_option_in(model_options, o->id) != for_models)
            continue;
        printf(".TP\n.B ");
        roff(o->name);
        if (o->arg)
            printf(" \\fI%s\\fR", o->arg);
        printf("\n");
        roff(o->help);
        printf("\n");
    }
}

static bool takes_models(const cli_command *c)
{
    for (const cli_opt *o = model_options; *o != OPT_END; o++)
        if (!cli_option_in(c->options, *o))
            return false;
    return true;
}

int cli_print_man(void)
{
    static const cli_command model = {.options = model_options};
    printf(".\\\" Printed by `bprop help man`: edit the tables in cli/.\n"
           ".TH BPROP 1 \"\" \"bprop %s\" \"User Commands\"\n"
           ".SH NAME\nbprop \\- train, check and look into neural networks\n"
           ".SH SYNOPSIS\n.B bprop\n.I command\n.RI [ operands ]\n"
           ".RI [ options ]\n.SH DESCRIPTION\n", BP_VERSION);
    roff("bprop trains a network that a YAML file describes, evaluates it, "
         "predicts with it, and\nshows and checks what backpropagation "
         "computes. The bits of a run depend on its file,\nits seed and its "
         "data: not on threads, instruction sets, compilers or machines.\n");
    printf(".PP\n");
    roff("A FILE is a model file, or the name of a shipped model (`bprop "
         "models`); a RUN is a\nfolder that `bprop train` has filled.\n");
    printf(".SH COMMANDS\n");
    for (int i = 0; i < cli_n_commands; i++) {
        const cli_command *c = cli_commands[i];
        printf(".SS \"bprop %s", c->name);
        if (*c->operands) {
            printf(" ");
            roff(c->operands);
        }
        printf("\"\n");
        roff(c->summary);
        printf(".\n");
        if (*c->details) {
            printf(".PP\n");
            roff(c->details);
            printf("\n");
        }
        man_options(c, false);
        if (takes_models(c))
            printf(".PP\nTakes the options for models, below.\n");
        else
            man_options(c, true);
    }
    printf(".SH OPTIONS FOR MODELS\n");
    man_options(&model, true);
    printf(".SH MODEL FILES\n");
    roff("`bprop help keys` lists the keys of a model file; `bprop help "
         "WORD` what may stand\nthere, WORD being one of");
    for (int i = 0; cli_help_topic(i); i++)
        printf("%s %s", i ? "," : "", cli_help_topic(i));
    printf(".\n.SH EXIT STATUS\n.TP\n.B 0\nfine\n.TP\n.B 1\n");
    roff("it was started and failed: a file, memory, a value that is not "
         "finite, a wrong gradient; or\nit was stopped and has saved\n");
    printf(".TP\n.B 2\nwrong usage, or a wrong model file\n"
           ".SH EXAMPLES\n.nf\n");
    roff("bprop train digits\nbprop new people.csv --target income\n"
         "bprop train people.yaml\nbprop predict runs/people others.csv\n"
         "bprop lr people.yaml --svg rate.svg\n");
    printf(".fi\n");
    return EXIT_FINE;
}

/* ---- bash ---------------------------------------------------------------- */

/* The words of "train, valid or test (...)", if they are nothing but that. */
static bool print_choices(const cli_option *o)
{
    const char *text = cli_option_expects(o);
    if (!o->arg || !strncmp(text, "a ", 2) || !strncmp(text, "at ", 3))
        return false; /* "a number above 0" */
    printf("    %s) words=\"", o->name);
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, " ,");
        if (n && !(n == 2 && !strncmp(p, "or", 2)))
            printf("%.*s ", (int)n, p);
        p += n + strspn(p + n, " ,");
    }
    printf("\" ;;\n");
    return true;
}

static void print_key(void *user, const bp_key *key)
{
    (void)user;
    if (!key->is_map)
        printf("%s ", key->path);
}

static void print_value(void *user, const bp_key *key)
{
    (void)user;
    if (!key->n_words && !key->is_bool)
        return;
    printf("    %s) words=\"", key->path);
    for (size_t w = 0; w < key->n_words; w++)
        printf("%s ", key->words[w]);
    printf("%s\" ;;\n", key->n_words ? "" : "true false");
}

static void print_rows(const char *key, bp_nn_table table)
{
    printf("    %s) words=\"", key);
    for (size_t i = 0; bp_nn_row_name(table, i); i++)
        printf("%s ", bp_nn_row_name(table, i));
    printf("\" ;;\n");
}

static void print_commands(void)
{
    for (int i = 0; i < cli_n_commands; i++) {
        printf("    %s) options=\"", cli_commands[i]->name);
        for (int k = 0; k < cli_n_options; k++)
            if (cli_option_fits(cli_commands[i], &cli_options[k]))
                printf("%s ", cli_options[k].name);
        printf("\" operands=\"%s\" ;;\n", cli_commands[i]->operands);
    }
}

static void print_lists(void)
{
    printf("_bprop_commands=\"");
    for (int i = 0; i < cli_n_commands; i++)
        printf("%s ", cli_commands[i]->name);
    printf("\"\n_bprop_topics=\"keys ");
    for (int i = 0; cli_help_topic(i); i++)
        printf("%s ", cli_help_topic(i));
    printf("\"\n_bprop_models=\"");
    for (int i = 0; cli_shipped_name(i); i++)
        printf("%s ", cli_shipped_name(i));
    printf("\"\n_bprop_ops=\"");
    bp_op_info op;
    for (int i = 0; bp_op_get(i, &op); i++)
        printf("%s ", op.name);
    printf("\"\n_bprop_keys=\"");
    bp_config_keys(print_key, NULL);
    printf("\"\n\n");
}

int cli_print_bash(void)
{
    printf("# bash completion for bprop, printed by `bprop help bash`.\n\n");
    print_lists();
    printf("# What a key of the model file may hold, in words.\n"
           "_bprop_values() {\n    case $1 in\n");
    print_rows("model.init|model.bias_init", BP_NN_INITS);
    print_rows("loss", BP_NN_LOSSES);
    print_rows("metrics", BP_NN_METRICS);
    print_rows("penalty", BP_NN_PENALTIES);
    print_rows("optimizer", BP_NN_OPTIMIZERS);
    print_rows("optimizer.*.schedule", BP_NN_SCHEDULES);
    print_rows("model.layers.*", BP_NN_LAYERS);
    bp_config_keys(print_value, NULL);
    printf("    data.train|data.valid|data.test) words=digits ;;\n"
           "    *) words= ;;\n    esac\n}\n\n"
           "# ... and an option.\n_bprop_option_values() {\n    case $1 in\n");
    for (int k = 0; k < cli_n_options; k++)
        print_choices(&cli_options[k]);
    printf("    --no-pass) words=\"all ");
    for (size_t i = 0; bp_pass_name(i); i++)
        printf("%s ", bp_pass_name(i));
    printf("\" ;;\n    --no-kernel) words=\"all chain\" ;;\n"
           "    *) return 1 ;;\n    esac\n}\n\n"
           "_bprop_command() {\n    case $1 in\n");
    print_commands();
    printf("    *) options= operands= ;;\n    esac\n}\n\n");
    printf("_bprop_with_value=\"");
    for (int k = 0; k < cli_n_options; k++)
        if (cli_options[k].arg)
            printf("%s ", cli_options[k].name);
    fputs("\"\n\n"
          "_bprop() {\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} prev= words= options=\n"
          "    local operands= command=${COMP_WORDS[1]} key=\n"
          "    [ \"$COMP_CWORD\" -gt 0 ] && "
          "prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
          "    COMPREPLY=()\n"
          "    if [ \"$COMP_CWORD\" = 1 ]; then\n"
          "        COMPREPLY=($(compgen -W \"$_bprop_commands\" -- "
          "\"$cur\"))\n"
          "        return\n"
          "    fi\n"
          "    # \"=\" is a word of its own: KEY = VALUE, --option = VALUE.\n"
          "    if [ \"$cur\" = = ]; then\n"
          "        key=$prev cur=\n"
          "    elif [ \"$prev\" = = ]; then\n"
          "        key=${COMP_WORDS[COMP_CWORD - 2]}\n"
          "    fi\n"
          "    case $key in\n"
          "    --*) prev=$key ;;\n"
          "    ?*)\n"
          "        _bprop_values \"$key\"\n"
          "        COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
          "        return ;;\n"
          "    esac\n"
          "    if [ \"$prev\" = --set ]; then\n"
          "        COMPREPLY=($(compgen -S = -W \"$_bprop_keys\" -- "
          "\"$cur\"))\n"
          "        type compopt > /dev/null 2>&1 && compopt -o nospace "
          "2> /dev/null\n"
          "        return\n"
          "    fi\n"
          "    if [[ \" $_bprop_with_value \" == *\" $prev \"* ]]; then\n"
          "        if _bprop_option_values \"$prev\"; then\n"
          "            COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
          "        else\n"
          "            COMPREPLY=($(compgen -f -- \"$cur\"))\n"
          "        fi\n"
          "        return\n"
          "    fi\n"
          "    _bprop_command \"$command\"\n"
          "    if [[ $cur == -* ]]; then\n"
          "        COMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
          "        return\n"
          "    fi\n"
          "    case $command in\n"
          "    help) words=\"$_bprop_commands $_bprop_topics\" ;;\n"
          "    ops) words=$_bprop_ops ;;\n"
          "    models) words=$_bprop_models ;;\n"
          "    *)\n"
          "        [[ $operands == *FILE* ]] && words=$_bprop_models\n"
          "        [ -z \"$operands\" ] || COMPREPLY=($(compgen -f -- "
          "\"$cur\")) ;;\n"
          "    esac\n"
          "    COMPREPLY+=($(compgen -W \"$words\" -- \"$cur\"))\n"
          "}\n"
          "complete -o filenames -F _bprop bprop\n", stdout);
    return EXIT_FINE;
}
