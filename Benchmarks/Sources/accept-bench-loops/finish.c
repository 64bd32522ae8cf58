/*
 * The end of a connection by direct calls, in which the last bytes and the FIN leave in one segment and nothing is lost.
 *
 *      send(MSG_MORE) ──▶ shutdown ──▶ poll ──▶ close_range
 *                                      └─ input ──▶ recv, discarding
 *
 * MSG_MORE keeps the bytes unsent until shutdown(2) puts the FIN behind them. Both have left before the close, which resets a
 * connection over unread input; the recv(2) empties the queue of a client that spoke before. Connections that end in the same turn share
 * the look for input and the close, in groups, as those of nb-server do.
 */

#define _GNU_SOURCE
#include "loop.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LARGEST_GROUP = 16 };

/* Connections whose last bytes are sent, of the calling thread's shard. */
static _Thread_local struct pollfd group[LARGEST_GROUP];
static _Thread_local unsigned group_count;

/* After bytes that were not taken whole, a FIN would say that there were no more. */
static void make_close_a_reset(int connection)
{
    setsockopt(connection, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
}

/* Descriptors that follow each other go by one call. */
static void close_group(void)
{
    for (unsigned i = 0, end; i < group_count; i = end) {
        for (end = i + 1; end < group_count && group[end].fd == group[end - 1].fd + 1;)
            end++;
        if (end - i > 1 && close_range((unsigned)group[i].fd, (unsigned)group[end - 1].fd, 0) == 0)
            continue;
        for (unsigned j = i; j < end; j++)
            close(group[j].fd);
    }
}

void finish_group(void)
{
    for (unsigned i = 0; i < group_count; i++)
        shutdown(group[i].fd, SHUT_WR);
    bool is_known = group_count > 1 && poll(group, group_count, 0) >= 0;
    for (unsigned i = 0; i < group_count; i++)
        if (!is_known || group[i].revents)
            (void)!recv(group[i].fd, NULL, MAXIMUM_DISCARDED_INPUT, MSG_DONTWAIT | MSG_TRUNC);
    close_group();
    group_count = 0;
}

void finish(int connection, const struct answer *answer)
{
    ssize_t sent = send(connection, answer->bytes, answer->count, answer->flags | MSG_MORE);

    if (sent != (ssize_t)answer->count) {
        make_close_a_reset(connection);
        close(connection);
        return;
    }
    group[group_count++] = (struct pollfd){.fd = connection, .events = POLLIN};
    if (group_count == LARGEST_GROUP)
        finish_group();
}
