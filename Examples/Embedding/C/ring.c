/*
 * A server in the loop of a C program that has an io_uring of its own, which is not the server's.
 *
 * Each poll is for once, and is made again when its work is done. A multishot poll would not do: the kernel ends one whose descriptor
 * another ring signals, and before Linux 7.1 does not even say so.
 */

#include "host.h"
#include <liburing.h>
#include <poll.h>

/* Submitted by the next io_uring_submit_and_wait. */
static void watch(struct io_uring *ring, int descriptor) {
    struct io_uring_sqe *poll = io_uring_get_sqe(ring);
    io_uring_prep_poll_add(poll, descriptor, POLLIN);
    io_uring_sqe_set_data64(poll, descriptor);
}

int main(int count, char **arguments) {
    int signals = watch_signals();
    nb_server *server = make_server(count, arguments);
    int turns = must(nb_server_descriptor(server)), result = NB_IDLE;
    struct io_uring ring;
    int error = io_uring_queue_init(8, &ring, 0);
    if (error < 0) fail(strerror(-error));
    watch(&ring, turns);
    watch(&ring, signals);
    while (result != NB_DONE) {
        struct io_uring_cqe *completion;
        error = io_uring_submit_and_wait(&ring, 1);
        if (error < 0 && error != -EINTR) fail(strerror(-error));
        if (io_uring_peek_cqe(&ring, &completion) < 0) continue;
        if (completion->res < 0) fail(strerror(-completion->res));
        int descriptor = io_uring_cqe_get_data64(completion);
        io_uring_cqe_seen(&ring, completion);
        if (descriptor == turns)
            result = must(nb_server_turn(server, 1024));
        else
            obey_signal(server, signals);
        if (result != NB_DONE) watch(&ring, descriptor);
    }
    io_uring_queue_exit(&ring);
    return end_server(server);
}
