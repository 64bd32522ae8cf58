/*
 * reference-echo-ring: the plain C loop on io_uring that workers are measured against.
 *
 * Sends back what it receives, the way one would write it by hand:
 *
 *  - one ring for one thread: SINGLE_ISSUER, DEFER_TASKRUN, SUBMIT_ALL, registered ring descriptor;
 *  - one multishot accept, armed again when a completion comes without MORE;
 *  - receives take a buffer that the kernel chooses when bytes arrive, so that an idle connection holds none;
 *  - bytes are sent from where they were received, one send of a connection at a time; then the buffer is the
 *    kernel's again;
 *  - the next receive is submitted along with the send; with --multishot there is one for the connection's whole life;
 *  - one io_uring_enter per pass, both to submit and to wait.
 *
 * With --close it answers each connection once and closes it: a short connection. The close is submitted along with
 * its only send and completes silently.
 *
 * Linux 6.1 or newer, liburing 2.3 or newer. Try it:
 *
 *      reference-echo-ring --port 7007 &
 *      nc 127.0.0.1 7007
 */

#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "listener.h"

const char *program = "reference-echo-ring";

enum {
    MAXIMUM_SUBMISSIONS = 4096,
    MAXIMUM_COMPLETIONS = 65536,
    MAXIMUM_DESCRIPTORS = 65536,
    BUFFER_COUNT = 2048,
    BUFFER_SIZE = 2048,
    BUFFER_GROUP = 0,
    NO_BUFFER = -1,
};

enum event { ACCEPTED, RECEIVED, SENT, CLOSED };

struct options {
    uint16_t port;
    unsigned completions;
    bool multishot;
    bool close;
};

/* Bytes on their way back: what is left of a buffer, and the one to be sent after it. */
struct outgoing {
    unsigned start, end;
    int next;
};

/* By descriptor. */
struct connection {
    /* The buffer being sent, and the last that waits behind it. */
    int first, last;
    /* Nothing is received any more; to be closed when everything is sent. */
    bool ended;
};

struct server {
    struct io_uring ring;
    struct io_uring_cqe *batch;
    struct options options;
    int listener;

    struct io_uring_buf_ring *buffer_ring;
    char *buffers;
    struct outgoing outgoing[BUFFER_COUNT];
    struct connection connections[MAXIMUM_DESCRIPTORS];
};

static void submit(struct server *server, unsigned wait_for)
{
    int result = io_uring_submit_and_wait(&server->ring, wait_for);

    /* These three pass: a signal, such as being stopped and continued, or a kernel that is short of room. */
    if (result < 0 && result != -EINTR && result != -EAGAIN && result != -EBUSY)
        fail("io_uring_enter", -result);
}

static struct io_uring_sqe *next_submission(struct server *server)
{
    struct io_uring_sqe *submission;

    while (!(submission = io_uring_get_sqe(&server->ring)))
        submit(server, 0);
    return submission;
}

static void tag(struct io_uring_sqe *submission, enum event event, int connection)
{
    io_uring_sqe_set_data64(submission, (uint64_t)connection << 8 | event);
}

