/* main.c - the program snakepit: finds the command, runs it, and gives its exit code. */
#include "client/cli/cli.h"
#include "client/cli/help.h"
#include "client/cli/suggest.h"

#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct command *
find_command(const char *name)
{
    for (const struct command *command = commands; command->name; command++)
        if (strcmp(command->name, name) == 0)
            return command;
    return NULL;
}

static int
refuse_unknown(const struct cli *cli, const char *name)
{
    for (const struct command *command = commands; command->name; command++)
        if (suggest_is_near(name, command->name))
            return cli_usage(cli, "unknown command \"%s\"; did you mean \"%s\"?", name, command->name);
    return cli_usage(cli, "unknown command \"%s\"", name);
}

/* `snakepit help` and `snakepit help COMMAND`, for those who try it. */
static int
run_help(struct cli *cli, struct args *args)
{
    const char *name;
    int key = cli_next(cli, args, &name);

    if (key == ARG_STOP)
        return cli->exit_code;
    if (key == ARG_POSITIONAL && !find_command(name))
        return refuse_unknown(cli, name);
    help_print(key == ARG_POSITIONAL ? find_command(name) : NULL);
    return EXIT_DONE;
}

static int
run(struct cli *cli, struct args *args)
{
    const char *name;
    int key = cli_next(cli, args, &name);

    if (key == ARG_STOP)
        return cli->exit_code;
    if (key == ARG_END)
        return cli_usage(cli, "a command is missing");
    if (strcmp(name, "help") == 0)
        return run_help(cli, args);
    cli->command = find_command(name);
    return cli->command ? cli->command->run(cli, args) : refuse_unknown(cli, name);
}

/* A standard stream that our caller closed would be the number of the next socket, and results would be written into it.
 * So the number is taken, by a file that fails in the direction in which the stream is used. */
static void
occupy_closed_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            abort();
}

int
main(int argc, char **argv)
{
    const char *endpoint = getenv("SNAKEPIT_ENDPOINT");
    struct cli cli = {.endpoint = endpoint && *endpoint ? endpoint : SNAKEPIT_ENDPOINT_DEFAULT, .timeout_us = -1};
    struct args args;
    int exit_code;

    occupy_closed_streams();
    setlocale(LC_CTYPE, ""); /* only to learn whether the terminal reads UTF-8; numbers stay as they are in C */
    args_init(&args, argc > 0 ? argc - 1 : 0, argv + 1);
    exit_code = run(&cli, &args);
    snakepit_client_destroy(&cli.client);
    cli_print(&cli, "", 0);
    if (cli.write_error != 0) {
        cli_say(&cli, "cannot write the output: %s", strerror(cli.write_error));
        return exit_code == EXIT_DONE ? EXIT_TASK_FAILED : exit_code;
    }
    return exit_code;
}
