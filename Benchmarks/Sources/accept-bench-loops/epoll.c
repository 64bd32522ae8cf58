/*
 * The plain epoll loop, level-triggered: accept4 until there is nobody left, but no more than `depth` in a row, so that one
 * listener does not keep the others waiting; then the connections whose request has come.
 *
 * A connection is looked at by epoll only if it has to be waited for: turnaround tries to receive first, since the request
 * may be there already.
 */

#define _GNU_SOURCE
#include "loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum kind { LISTENER, CONNECTION, CALLS, TURNS };

struct server {
    const struct options *options;
    struct answer answer;
    int epoll;
    char request[REQUEST_ROOM];
};

static void watch(struct server *server, int descriptor, enum kind kind)
{
    struct epoll_event interest = {
        .events = EPOLLIN,
        .data.u64 = (uint64_t)descriptor << 8 | kind,
    };

    if (epoll_ctl(server->epoll, EPOLL_CTL_ADD, descriptor, &interest) < 0)
        fail("epoll_ctl", errno);
}

static void send_answer(const struct server *server, int connection)
{
    /* A peer that is gone is told by the close, too. */
    (void)!send(connection, server->answer.bytes, server->answer.count, server->answer.flags);
}

static void send_last_answer(const struct server *server, int connection)
{
    if (server->options->finish) {
        finish(connection, &server->answer);
        return;
    }
    send_answer(server, connection);
    close(connection);
}

/* Whether the connection has to be waited for. */
static bool serve_request(struct server *server, int connection)
{
    ssize_t count = recv(connection, server->request, sizeof server->request, 0);

    if (count < 0 && errno == EAGAIN)
        return true;
    if (count > 0 && server->options->work == WORK_HOLD)
        return true;
    if (count <= 0) {
        close(connection);
        return false;
    }
    if (!is_last_request(server->options, connection)) {
        send_answer(server, connection);
        return true;
    }
    send_last_answer(server, connection);
    return false;
}

static void on_accepted(void *context, int connection)
{
    struct server *server = context;

    switch (server->options->work) {
    case WORK_NONE:
        close(connection);
        break;
    case WORK_BANNER:
        send_last_answer(server, connection);
        break;
    case WORK_LIMITED:
        begin_requests(connection);
        /* fallthrough */
    case WORK_TURNAROUND:
        if (serve_request(server, connection))
            watch(server, connection, CONNECTION);
        break;
    case WORK_HOLD:
        send_answer(server, connection);
        watch(server, connection, CONNECTION);
        break;
    }
}

static void accept_all(struct server *server, int listener)
{
    unsigned count = 0;

    while (count < server->options->depth) {
        int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (connection < 0) {
            if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
                break;
            fail("accept4", errno);
        }
        count++;
        on_accepted(server, connection);
    }
    count_accepted(count);
}

static void on_turn_due(struct server *server)
{
#ifdef WITH_NB_SERVER
    turn_server(on_accepted, server);
#else
    (void)server;
#endif
}

static void on_called(void)
{
    uint64_t calls;

    if (read(calls_descriptor(), &calls, sizeof calls) == sizeof calls)
        answer_call();
}

_Noreturn void run_epoll(const struct options *options)
{
    struct server server = {.options = options, .answer = answer_for(options)};
    struct epoll_event *events = calloc(options->depth, sizeof *events);

    server.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (server.epoll < 0 || !events)
        fail("epoll_create1", errno);
    for (unsigned i = 0; i < options->listener_count; i++)
        watch(&server, options->listeners[i], LISTENER);
    if (options->call_interval)
        watch(&server, calls_descriptor(), CALLS);
#ifdef WITH_NB_SERVER
    watch(&server, server_descriptor(), TURNS);
#endif

    for (;;) {
        int count = epoll_wait(server.epoll, events, (int)options->depth, -1);

        if (count < 0 && errno != EINTR)
            fail("epoll_wait", errno);
        for (int i = 0; i < count; i++) {
            int descriptor = (int)(events[i].data.u64 >> 8);

            switch ((enum kind)(events[i].data.u64 & 0xff)) {
            case LISTENER:
                accept_all(&server, descriptor);
                break;
            case CONNECTION:
                serve_request(&server, descriptor);
                break;
            case CALLS:
                on_called();
                break;
            case TURNS:
                on_turn_due(&server);
                break;
            }
        }
        finish_group();
    }
}
