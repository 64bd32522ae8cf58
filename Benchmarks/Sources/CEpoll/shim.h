/* epoll(7), which Swift's own module of the C library leaves out. <features.h> comes first, as in the library's CLinux. */
#ifndef BENCHMARKS_CEPOLL_SHIM_H
#define BENCHMARKS_CEPOLL_SHIM_H

#include <features.h>
#include <sys/epoll.h>

#endif
