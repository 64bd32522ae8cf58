/* How many requests each connection of a loop has made. See loop.h. */

#include "loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* By descriptor. Each shard has its own, so that none writes where another looks. */
static _Thread_local unsigned char *requests;
static _Thread_local unsigned room;

void begin_requests(int connection)
{
    unsigned number = (unsigned)connection;

    if (number >= room) {
        unsigned more = 2 * (number + 1);

        requests = realloc(requests, more);
        if (!requests)
            fail("realloc", errno);
        memset(requests + room, 0, more - room);
        room = more;
    }
    requests[number] = 0;
}

bool is_last_request(const struct options *options, int connection)
{
    return options->work != WORK_LIMITED || ++requests[connection] == REQUESTS_OF_A_CONNECTION;
}
