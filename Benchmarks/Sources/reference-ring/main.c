/*
 * reference-ring: the plain C loop that nb-server is measured against.
 *
 * Greets every connection with "No soup for you!\n" and closes it, the way one would write it by hand:
 *
 *  - one ring for one thread: SINGLE_ISSUER, DEFER_TASKRUN, SUBMIT_ALL, registered ring descriptor;
 *  - one multishot accept, armed again when a completion comes without MORE;
 *  - completions are copied out and the queue is freed before any of them is answered;
 *  - send and close are unlinked and complete silently, so an accepted connection costs one completion;
 *  - one io_uring_enter per pass, both to submit and to wait.
 *
 * With --check-input it also reads what the client has said before closing, because a close with unread input
 * is a reset, and a client that spoke first would lose its greeting. nb-server always does this. With
 * --hold-greeting the greeting leaves in one segment with the end of the stream, as nb-server's does while more
 * connections wait than one pass takes.
 *
 * Linux 6.1 or newer, liburing 2.3 or newer. Try it:
 *
 *      reference-ring --port 7777 &
 *      nc 127.0.0.1 7777
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <liburing.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    MAXIMUM_SUBMISSIONS = 4096,
    MAXIMUM_COMPLETIONS = 65536,
    MAXIMUM_DISCARDED_INPUT = 1 << 20,
};

enum event { ACCEPTED, SENT, INPUT_CHECKED, CLOSED };

struct options {
    uint16_t port;
    unsigned completions;
    bool check_input;
    bool hold_greeting;
};

struct server {
    struct io_uring ring;
    struct io_uring_cqe *batch;
    int listener;
    bool check_input;
    int send_flags;
};

static const char greeting[] = "No soup for you!\n";

static _Noreturn void fail(const char *what, int error)
{
    fprintf(stderr, "reference-ring: %s: %s\n", what, strerror(error));
    exit(EXIT_FAILURE);
}

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

static void send_greeting(struct server *server, int connection)
{
    struct io_uring_sqe *submission = next_submission(server);

    io_uring_prep_send(submission, connection, greeting, sizeof greeting - 1, server->send_flags);
    submission->flags |= IOSQE_CQE_SKIP_SUCCESS;
    tag(submission, SENT, connection);
}

static void discard_input(struct server *server, int connection)
{
    struct io_uring_sqe *submission = next_submission(server);

    io_uring_prep_recv(submission, connection, NULL, MAXIMUM_DISCARDED_INPUT, MSG_DONTWAIT | MSG_TRUNC);
    tag(submission, INPUT_CHECKED, connection);
}

static void close_connection(struct server *server, int connection)
{
    struct io_uring_sqe *submission = next_submission(server);

    io_uring_prep_close(submission, connection);
    submission->flags |= IOSQE_CQE_SKIP_SUCCESS;
    tag(submission, CLOSED, connection);
}

static void on_accepted(struct server *server, int result)
{
    if (result < 0)
        fail("accept", -result);

    send_greeting(server, result);
    if (server->check_input)
        discard_input(server, result);
    else
        close_connection(server, result);
}

/* Returns whether the accept is still armed. */
static bool answer(struct server *server, const struct io_uring_cqe *completion)
{
    switch ((enum event)(completion->user_data & 0xff)) {
    case ACCEPTED:
        on_accepted(server, completion->res);
        return completion->flags & IORING_CQE_F_MORE;
    case INPUT_CHECKED:
        close_connection(server, (int)(completion->user_data >> 8));
        return true;
    case CLOSED:
        fail("close", -completion->res);
    case SENT:
        /* The peer is gone. The close is already on its way. */
        return true;
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

static void open_ring(struct server *server, unsigned completions)
{
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

static void open_listener(struct server *server, uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t length = sizeof address;

    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server->listener < 0)
        fail("socket", errno);
    if (setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) < 0)
        fail("setsockopt", errno);
    if (bind(server->listener, (struct sockaddr *)&address, length) < 0)
        fail("bind", errno);
    if (listen(server->listener, INT32_MAX) < 0)
        fail("listen", errno);
    if (getsockname(server->listener, (struct sockaddr *)&address, &length) < 0)
        fail("getsockname", errno);

    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
}

static _Noreturn void usage(FILE *stream, int status)
{
    fprintf(stream,
            "usage: reference-ring --port N [--completions N] [--check-input] [--hold-greeting]\n"
            "  --port N         0 to 65535, 0 for any free port\n"
            "  --completions N  completion queue, 1 to %d (default 256)\n"
            "  --check-input    read what the client said before closing\n"
            "  --hold-greeting  send the greeting together with the end of the stream\n",
            MAXIMUM_COMPLETIONS);
    exit(status);
}

static unsigned number(const char *text, unsigned minimum, unsigned maximum)
{
    char *end;
    long value;

    errno = 0;
    value = strtol(text, &end, 10);
    if (errno || end == text || *end || value < minimum || value > maximum) {
        fprintf(stderr, "reference-ring: not a number from %u to %u: '%s'\n", minimum, maximum, text);
        usage(stderr, EXIT_FAILURE);
    }
    return (unsigned)value;
}

static struct options parse_options(int count, char **arguments)
{
    static const struct option names[] = {
        {"port", required_argument, NULL, 'p'},
        {"completions", required_argument, NULL, 'c'},
        {"check-input", no_argument, NULL, 'i'},
        {"hold-greeting", no_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    struct options options = {.completions = 256};
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
        case 'i':
            options.check_input = true;
            break;
        case 'o':
            options.hold_greeting = true;
            break;
        case 'h':
            usage(stdout, EXIT_SUCCESS);
        default:
            usage(stderr, EXIT_FAILURE);
        }
    }
    if (!has_port || optind != count)
        usage(stderr, EXIT_FAILURE);
    return options;
}

int main(int count, char **arguments)
{
    struct options options = parse_options(count, arguments);
    struct server server = {
        .check_input = options.check_input,
        .send_flags = MSG_WAITALL | MSG_NOSIGNAL | (options.hold_greeting ? MSG_MORE : 0),
    };

    open_ring(&server, options.completions);
    open_listener(&server, options.port);
    serve(&server);
}
