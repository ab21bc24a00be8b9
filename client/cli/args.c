/* args.c - a command line, read word by word; see args.h. */
#include "client/cli/args.h"

#include "client/cli/suggest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

void
args_init(struct args *args, int count, char **words)
{
    *args = (struct args){.words = words, .count = count};
}

static const struct option_spec *
find_long(const struct option_spec *options, const char *name, size_t size)
{
    for (; options && options->key != 0; options++)
        if (strlen(options->name) == size && memcmp(options->name, name, size) == 0)
            return options;
    return NULL;
}

static const struct option_spec *
find_short(const struct option_spec *options, char letter)
{
    for (; options && options->key != 0; options++)
        if (options->key == letter)
            return options;
    return NULL;
}

static const char *
suggest_option(const struct option_spec *options, const char *name)
{
    for (; options && options->key != 0; options++)
        if (suggest_is_near(name, options->name))
            return options->name;
    return NULL;
}

static int
refuse_unknown(struct args *args, const struct option_spec *options, const struct option_spec *more, const char *word)
{
    char name[64];
    const char *near;

    if (word[1] != '-') {
        snprintf(args->error, sizeof args->error, "unknown option -%c", word[1]);
        return ARG_WRONG;
    }
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
    near = suggest_option(options, name);
    if (!near)
        near = suggest_option(more, name);
    snprintf(args->error, sizeof args->error, near ? "unknown option --%s; did you mean --%s?" : "unknown option --%s",
             name, near);
    return ARG_WRONG;
}

/* The option's value: what stands behind it in the same word, or the next word. */
static int
take_value(struct args *args, const struct option_spec *option, const char *attached, const char **ret_value)
{
    if (!option->value && attached) {
        snprintf(args->error, sizeof args->error, "--%s takes no value", option->name);
        return ARG_WRONG;
    }
    if (option->value && !attached) {
        if (args->at >= args->count) {
            snprintf(args->error, sizeof args->error, "--%s needs a value: %s", option->name, option->value);
            return ARG_WRONG;
        }
        attached = args->words[args->at++];
    }
    *ret_value = attached;
    return option->key;
}

int
args_next(struct args *args, const struct option_spec *options, const struct option_spec *more, const char **ret_value)
{
    const struct option_spec *option;
    const char *word, *attached;

    *ret_value = NULL;
    if (args->at >= args->count)
        return ARG_END;
    word = args->words[args->at++];
    if (!args->options_ended && strcmp(word, "--") == 0) {
        args->options_ended = true;
        return args_next(args, options, more, ret_value);
    }
    if (args->options_ended || word[0] != '-' || (word[1] != '-' && !isalpha((unsigned char)word[1]))) {
        *ret_value = word;
        return ARG_POSITIONAL;
    }
    if (word[1] == '-') {
        size_t size = strcspn(word + 2, "=");

        option = find_long(options, word + 2, size);
        if (!option)
            option = find_long(more, word + 2, size);
        attached = word[2 + size] == '=' ? word + 2 + size + 1 : NULL;
    } else {
        option = find_short(options, word[1]);
        if (!option)
            option = find_short(more, word[1]);
        attached = word[2] ? word + 2 : NULL;
    }
    if (!option)
        return refuse_unknown(args, options, more, word);
    return take_value(args, option, attached, ret_value);
}
