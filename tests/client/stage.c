/* stage.c - see stage.h. */
#include "tests/client/stage.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS_MAX 16

struct stage {
    char folder[64];
    char config[96];
    char clients[128];
    char workers[128];
    pid_t broker; /* 0: none */
    pid_t worker[WORKERS_MAX];
};

/* Take any free tcp port. The socket that holds it; *ret_port is which. */
static int
take_port(unsigned *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0);
    getsockname(fd, (struct sockaddr *)&address, &size);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

/* Two ports that were free a moment ago; both are held until both are known, so that they differ. */
static void
choose_ports(struct stage *stage)
{
    unsigned clients, workers;
    int clients_fd = take_port(&clients);
    int workers_fd = take_port(&workers);

    close(clients_fd);
    close(workers_fd);
    snprintf(stage->clients, sizeof stage->clients, "tcp://127.0.0.1:%u", clients);
    snprintf(stage->workers, sizeof stage->workers, "tcp://127.0.0.1:%u", workers);
}

static void
write_config(const struct stage *stage)
{
    FILE *file = fopen(stage->config, "w");

    cr_assert_not_null(file);
    fprintf(file,
            "endpoints = { clients = \"%s\"; workers = \"%s\"; events = \"\"; };\n"
            "log = { level = \"error\"; };\n"
            "timers = { worker_grace = \"100ms\"; drain_timeout = \"1s\"; };\n"
            "pools = ( { name = \"echo\"; }, { name = \"small\"; queued_max = 10; } );\n",
            stage->clients, stage->workers);
    fclose(file);
}

struct stage *
stage_new(enum transport transport)
{
    struct stage *stage = calloc(1, sizeof *stage);

    strcpy(stage->folder, "/tmp/snakepit-test-XXXXXX");
    cr_assert_not_null(mkdtemp(stage->folder));
    snprintf(stage->config, sizeof stage->config, "%s/snakepit.conf", stage->folder);
    if (transport == TRANSPORT_TCP) {
        choose_ports(stage);
    } else {
        snprintf(stage->clients, sizeof stage->clients, "ipc://%s/clients", stage->folder);
        snprintf(stage->workers, sizeof stage->workers, "ipc://%s/workers", stage->folder);
    }
    write_config(stage);
    return stage;
}

static void
end(pid_t *process, int number)
{
    kill(*process, number);
    waitpid(*process, NULL, 0);
    *process = 0;
}

static int
remove_entry(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

void
stage_destroy(struct stage **stage_p)
{
    struct stage *stage = *stage_p;

    *stage_p = NULL;
    for (int i = 0; i < WORKERS_MAX; i++)
        if (stage->worker[i])
            end(&stage->worker[i], SIGTERM);
    if (stage->broker)
        end(&stage->broker, SIGINT);
    nftw(stage->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(stage);
}

const char *
stage_endpoint(const struct stage *stage)
{
    return stage->clients;
}

/* Start a program that the environment names. */
static pid_t
start(const char *variable, char *const *arguments)
{
    const char *program = getenv(variable);
    pid_t parent = getpid();
    pid_t process;

    cr_assert_not_null(program, "the environment has no %s", variable);
    process = fork();
    cr_assert_geq(process, 0);
    if (process > 0)
        return process;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent)
        execv(program, arguments);
    _exit(127);
}

void
stage_start_broker(struct stage *stage)
{
    stage->broker = start("SNAKEPITD", (char *[]){"snakepitd", "-c", stage->config, NULL});
}

void
stage_end_broker(struct stage *stage, int number)
{
    end(&stage->broker, number);
}

pid_t
stage_start_worker(struct stage *stage, const char *slots)
{
    int i = 0;

    while (stage->worker[i])
        cr_assert_lt(++i, WORKERS_MAX);
    stage->worker[i] =
        start("ECHO_WORKER", (char *[]){"echo_worker", "-e", stage->workers, "-s", (char *)(uintptr_t)slots, NULL});
    return stage->worker[i];
}

void
stage_end_worker(struct stage *stage, pid_t worker, int number)
{
    for (int i = 0; i < WORKERS_MAX; i++)
        if (stage->worker[i] == worker)
            end(&stage->worker[i], number);
}

int
stage_run(struct stage *stage, const char *program, const char *input, char *ret_output, size_t size)
{
    char command[512], input_path[96];
    FILE *file;
    size_t got;
    int status;

    snprintf(input_path, sizeof input_path, "%s/input", stage->folder);
    file = fopen(input_path, "w");
    cr_assert_not_null(file);
    fputs(input, file);
    fclose(file);
    snprintf(command, sizeof command, "timeout 30 '%s' '%s' < '%s'", program, stage->clients, input_path);
    file = popen(command, "r");
    cr_assert_not_null(file);
    got = fread(ret_output, 1, size - 1, file);
    ret_output[got] = '\0';
    status = pclose(file);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
