/* Calls to a loop from another thread, and how long their answers took. See loop.h. */

#define _GNU_SOURCE
#include "loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { MAXIMUM_CALLS = 1 << 16 };

static int asked = -1, answered = -1;
static unsigned interval_microseconds;
static uint32_t latencies[MAXIMUM_CALLS];
static atomic_uint call_count;

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void add_one(int event)
{
    uint64_t one = 1;

    while (write(event, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

static void take(int event)
{
    uint64_t count;

    while (read(event, &count, sizeof count) < 0 && errno == EINTR)
        ;
}

static void note(uint64_t latency)
{
    unsigned index = atomic_load(&call_count);

    if (index == MAXIMUM_CALLS)
        return;
    latencies[index] = latency > UINT32_MAX ? UINT32_MAX : (uint32_t)latency;
    atomic_store(&call_count, index + 1);
}

/*
 * A call counts from when it is made; but from when it was due if the one before had no answer by then, since whoever wanted
 * to call has waited too.
 */
static void *call_now_and_then(void *unused)
{
    uint64_t due = now();

    for (;;) {
        uint64_t start = due, before = now();

        if (before < due) {
            struct timespec pause = {.tv_nsec = (long)(due - before)};
            nanosleep(&pause, NULL);
            start = now();
        }
        add_one(asked);
        take(answered);
        note(now() - start);
        due += interval_microseconds * 1000u;
    }
    return unused;
}

int calls_descriptor(void)
{
    return asked;
}

void start_calls(unsigned interval)
{
    pthread_t thread;

    if (!interval)
        return;
    interval_microseconds = interval;
    asked = eventfd(0, EFD_CLOEXEC);
    answered = eventfd(0, EFD_CLOEXEC);
    if (asked < 0 || answered < 0)
        fail("eventfd", errno);
    int error = pthread_create(&thread, NULL, call_now_and_then, NULL);
    if (error)
        fail("pthread_create", error);
}

void answer_call(void)
{
    add_one(answered);
}

void report_calls(void)
{
    unsigned count = atomic_load(&call_count);

    for (unsigned i = 0; i < count; i++)
        printf("call %u\n", latencies[i]);
}