static void arm_accept(struct server *server)
{
    struct io_uring_sqe *submission = next_submission(server);

    io_uring_prep_multishot_accept(submission, server->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    tag(submission, ACCEPTED, 0);
}

static void arm_receive(struct server *server, int connection)
{
    struct io_uring_sqe *submission = next_submission(server);

    if (server->options.multishot)
        io_uring_prep_recv_multishot(submission, connection, NULL, 0, 0);
    else
        io_uring_prep_recv(submission, connection, NULL, 0, 0);
    submission->flags |= IOSQE_BUFFER_SELECT;
    submission->buf_group = BUFFER_GROUP;
    tag(submission, RECEIVED, connection);
}

static void send_first(struct server *server, int connection)
{
    int buffer = server->connections[connection].first;
    struct outgoing *outgoing = &server->outgoing[buffer];
    struct io_uring_sqe *submission = next_submission(server);
    const char *bytes = server->buffers + (size_t)buffer * BUFFER_SIZE;

    io_uring_prep_send(submission, connection, bytes + outgoing->start, outgoing->end - outgoing->start,
                       MSG_WAITALL | MSG_NOSIGNAL);
    tag(submission, SENT, connection);
}

static void close_connection(struct server *server, int connection)
{
    struct io_uring_sqe *submission = next_submission(server);

    io_uring_prep_close(submission, connection);
    submission->flags |= IOSQE_CQE_SKIP_SUCCESS;
    tag(submission, CLOSED, connection);
}

static void return_buffer(struct server *server, int buffer)
{
    io_uring_buf_ring_add(server->buffer_ring, server->buffers + (size_t)buffer * BUFFER_SIZE, BUFFER_SIZE,
                          (unsigned short)buffer, io_uring_buf_ring_mask(BUFFER_COUNT), 0);
    io_uring_buf_ring_advance(server->buffer_ring, 1);
}

static void on_accepted(struct server *server, int result)
{
    if (result < 0)
        fail("accept", -result);
    if (result >= MAXIMUM_DESCRIPTORS)
        fail("accept", EMFILE);

    server->connections[result] = (struct connection){.first = NO_BUFFER};
    arm_receive(server, result);
}

static void queue_buffer(struct server *server, int number, int buffer, int count)
{
    struct connection *connection = &server->connections[number];

    server->outgoing[buffer] = (struct outgoing){.end = (unsigned)count, .next = NO_BUFFER};
    if (connection->first == NO_BUFFER) {
        connection->first = buffer;
        send_first(server, number);
    } else {
        server->outgoing[connection->last].next = buffer;
    }
    connection->last = buffer;
}

static void end(struct server *server, int number)
{
    server->connections[number].ended = true;
    if (server->connections[number].first == NO_BUFFER)
        close_connection(server, number);
}

static void on_received(struct server *server, int number, const struct io_uring_cqe *completion)
{
    bool is_last = !(completion->flags & IORING_CQE_F_MORE);

    if (completion->res > 0) {
        queue_buffer(server, number, (int)(completion->flags >> IORING_CQE_BUFFER_SHIFT), completion->res);
        if (server->options.close)
            close_connection(server, number);
        else if (is_last)
            arm_receive(server, number);
    } else if (completion->res == -ENOBUFS) {
        /* Buffers come back as sends complete. */
        arm_receive(server, number);
    } else if (is_last) {
        end(server, number);
    }
}

static void on_sent(struct server *server, int number, int result)
{
    struct connection *connection = &server->connections[number];
    int buffer = connection->first;
    struct outgoing *outgoing = &server->outgoing[buffer];

    /* The peer is gone: the rest need not be sent, and the receive finds out too. */
    outgoing->start = result < 0 ? outgoing->end : outgoing->start + (unsigned)result;
    if (outgoing->start == outgoing->end) {
        connection->first = outgoing->next;
        return_buffer(server, buffer);
    }
    if (connection->first != NO_BUFFER)
        send_first(server, number);
    else if (connection->ended)
        close_connection(server, number);
}

/* Short connections: the descriptor is closed already and may be another connection's, so the buffer is the name. */
static void on_answered(struct server *server, int buffer)
{
    return_buffer(server, buffer);
}

static void answer_and_close(struct server *server, int connection, const struct io_uring_cqe *completion)
{
    int buffer = (int)(completion->flags >> IORING_CQE_BUFFER_SHIFT);

    if (completion->res == -ENOBUFS) {
        arm_receive(server, connection);
        return;
    }
    if (completion->res > 0) {
        struct io_uring_sqe *submission = next_submission(server);

        io_uring_prep_send(submission, connection, server->buffers + (size_t)buffer * BUFFER_SIZE,
                           (size_t)completion->res, MSG_WAITALL | MSG_NOSIGNAL);
        tag(submission, SENT, buffer);
    }
    close_connection(server, connection);
}

/* Returns whether the accept is still armed. */
static bool answer(struct server *server, const struct io_uring_cqe *completion)
{
    int subject = (int)(completion->user_data >> 8);

    switch ((enum event)(completion->user_data & 0xff)) {
    case ACCEPTED:
        on_accepted(server, completion->res);
        return completion->flags & IORING_CQE_F_MORE;
    case RECEIVED:
        if (server->options.close)
            answer_and_close(server, subject, completion);
        else
            on_received(server, subject, completion);
        return true;
    case SENT:
        if (server->options.close)
            on_answered(server, subject);
        else
            on_sent(server, subject, completion->res);
        return true;
    case CLOSED:
        fail("close", -completion->res);
    }
    return true;
}

/* Copies: the kernel needs the room, as every submission made while answering may complete at once. */
static unsigned take_completions(struct server *server)
{
    struct io_uring_cqe *completion;
    unsigned head, count = 0;

    io_uring_for_each_cqe(&server->ring, head, completion)
        server->batch[count++] = *completion;
    io_uring_cq_advance(&server->ring, count);
    return count;
}

static _Noreturn void serve(struct server *server)
{
    arm_accept(server);
    for (;;) {
        bool armed = true;

        submit(server, 1);
        unsigned count = take_completions(server);
        for (unsigned i = 0; i < count; i++)
            armed &= answer(server, &server->batch[i]);

        /* Behind the closes, so that it does not run out of descriptors that are about to be free. */
        if (!armed)
            arm_accept(server);
    }
}

static void open_ring(struct server *server)
{
    unsigned completions = server->options.completions;
    struct io_uring_params parameters = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL
               | IORING_SETUP_CQSIZE,
        .cq_entries = completions,
    };
    unsigned submissions = completions < MAXIMUM_SUBMISSIONS ? completions : MAXIMUM_SUBMISSIONS;
    int result = io_uring_queue_init_params(submissions, &server->ring, &parameters);

    if (result < 0)
        fail("io_uring_setup", -result);
    result = io_uring_register_ring_fd(&server->ring);
    if (result < 0)
        fail("io_uring_register", -result);

    server->batch = calloc(parameters.cq_entries, sizeof *server->batch);
    if (!server->batch)
        fail("calloc", errno);
}

