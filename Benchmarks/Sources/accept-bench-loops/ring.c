/*
 * The plain io_uring loop: the ceiling that others are compared with.
 *
 *  - one ring for one thread: SINGLE_ISSUER, DEFER_TASKRUN, SUBMIT_ALL, registered ring descriptor;
 *  - one multishot accept per listener, armed again when a completion comes without MORE;
 *  - completions are copied out and the queue is freed before any of them is answered;
 *  - send and close are unlinked and complete silently: an accepted connection costs one completion, a request another;
 *  - one io_uring_enter per pass, both to submit and to wait.
 *
 *      accepted ──▶ send, close                        none, banner
 *      accepted ──▶ receive ──▶ send, close            turnaround
 *      accepted ──▶ receive ⇄ send ──▶ send, close     limited
 *      accepted ──▶ send, receive ──▶ close            hold
 *
 * With --finish a connection ends by direct calls, as nb-server ends it: finish.c.
 */

#define _GNU_SOURCE
#include "loop.h"

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { MAXIMUM_SUBMISSIONS = 4096 };

enum event { ACCEPTED, SENT, RECEIVED, CLOSED, CALLED };

struct server {
    struct io_uring ring;
    struct io_uring_cqe *batch;
    const struct options *options;
    struct answer answer;
    /* Where requests are read to, REQUEST_ROOM bytes for each descriptor. */
    char **pages;
    unsigned page_count;
    /* Listeners whose accept has ended. */
    unsigned *ended;
    unsigned ended_count;
    uint64_t calls;
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

static void tag(struct io_uring_sqe *submission, enum event event, unsigned number)
{
    io_uring_sqe_set_data64(submission, (uint64_t)number << 8 | event);
}

static void arm_accept(struct server *server, unsigned listener)
{
    struct io_uring_sqe *submission = next_submission(server);
    int descriptor = server->options->listeners[listener];

    io_uring_prep_multishot_accept(submission, descriptor, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    tag(submission, ACCEPTED, listener);
}

static void await_call(struct server *server)
{
    struct io_uring_sqe *submission = next_submission(server);

    io_uring_prep_read(submission, calls_descriptor(), &server->calls, sizeof server->calls, 0);
    tag(submission, CALLED, 0);
}

static void send_answer(struct server *server, int connection)
{
    struct io_uring_sqe *submission = next_submission(server);
    const struct answer *answer = &server->answer;

    io_uring_prep_send(submission, connection, answer->bytes, answer->count, answer->flags | MSG_WAITALL);
    submission->flags |= IOSQE_CQE_SKIP_SUCCESS;
    tag(submission, SENT, (unsigned)connection);
}

static void close_connection(struct server *server, int connection)
{
    struct io_uring_sqe *submission = next_submission(server);

    io_uring_prep_close(submission, connection);
    submission->flags |= IOSQE_CQE_SKIP_SUCCESS;
    tag(submission, CLOSED, (unsigned)connection);
}

static void send_last_answer(struct server *server, int connection)
{
    if (server->options->finish) {
        finish(connection, &server->answer);
    } else {
        send_answer(server, connection);
        close_connection(server, connection);
    }
}

/* Pages never move: the kernel may be writing to one. */
static char *request_room(struct server *server, unsigned connection)
{
    unsigned page = connection / SMALLEST_PAGE_OF_CONNECTIONS;

    if (page >= server->page_count) {
        server->pages = realloc(server->pages, (page + 1) * sizeof *server->pages);
        if (!server->pages)
            fail("realloc", errno);
        while (server->page_count <= page) {
            char *room = malloc(SMALLEST_PAGE_OF_CONNECTIONS * REQUEST_ROOM);
            if (!room)
                fail("malloc", errno);
            server->pages[server->page_count++] = room;
        }
    }
    return server->pages[page] + (size_t)(connection % SMALLEST_PAGE_OF_CONNECTIONS) * REQUEST_ROOM;
}

static void receive(struct server *server, int connection)
{
    struct io_uring_sqe *submission = next_submission(server);

    io_uring_prep_recv(submission, connection, request_room(server, (unsigned)connection), REQUEST_ROOM, 0);
    tag(submission, RECEIVED, (unsigned)connection);
}

static void on_accepted(struct server *server, int connection)
{
    count_accepted(1);
    switch (server->options->work) {
    case WORK_NONE:
        close_connection(server, connection);
        break;
    case WORK_BANNER:
        send_last_answer(server, connection);
        break;
    case WORK_TURNAROUND:
        receive(server, connection);
        break;
    case WORK_LIMITED:
        begin_requests(connection);
        receive(server, connection);
        break;
    case WORK_HOLD:
        send_answer(server, connection);
        receive(server, connection);
        break;
    }
}

static void on_received(struct server *server, int connection, int result)
{
    if (result > 0 && server->options->work == WORK_HOLD) {
        receive(server, connection);
        return;
    }
    if (result <= 0) {
        close_connection(server, connection);
        return;
    }
    if (is_last_request(server->options, connection)) {
        send_last_answer(server, connection);
    } else {
        send_answer(server, connection);
        receive(server, connection);
    }
}

static void answer(struct server *server, const struct io_uring_cqe *completion)
{
    unsigned number = (unsigned)(completion->user_data >> 8);

    switch ((enum event)(completion->user_data & 0xff)) {
    case ACCEPTED:
        if (completion->res < 0)
            fail("accept", -completion->res);
        on_accepted(server, completion->res);
        if (!(completion->flags & IORING_CQE_F_MORE))
            server->ended[server->ended_count++] = number;
        break;
    case RECEIVED:
        on_received(server, (int)number, completion->res);
        break;
    case CALLED:
        answer_call();
        await_call(server);
        break;
    case CLOSED:
        fail("close", -completion->res);
    case SENT:
        /* The peer is gone. The close is already on its way. */
        break;
    }
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

_Noreturn void run_ring(const struct options *options)
{
    struct server server = {.options = options, .answer = answer_for(options)};

    open_ring(&server, options->depth);
    server.ended = calloc(options->listener_count, sizeof *server.ended);
    if (!server.ended)
        fail("calloc", errno);
    for (unsigned i = 0; i < options->listener_count; i++)
        arm_accept(&server, i);
    if (options->call_interval)
        await_call(&server);

    for (;;) {
        submit(&server, 1);
        unsigned count = take_completions(&server);
        for (unsigned i = 0; i < count; i++)
            answer(&server, &server.batch[i]);
        finish_group();

        /* Behind the closes, so that it does not run out of descriptors that are about to be free. */
        while (server.ended_count)
            arm_accept(&server, server.ended[--server.ended_count]);
    }
}
