/*
 * What the plain C contenders of accept-bench share: the same listeners, the same work, the same bytes, the same report at
 * the end. What differs between them is how they wait (ring.c, epoll.c and blocking.c) and how a connection ends (finish.c).
 */
#ifndef ACCEPT_BENCH_LOOP_H
#define ACCEPT_BENCH_LOOP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    MAXIMUM_LISTENERS = 65536,
    MAXIMUM_SHARDS = 1024,
    CACHE_LINE = 64,
    /* A request that is longer is read in several pieces; the first is answered. */
    REQUEST_ROOM = 512,
    REQUESTS_OF_A_CONNECTION = 10,
    MAXIMUM_DISCARDED_INPUT = 1 << 20,
    SMALLEST_PAGE_OF_CONNECTIONS = 1024,
};

/* What is done with an accepted connection. */
enum work {
    WORK_NONE,       /* close it */
    WORK_BANNER,     /* send the banner, close it */
    WORK_TURNAROUND, /* receive a request, send the response, close it */
    WORK_LIMITED,    /* receive REQUESTS_OF_A_CONNECTION requests, send a response to each, close it */
    WORK_HOLD,       /* send the banner; close it when the client does */
};

struct options {
    enum work work;
    /* How many completions, or events, are taken at a time. */
    unsigned depth;
    /* End as nb-server does: the last bytes and the FIN in one segment, and no unread input when it closes; ring and epoll. */
    bool finish;
    /* Microseconds between two calls to the loop from another thread; 0 for none. */
    unsigned call_interval;
    const int *listeners;
    unsigned listener_count;
};

struct answer {
    const char *bytes;
    size_t count;
    int flags;
};

/* Bytes to send, and how. */
struct answer answer_for(const struct options *options);

_Noreturn void fail(const char *what, int error);

/* Counts connections, of the calling thread's shard. Any thread. */
void count_accepted(unsigned count);

/* Forgets the requests of the connection that had this descriptor before. The loop's thread only, as the next. */
void begin_requests(int connection);

/* Counts a request: whether its response is the last. */
bool is_last_request(const struct options *options, int connection);

/* Sends the last answer by a direct call, and puts the connection into the group that ends next: finish.c. */
void finish(int connection, const struct answer *answer);

/* Ends the connections of the group. */
void finish_group(void);

/* The loops; none returns. */
_Noreturn void run_ring(const struct options *options);
_Noreturn void run_epoll(const struct options *options);
_Noreturn void run_blocking(const struct options *options);

/*
 * nb-server, which accepts for the epoll loop in accept-bench-from-c. That is a program of its own, from these files and a server.c, since
 * Swift's runtime would count as memory of the plain loops. A turn calls `serve` for each connection.
 */
void open_server(const struct sockaddr_in *first, unsigned listener_count);
int server_descriptor(void);
void turn_server(void (*serve)(void *context, int connection), void *context);

/*
 * Calls: another thread asks the loop for an answer now and then, and notes how long it took. An eventfd wakes the loop;
 * another wakes the caller.
 */
int calls_descriptor(void);
void start_calls(unsigned interval);
void answer_call(void);
void report_calls(void);

#endif
