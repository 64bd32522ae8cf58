/*
 * reference-echo-epoll: the plain C loop on epoll that workers are measured against.
 *
 * Sends back what it receives, the way one would write it by hand: one thread, level-triggered epoll, accept until
 * there is nobody, one read and one write for a message. What a peer does not take at once waits in a buffer of the
 * connection's, which is not read from meanwhile.
 *
 * With --close it answers each connection once and closes it: a short connection. With --eager it reads a new connection
 * before it asks epoll, which pays where the client has spoken already.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "listener.h"

const char *program = "reference-echo-epoll";

enum {
    MAXIMUM_EVENTS = 1024,
    MAXIMUM_DESCRIPTORS = 65536,
    BUFFER_SIZE = 16384,
};

struct options {
    uint16_t port;
    bool close;
    bool eager;
};

/* What could not be sent yet; by descriptor. */
struct rest {
    char *bytes;
    size_t start, end;
};

struct server {
    struct options options;
    int poller;
    int listener;
    char buffer[BUFFER_SIZE];
    struct rest rests[MAXIMUM_DESCRIPTORS];
};

static void watch(struct server *server, int operation, int descriptor, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = descriptor};

    if (epoll_ctl(server->poller, operation, descriptor, &event) < 0)
        fail("epoll_ctl", errno);
}

static void close_connection(struct server *server, int connection)
{
    free(server->rests[connection].bytes);
    server->rests[connection] = (struct rest){0};
    close(connection);
}

static void keep_rest(struct server *server, int connection, bool is_watched, const char *bytes, size_t count)
{
    struct rest *rest = &server->rests[connection];

    rest->bytes = malloc(count);
    if (!rest->bytes)
        fail("malloc", errno);
    memcpy(rest->bytes, bytes, count);
    rest->start = 0;
    rest->end = count;
    watch(server, is_watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, connection, EPOLLOUT);
}

static void on_writable(struct server *server, int connection)
{
    struct rest *rest = &server->rests[connection];
    ssize_t sent = send(connection, rest->bytes + rest->start, rest->end - rest->start, MSG_NOSIGNAL);

    if (sent < 0) {
        if (errno != EAGAIN)
            close_connection(server, connection);
        return;
    }
    rest->start += (size_t)sent;
    if (rest->start < rest->end)
        return;
    if (server->options.close) {
        close_connection(server, connection);
        return;
    }
    free(rest->bytes);
    *rest = (struct rest){0};
    watch(server, EPOLL_CTL_MOD, connection, EPOLLIN);
}

/* Returns whether the connection has been dealt with: answered or closed. */
static bool on_readable(struct server *server, int connection, bool is_watched)
{
    ssize_t received = recv(connection, server->buffer, sizeof server->buffer, 0);

    if (received < 0 && errno == EAGAIN)
        return false;
    if (received <= 0) {
        close_connection(server, connection);
        return true;
    }
    ssize_t sent = send(connection, server->buffer, (size_t)received, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN)
        sent = 0;
    if (sent < 0)
        close_connection(server, connection);
    else if (sent < received)
        keep_rest(server, connection, is_watched, server->buffer + sent, (size_t)(received - sent));
    else if (server->options.close)
        close_connection(server, connection);
    return true;
}

static void on_acceptable(struct server *server)
{
    for (;;) {
        int connection = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (connection < 0) {
            if (errno == EAGAIN || errno == ECONNABORTED)
                return;
            fail("accept4", errno);
        }
        if (connection >= MAXIMUM_DESCRIPTORS)
            fail("accept4", EMFILE);
        if (server->options.eager && server->options.close && on_readable(server, connection, false))
            continue;
        watch(server, EPOLL_CTL_ADD, connection, EPOLLIN);
    }
}

static _Noreturn void serve(struct server *server)
{
    struct epoll_event events[MAXIMUM_EVENTS];

    for (;;) {
        int count = epoll_wait(server->poller, events, MAXIMUM_EVENTS, -1);

        if (count < 0 && errno != EINTR)
            fail("epoll_wait", errno);
        for (int i = 0; i < count; i++) {
            int descriptor = events[i].data.fd;

            if (descriptor == server->listener)
                on_acceptable(server);
            else if (server->rests[descriptor].bytes)
                on_writable(server, descriptor);
            else
                on_readable(server, descriptor, true);
        }
    }
}

static _Noreturn void usage(FILE *stream, int status)
{
    fprintf(stream,
            "usage: reference-echo-epoll --port N [--close [--eager]]\n"
            "  --port N  0 to 65535, 0 for any free port\n"
            "  --close   answer once, then close\n"
            "  --eager   read a new connection before asking epoll\n");
    exit(status);
}

static struct options parse_options(int count, char **arguments)
{
    static const struct option names[] = {
        {"port", required_argument, NULL, 'p'},
        {"close", no_argument, NULL, 'l'},
        {"eager", no_argument, NULL, 'e'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    struct options options = {0};
    bool has_port = false;
    int name;

    while ((name = getopt_long(count, arguments, "", names, NULL)) != -1) {
        switch (name) {
        case 'p':
            options.port = (uint16_t)number(optarg, 0, UINT16_MAX);
            has_port = true;
            break;
        case 'l':
            options.close = true;
            break;
        case 'e':
            options.eager = true;
            break;
        case 'h':
            usage(stdout, EXIT_SUCCESS);
        default:
            usage(stderr, EXIT_FAILURE);
        }
    }
    if (!has_port || optind != count || (options.eager && !options.close))
        usage(stderr, EXIT_FAILURE);
    return options;
}

int main(int count, char **arguments)
{
    static struct server server;

    server.options = parse_options(count, arguments);
    server.poller = epoll_create1(EPOLL_CLOEXEC);
    if (server.poller < 0)
        fail("epoll_create1", errno);
    server.listener = open_listener(server.options.port, SOCK_NONBLOCK);
    watch(&server, EPOLL_CTL_ADD, server.listener, EPOLLIN);
    serve(&server);
}
