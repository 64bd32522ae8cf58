/*
 * Interfaces of the C library to Linux that Swift's own module of the C library leaves out.
 *
 * <features.h> comes first, so that glibc chooses the same declarations as for Swift's module.
 */
#ifndef NB_SERVER_CLINUX_SHIM_H
#define NB_SERVER_CLINUX_SHIM_H

#include <features.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* epoll_pwait2(2), Linux 5.11, which musl does not have. The number is the same on every architecture. */
static inline int nb_server_epoll_pwait2(int epoll, struct epoll_event *events, int limit, const struct timespec *timeout)
{
    return (int)syscall(441, epoll, events, limit, timeout, (void *)0, (size_t)0);
}

/* accept4(2) without the peer's address. The C library shows the function to GNU sources only. */
static inline int nb_server_accept4(int listener, int flags)
{
    return (int)syscall(SYS_accept4, listener, (void *)0, (void *)0, flags);
}

/* close_range(2), Linux 5.9, which musl does not have: every descriptor from the first to the last. The number is the same everywhere. */
static inline int nb_server_close_range(int first, int last)
{
    return (int)syscall(436, (unsigned)first, (unsigned)last, 0u);
}

/* sched_getaffinity(2) and sched_setaffinity(2) of the calling thread; the first tells how many bytes the kernel has written. */
static inline int nb_server_get_affinity(unsigned long *mask, size_t size)
{
    return (int)syscall(SYS_sched_getaffinity, 0, size, mask);
}

static inline int nb_server_set_affinity(const unsigned long *mask, size_t size)
{
    return (int)syscall(SYS_sched_setaffinity, 0, size, mask);
}

/* FUTEX_WAIT_BITSET of futex(2), which takes a time of CLOCK_MONOTONIC; a null pointer is no limit. For threads of one process. */
static inline int nb_server_futex_wait(void *word, uint32_t value, const struct timespec *deadline)
{
    return (int)syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, value, deadline, (void *)0, FUTEX_BITSET_MATCH_ANY);
}

/* FUTEX_WAKE of futex(2), for all that wait. */
static inline int nb_server_futex_wake(void *word)
{
    return (int)syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT_MAX, (void *)0, (void *)0, 0);
}

#endif
