/*
 * The loop of a textbook: a thread per listener, which blocks in accept(2), then serves the one client it got. A client that
 * says nothing is waited for, and so is everybody behind it. Nobody can call such a loop, and a connection it holds is not
 * looked at again.
 */

#define _GNU_SOURCE
#include "loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct options *options;
static struct answer answer;

static void send_answer(int connection)
{
    (void)!send(connection, answer.bytes, answer.count, answer.flags);
}

static void serve(int connection)
{
    char request[REQUEST_ROOM];

    switch (options->work) {
    case WORK_NONE:
        break;
    case WORK_BANNER:
        send_answer(connection);
        break;
    case WORK_TURNAROUND:
        if (recv(connection, request, sizeof request, 0) > 0)
            send_answer(connection);
        break;
    case WORK_LIMITED:
        for (int i = 0; i < REQUESTS_OF_A_CONNECTION && recv(connection, request, sizeof request, 0) > 0; i++)
            send_answer(connection);
        break;
    case WORK_HOLD:
        send_answer(connection);
        return;
    }
    close(connection);
}

static void *accept_forever(void *argument)
{
    int listener = (int)(intptr_t)argument;

    for (;;) {
        int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

        if (connection < 0) {
            if (errno == EINTR || errno == ECONNABORTED)
                continue;
            fail("accept4", errno);
        }
        count_accepted(1);
        serve(connection);
    }
}

_Noreturn void run_blocking(const struct options *given)
{
    /* The same for all shards, which are started one after the other. */
    options = given;
    answer = answer_for(given);
    for (unsigned i = 1; i < options->listener_count; i++) {
        pthread_t thread;
        pthread_attr_t attributes;

        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, 64 << 10);
        int error = pthread_create(&thread, &attributes, accept_forever, (void *)(intptr_t)options->listeners[i]);
        if (error)
            fail("pthread_create", error);
    }
    accept_forever((void *)(intptr_t)options->listeners[0]);
    __builtin_unreachable();
}
