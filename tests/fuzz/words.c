/* words.c - prints the words of the configuration as a dictionary for libFuzzer: all options, groups and choices. */
#include "broker/io/config_legacy.h"
#include "broker/io/config_schema.h"

#include <stdio.h>

int
main(void)
{
    for (const struct option *option = config_options; option->name; option++) {
        printf("\"%s = \"\n", option->name);
        for (size_t i = 0; option->choices && option->choices[i]; i++)
            printf("\"\\\"%s\\\"\"\n", option->choices[i]);
    }
    for (size_t i = 0; config_sections[i]; i++)
        printf("\"%s: { \"\n", config_sections[i]);
    for (const struct legacy_option *option = legacy_options; option->name; option++)
        printf("\"%s = \"\n", option->name);
    puts("\"pools = ( { name = \\\"p\\\"; } );\"\n\"true\"\n\"false\"\n\"ms\"\n\"GiB\"\n\"tcp://127.0.0.1:\"\n\"ipc:///\"");
    return 0;
}
