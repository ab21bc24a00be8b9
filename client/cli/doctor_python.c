/* doctor_python.c - interpreters: those of this machine, and those of the pools. */
#include "client/cli/doctor.h"
#include "client/cli/python_advice.h"
#include "client/cli/python_find.h"
#include "client/cli/python_probe.h"

#include "wire/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 1024 };

/* --- what all are told ---------------------------------------------------------------------------------------- */

/* "CPython 3.14.0, free-threaded; pyzmq 27.1.0, msgpack 1.2.4, snakepit 0.1.0" */
static void
describe(const struct python_record *record, char text[static TEXT_BYTES])
{
    const char *const names[] = {"pyzmq", "msgpack", "snakepit"};
    const char *const versions[] = {record->pyzmq, record->msgpack, record->snakepit};
    int size = snprintf(text, TEXT_BYTES, "%.40s %.40s, %s", record->implementation, record->version,
                        !record->is_free_threaded ? "with a GIL"
                        : record->gil_enabled     ? "free-threaded, but its GIL is on"
                                                  : "free-threaded");

    for (size_t i = 0; i < 3; i++)
        size += snprintf(text + size, TEXT_BYTES - (size_t)size, "%s %s %.40s", i > 0 ? "," : ";",
                         versions[i] ? names[i] : "no", versions[i] ? versions[i] : names[i]);
}

static void
name_missing(const struct python_record *record, const char *python, char remedy[static TEXT_BYTES])
{
    if (!record->pyzmq || !record->msgpack)
        snprintf(remedy, TEXT_BYTES, "%.300s -m pip install pyzmq msgpack%s", python,
                 record->snakepit ? "" : "; and the package snakepit, from the folder worker_python");
    else
        snprintf(remedy, TEXT_BYTES, "install the package snakepit, from the folder worker_python, with %.300s -m pip "
                 "install FOLDER", python);
}

/* For -o json: the record, but for what is installed, and the advice. A new reference. */
static json_t *
make_entry(const struct doctor *doctor, const struct python_record *record)
{
    json_t *entry = json_copy(record->json);
    struct python_advice advice;
    char libraries[TEXT_BYTES];

    python_advise(record, &doctor->table, &advice);
    json_object_del(entry, "installed");
    json_object_set_new(entry, "usable", json_boolean(python_is_equipped(record)));
    json_object_set_new(entry, "recommended_profile", advice.profile ? json_string(advice.profile) : json_null());
    json_object_set_new(entry, "reason", json_string(advice.reason));
    python_list_gil_libraries(record, &doctor->table, libraries, sizeof libraries);
    json_object_set_new(entry, "gil_libraries", json_string(libraries));
    return entry;
}

static void
warn_of_slow_msgpack(struct doctor *doctor, const char *who, const struct python_record *record)
{
    if (record->msgpack && !record->has_msgpack_extension)
        findings_add(&doctor->findings, VERDICT_WARN, "python",
                     "install a msgpack wheel, or build it with a C compiler: pip install --no-binary msgpack msgpack",
                     "%s: msgpack %s has no C extension; each task then costs dozens of microseconds more", who,
                     record->msgpack);
}

/* --- interpreters --------------------------------------------------------------------------------------------- */

/* One interpreter has many names; a virtual environment is another one, although its program is the same. */
static bool
is_known(const struct doctor *doctor, const struct python_record *record)
{
    for (size_t i = 0; i < json_array_size(doctor->interpreters); i++) {
        const json_t *other = json_array_get(doctor->interpreters, i);
        const char *prefix = json_string_value(json_object_get(other, "prefix"));
        const char *version = json_string_value(json_object_get(other, "version"));

        if (prefix && record->prefix && strcmp(prefix, record->prefix) == 0 && strcmp(version, record->version) == 0 &&
            json_is_true(json_object_get(other, "free_threaded")) == record->is_free_threaded)
            return true;
    }
    return false;
}

static void
tell_interpreter(struct doctor *doctor, const char *path, const struct python_record *record)
{
    char text[TEXT_BYTES], remedy[TEXT_BYTES] = "";
    struct python_advice advice;

    describe(record, text);
    python_advise(record, &doctor->table, &advice);
    if (!advice.profile) {
        findings_add(&doctor->findings, VERDICT_OK, "python", NULL, "%s: %s\nnot for workers: %s", path, text,
                     advice.reason);
        return;
    }
    if (!python_is_equipped(record))
        name_missing(record, path, remedy);
    findings_add(&doctor->findings, record->gil_module ? VERDICT_WARN : VERDICT_OK, "python",
                 *remedy ? remedy : NULL, "%s: %s\n%sprofile \"%s\": %s", path, text,
                 *remedy ? "not for workers as it is; " : "", advice.profile, advice.reason);
    warn_of_slow_msgpack(doctor, path, record);
}

