/* shift_clock.c - preloaded into a program, it moves the wall clock by a year, forwards and backwards by turns, while the file
 * $SHIFT_CLOCK is there. The monotonic clock is left alone. */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define YEAR_S (365 * 24 * 3600)

/* A different answer each time: whoever reads the wall clock for a timer gets lost. */
static time_t
shift(void)
{
    static unsigned turns;
    const char *path = getenv("SHIFT_CLOCK");

    if (!path || access(path, F_OK))
        return 0;
    return turns++ % 2 ? YEAR_S : -YEAR_S;
}

int
clock_gettime(clockid_t id, struct timespec *ret_now)
{
    static int (*real)(clockid_t, struct timespec *);
    int status;

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    status = real(id, ret_now);
    if (status == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        ret_now->tv_sec += shift();
    return status;
}

int
gettimeofday(struct timeval *ret_now, void *zone)
{
    struct timespec now;

    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now))
        return -1;
    ret_now->tv_sec = now.tv_sec;
    ret_now->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t
time(time_t *ret_now)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (ret_now)
        *ret_now = now.tv_sec;
    return now.tv_sec;
}