static void open_buffers(struct server *server)
{
    size_t size = BUFFER_COUNT * (sizeof(struct io_uring_buf) + (size_t)BUFFER_SIZE);
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct io_uring_buf_reg registration = {
        .ring_addr = (uint64_t)(uintptr_t)memory,
        .ring_entries = BUFFER_COUNT,
        .bgid = BUFFER_GROUP,
    };

    if (memory == MAP_FAILED)
        fail("mmap", errno);
    int result = io_uring_register_buf_ring(&server->ring, &registration, 0);
    if (result < 0)
        fail("io_uring_register_buf_ring", -result);

    server->buffer_ring = memory;
    server->buffers = (char *)memory + BUFFER_COUNT * sizeof(struct io_uring_buf);
    io_uring_buf_ring_init(server->buffer_ring);
    for (int buffer = 0; buffer < BUFFER_COUNT; buffer++)
        return_buffer(server, buffer);
}

static _Noreturn void usage(FILE *stream, int status)
{
    fprintf(stream,
            "usage: reference-echo-ring --port N [--completions N] [--multishot] [--close]\n"
            "  --port N         0 to 65535, 0 for any free port\n"
            "  --completions N  completion queue, 1 to %d (default 1024)\n"
            "  --multishot      one receive for a connection's whole life, not one for each message\n"
            "  --close          answer once, then close\n",
            MAXIMUM_COMPLETIONS);
    exit(status);
}

static struct options parse_options(int count, char **arguments)
{
    static const struct option names[] = {
        {"port", required_argument, NULL, 'p'},
        {"completions", required_argument, NULL, 'c'},
        {"multishot", no_argument, NULL, 'm'},
        {"close", no_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    struct options options = {.completions = 1024};
    bool has_port = false;
    int name;

    while ((name = getopt_long(count, arguments, "", names, NULL)) != -1) {
        switch (name) {
        case 'p':
            options.port = (uint16_t)number(optarg, 0, UINT16_MAX);
            has_port = true;
            break;
        case 'c':
            options.completions = number(optarg, 1, MAXIMUM_COMPLETIONS);
            break;
        case 'm':
            options.multishot = true;
            break;
        case 'l':
            options.close = true;
            break;
        case 'h':
            usage(stdout, EXIT_SUCCESS);
        default:
            usage(stderr, EXIT_FAILURE);
        }
    }
    /* A receive that is still armed would keep a closed connection open. */
    if (!has_port || optind != count || (options.multishot && options.close))
        usage(stderr, EXIT_FAILURE);
    return options;
}

int main(int count, char **arguments)
{
    static struct server server;

    server.options = parse_options(count, arguments);
    open_ring(&server);
    open_buffers(&server);
    server.listener = open_listener(server.options.port, 0);
    serve(&server);
}
