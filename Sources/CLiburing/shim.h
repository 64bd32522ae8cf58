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

/*
 * liburing has its own copies of the kernel's structures, which differ from those of <linux/io_uring.h>. A program that also
 * uses a module with the kernel's, as swift-system's is, would not compile: two modules may not define one structure in two
 * ways. Here they have names of their own.
 */
#define io_uring_sqe nb_io_uring_sqe
#define io_uring_cqe nb_io_uring_cqe
#define io_uring_params nb_io_uring_params
#define io_uring_files_update nb_io_uring_files_update
#define io_uring_rsrc_register nb_io_uring_rsrc_register
#define io_uring_rsrc_update nb_io_uring_rsrc_update
#define io_uring_rsrc_update2 nb_io_uring_rsrc_update2
#define io_uring_notification_slot nb_io_uring_notification_slot
#define io_uring_notification_register nb_io_uring_notification_register
#define io_uring_probe_op nb_io_uring_probe_op
#define io_uring_probe nb_io_uring_probe
#define io_uring_restriction nb_io_uring_restriction
#define io_uring_buf nb_io_uring_buf
#define io_uring_buf_ring nb_io_uring_buf_ring
#define io_uring_buf_reg nb_io_uring_buf_reg
#define io_uring_getevents_arg nb_io_uring_getevents_arg
#define io_uring_sync_cancel_reg nb_io_uring_sync_cancel_reg
#define io_uring_file_index_range nb_io_uring_file_index_range
#define io_uring_recvmsg_out nb_io_uring_recvmsg_out
#define io_sqring_offsets nb_io_sqring_offsets
#define io_cqring_offsets nb_io_cqring_offsets
#define io_uring_op nb_io_uring_op

#include <liburing.h>

#undef io_uring_sqe
#undef io_uring_cqe
#undef io_uring_params
#undef io_uring_files_update
#undef io_uring_rsrc_register
#undef io_uring_rsrc_update
#undef io_uring_rsrc_update2
#undef io_uring_notification_slot
#undef io_uring_notification_register
#undef io_uring_probe_op
#undef io_uring_probe
#undef io_uring_restriction
#undef io_uring_buf
#undef io_uring_buf_ring
#undef io_uring_buf_reg
#undef io_uring_getevents_arg
#undef io_uring_sync_cancel_reg
#undef io_uring_file_index_range
#undef io_uring_recvmsg_out
#undef io_sqring_offsets
#undef io_cqring_offsets
#undef io_uring_op

typedef struct nb_io_uring_sqe io_uring_sqe;
typedef struct nb_io_uring_cqe io_uring_cqe;
typedef struct nb_io_uring_params io_uring_params;
typedef struct nb_io_uring_probe io_uring_probe;
typedef struct nb_io_uring_restriction io_uring_restriction;
typedef struct nb_io_uring_buf io_uring_buf;
typedef struct nb_io_uring_buf_ring io_uring_buf_ring;
typedef struct nb_io_uring_buf_reg io_uring_buf_reg;
typedef struct nb_io_uring_getevents_arg io_uring_getevents_arg;

/*
 * IOSQE_CQE_SKIP_SUCCESS and IOSQE_BUFFER_SELECT in a form that Swift reads the same from every liburing: they are
 * macros over enumerators, which have no type of their own in 2.3 and have one later.
 */
#define NB_SERVER_CQE_SKIP_SUCCESS (1U << 6)
_Static_assert(NB_SERVER_CQE_SKIP_SUCCESS == IOSQE_CQE_SKIP_SUCCESS, "the kernel's flag");
#define NB_SERVER_BUFFER_SELECT (1U << 5)
_Static_assert(NB_SERVER_BUFFER_SELECT == IOSQE_BUFFER_SELECT, "the kernel's flag");

#endif
