/* doctor.h - what the parts of `snakepit doctor` share: the configuration, if there is one, and what was found. Each part
 * looks at one thing and adds its findings; none changes anything on the machine. */
#ifndef SNAKEPIT_CLI_DOCTOR_H
#define SNAKEPIT_CLI_DOCTOR_H

#include "broker/io/config.h"
#include "client/cli/cli.h"
#include "client/cli/compat_table.h"
#include "client/cli/finding.h"

struct doctor {
    struct cli *cli;
    const char *config_path; /* -c; NULL: not given */
    bool imports_apps;       /* --import */
    struct config *config;   /* NULL: there is none, or it is wrong */
    char broker_version[64]; /* of the broker that answers; empty: none does */
    struct compat_table table;
    struct findings findings;
    json_t *interpreters, *pools; /* arrays, for -o json */
};

/* Load the configuration. */
void
doctor_check_config(struct doctor *doctor);

/* libzmq, clocks, descriptors, memory. */
void
doctor_check_host(struct doctor *doctor);

/* Does a broker answer? Starts threads: no child_run after it. */
void
doctor_check_broker(struct doctor *doctor);

/* The addresses that a broker binds: free, or whose? */
void
doctor_check_endpoints(struct doctor *doctor);

/* All interpreters of this machine. */
void
doctor_check_interpreters(struct doctor *doctor);

/* Each pool's interpreter and app. */
void
doctor_check_pools(struct doctor *doctor);

#endif
