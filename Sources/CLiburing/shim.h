/*
 * liburing as Swift sees it. Debian 12's liburing 2.3 is enough; newer headers work as well.
 *
 * <features.h> comes first: liburing.h defines _XOPEN_SOURCE before it includes the C library, and with that
 * alone glibc declares other types (fd_set, for one) than those the Glibc module was built with. Reading
 * <features.h> beforehand fixes glibc's choice to the compiler's default, which is Swift's.
 */
#ifndef NB_SERVER_CLIBURING_SHIM_H
#define NB_SERVER_CLIBURING_SHIM_H

#include <features.h>
#include <liburing.h>

/*
 * IOSQE_CQE_SKIP_SUCCESS and IOSQE_BUFFER_SELECT in a form that Swift reads the same from every liburing: they are
 * macros over enumerators, which have no type of their own in 2.3 and have one later.
 */
#define NB_SERVER_CQE_SKIP_SUCCESS (1U << 6)
_Static_assert(NB_SERVER_CQE_SKIP_SUCCESS == IOSQE_CQE_SKIP_SUCCESS, "the kernel's flag");
#define NB_SERVER_BUFFER_SELECT (1U << 5)
_Static_assert(NB_SERVER_BUFFER_SELECT == IOSQE_BUFFER_SELECT, "the kernel's flag");

#endif
