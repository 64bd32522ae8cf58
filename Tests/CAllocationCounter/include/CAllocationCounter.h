/*
 * Counts what each thread does: heap allocations and frees, Swift retains and releases.
 *
 * The counters are the thread's own and only go up; the difference of two readings is what happened in between.
 */
#ifndef NB_SERVER_C_ALLOCATION_COUNTER_H
#define NB_SERVER_C_ALLOCATION_COUNTER_H

#include <stdint.h>

struct allocation_counts {
    uint64_t allocations;
    uint64_t frees;
    uint64_t retains;
    uint64_t releases;
};

/* Has the Swift runtime report retains and releases. Call it once, before there are other threads. */
void allocation_counter_install(void);

/* What the calling thread has done so far. Allocates nothing. */
struct allocation_counts allocation_counter_read(void);

/* Does nothing, out of the optimizer's sight: memory given to it has to exist. */
void allocation_counter_keep(const void *memory);

#endif
