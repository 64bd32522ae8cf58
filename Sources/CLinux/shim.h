/*
 * Interfaces of the C library to Linux that Swift's own module of the C library leaves out.
 *
 * <features.h> comes first, so that glibc chooses the same declarations as for Swift's module.
 */
#ifndef NB_SERVER_CLINUX_SHIM_H
#define NB_SERVER_CLINUX_SHIM_H

#include <features.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#endif