/* Returns whether workers could run in it. */
static bool
check_interpreter(struct doctor *doctor, const char *path)
{
    const struct python_probe probe = {.python = path};
    char text[PYTHON_PROBE_TEXT_BYTES];
    struct python_record record;
    bool is_equipped;
    json_t *entry;

    if (python_probe_run(&probe, &record, text) != OK) {
        findings_add(&doctor->findings, VERDICT_WARN, "python", NULL, "%s cannot be used: %s", path, text);
        return false;
    }
    is_equipped = python_is_equipped(&record);
    if (!is_known(doctor, &record)) {
        tell_interpreter(doctor, path, &record);
        entry = make_entry(doctor, &record);
        json_object_set_new(entry, "path", json_string(path));
        json_array_append_new(doctor->interpreters, entry);
    }
    python_record_fini(&record);
    return is_equipped;
}

void
doctor_check_interpreters(struct doctor *doctor)
{
    struct python_paths paths;
    bool has_one = false;

    python_paths_init(&paths);
    for (size_t i = 0; i < paths.count; i++)
        has_one |= check_interpreter(doctor, paths.list[i]);
    python_paths_fini(&paths);
    if (!has_one)
        findings_add(&doctor->findings, VERDICT_WARN, "python",
                     "make a virtual environment with Python 3.10 or later, and install pyzmq, msgpack and the package "
                     "snakepit in it",
                     "no interpreter that was found can run workers");
}

/* --- pools ---------------------------------------------------------------------------------------------------- */

static const char *
profile_name(const struct pool_config *pool)
{
    return pool->profile == PROFILE_THREAD ? "thread" : "process";
}

/* Whether the pool's workers would start and be welcome; else a failure says why not. */
static bool
can_work(struct doctor *doctor, const struct pool_config *pool, const struct python_record *record)
{
    struct findings *findings = &doctor->findings;
    const char *name = pool->core.name;
    char text[TEXT_BYTES], remedy[TEXT_BYTES];

    describe(record, text);
    if (!python_is_supported(record)) {
        findings_add(findings, VERDICT_FAIL, "pool", "set python to CPython 3.10 or later", "%s: %s: %s", name,
                     pool->python, text);
    } else if (!python_is_equipped(record)) {
        name_missing(record, pool->python, remedy);
        findings_add(findings, VERDICT_FAIL, "pool", remedy, "%s: %s: %s", name, pool->python, text);
    } else if (record->app_error) {
        findings_add(findings, VERDICT_FAIL, "pool", "set directory to where the module is, or mend the app",
                     "%s: the app %s cannot be imported: %s", name, pool->app, record->app_error);
    } else if (pool->core.require_free_threading && record->gil_enabled) {
        findings_add(findings, VERDICT_FAIL, "pool",
                     record->gil_module ? "do without that module, or take a version of it that declares free-threading"
                                        : "set python to a free-threaded build, python3.14t for instance",
                     "%s: require_free_threading is set, but %s%s switches the GIL on", name,
                     record->gil_module ? "importing " : "", record->gil_module ? record->gil_module : pool->python);
    } else {
        return true;
    }
    return false;
}

static void
tell_pool(struct doctor *doctor, const struct pool_config *pool, const struct python_record *record)
{
    struct python_advice advice;
    char text[TEXT_BYTES];
    bool fits;

    describe(record, text);
    python_advise(record, &doctor->table, &advice);
    fits = strcmp(advice.profile, profile_name(pool)) == 0;
    findings_add(&doctor->findings, VERDICT_OK, "pool", NULL, "%s: profile \"%s\" on %s%s%s%s%s", pool->core.name,
                 profile_name(pool), text, fits ? "" : "\nfor tasks that compute, \"", fits ? "" : advice.profile,
                 fits ? "" : "\": ", fits ? "" : advice.reason);
    warn_of_slow_msgpack(doctor, pool->core.name, record);
    if (pool->nursery && record->app_threads > 0)
        findings_add(&doctor->findings, VERDICT_WARN, "pool", "start them in a set-up hook instead, or set nursery = false",
                     "%s: importing %s starts %u thread%s, so the nursery refuses it", pool->core.name, pool->app,
                     record->app_threads, record->app_threads == 1 ? "" : "s");
}

static void
check_pool(struct doctor *doctor, const struct pool_config *pool)
{
    const struct python_probe probe = {.python = pool->python,
                                       .directory = pool->directory,
                                       .environment = pool->environment,
                                       .app = doctor->imports_apps ? pool->app : NULL};
    char text[PYTHON_PROBE_TEXT_BYTES];
    struct python_record record;
    json_t *entry;

    if (python_probe_run(&probe, &record, text) != OK) {
        findings_add(&doctor->findings, VERDICT_FAIL, "pool", "set python to an interpreter, and directory to a folder",
                     "%s: %s cannot be used: %s", pool->core.name, pool->python, text);
        return;
    }
    if (can_work(doctor, pool, &record))
        tell_pool(doctor, pool, &record);
    entry = make_entry(doctor, &record);
    json_object_set_new(entry, "pool", json_string(pool->core.name));
    json_object_set_new(entry, "profile", json_string(profile_name(pool)));
    json_array_append_new(doctor->pools, entry);
    python_record_fini(&record);
}

void
doctor_check_pools(struct doctor *doctor)
{
    for (size_t i = 0; doctor->config && i < doctor->config->pool_count; i++)
        if (doctor->config->pools[i].app)
            check_pool(doctor, &doctor->config->pools[i]);
}
