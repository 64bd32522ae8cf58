/*
 * The end of a connection by direct calls, in which the last bytes and the FIN leave in one segment and nothing is lost.
 *
 *      send(MSG_MORE) ──▶ shutdown ──▶ recv, discarding ──▶ close
 *
 * MSG_MORE keeps the bytes unsent until shutdown(2) puts the FIN behind them. Both have left before the close, which resets a
 * connection over unread input; the recv(2) empties the queue of a client that spoke before.
 */

#define _GNU_SOURCE
#include "loop.h"

#include <sys/socket.h>
#include <unistd.h>

/* After bytes that were not taken whole, a FIN would say that there were no more. */
static void make_close_a_reset(int connection)
{
    setsockopt(connection, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
}

void finish(int connection, const struct answer *answer)
{
    ssize_t sent = send(connection, answer->bytes, answer->count, answer->flags | MSG_MORE);

    if (sent == (ssize_t)answer->count) {
        shutdown(connection, SHUT_WR);
        (void)!recv(connection, NULL, MAXIMUM_DISCARDED_INPUT, MSG_DONTWAIT | MSG_TRUNC);
    } else {
        make_close_a_reset(connection);
    }
    close(connection);
}
