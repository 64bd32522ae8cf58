/*
 * accept-bench-loops: the plain C contenders of accept-bench, one program. `accept-bench serve ring` and so on start it.
 *
 *      accept-bench-loops --loop ring --listen 127.0.0.1:7777 --work banner
 *
 * Prints "listening on ADDRESS" for each listener, and on SIGTERM or SIGINT "accepted N", then ends.
 * Linux 6.1 or newer, liburing 2.3 or newer.
 */

#define _GNU_SOURCE
#include "loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char banner[] = "No soup for you!\n";
static const char response[] = "HTTP/1.0 200 OK\r\nContent-Length: 17\r\nConnection: close\r\n\r\nNo soup for you!\n";

static const char kept_response[] = "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\nNo soup for you!\n";

/* Of each shard, on a cache line of its own. Threads that are no shard's count with the first. */
static struct counter {
    _Alignas(CACHE_LINE) atomic_ulong count;
} accepted[MAXIMUM_SHARDS];
static _Thread_local unsigned shard;

struct arguments {
    const char *loop;
    struct sockaddr_in address;
    bool has_address;
    unsigned shard_count;
    struct options options;
};

#ifndef WITH_NB_SERVER
/* A thread with a loop and with listeners of its own. */
struct shard {
    unsigned number;
    const char *loop;
    struct options options;
};
#endif

_Noreturn void fail(const char *what, int error)
{
    fprintf(stderr, "accept-bench-loops: %s: %s\n", what, strerror(error));
    exit(EXIT_FAILURE);
}

void count_accepted(unsigned count)
{
    atomic_fetch_add_explicit(&accepted[shard].count, count, memory_order_relaxed);
}

struct answer answer_for(const struct options *options)
{
    switch (options->work) {
    case WORK_TURNAROUND:
        return (struct answer){response, sizeof response - 1, MSG_NOSIGNAL};
    case WORK_LIMITED:
        return (struct answer){kept_response, sizeof kept_response - 1, MSG_NOSIGNAL};
    default:
        return (struct answer){banner, sizeof banner - 1, MSG_NOSIGNAL};
    }
}

#ifndef WITH_NB_SERVER
/* Several shards listen on the same port. Afterwards `address` has the port that the kernel chose. */
static int open_listener(struct sockaddr_in *address, bool non_blocking, bool is_shared)
{
    socklen_t length = sizeof *address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (non_blocking ? SOCK_NONBLOCK : 0), 0);

    if (listener < 0)
        fail("socket", errno);
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) < 0)
        fail("setsockopt", errno);
    if (setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) < 0)
        fail("setsockopt", errno);
    if (is_shared && setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &(int){1}, sizeof(int)) < 0)
        fail("setsockopt", errno);
    if (bind(listener, (struct sockaddr *)address, length) < 0)
        fail("bind", errno);
    if (listen(listener, INT32_MAX) < 0)
        fail("listen", errno);
    if (getsockname(listener, (struct sockaddr *)address, &length) < 0)
        fail("getsockname", errno);
    return listener;
}

/* The addresses of the first shard, which the others share. */
static struct sockaddr_in *addresses_of(const struct arguments *arguments)
{
    unsigned count = arguments->options.listener_count;
    unsigned first = ntohs(arguments->address.sin_port);
    struct sockaddr_in *addresses = calloc(count, sizeof *addresses);

    if (!addresses)
        fail("calloc", errno);
    for (unsigned i = 0; i < count; i++) {
        addresses[i] = arguments->address;
        addresses[i].sin_port = htons((uint16_t)(first ? first + i : 0));
    }
    return addresses;
}

static const int *open_listeners(const struct arguments *arguments, struct sockaddr_in *addresses)
{
    unsigned count = arguments->options.listener_count;
    int *listeners = calloc(count, sizeof *listeners);

    if (!listeners)
        fail("calloc", errno);
    for (unsigned i = 0; i < count; i++)
        listeners[i] = open_listener(&addresses[i], strcmp(arguments->loop, "epoll") == 0, arguments->shard_count > 1);
    return listeners;
}

static void tell(const struct sockaddr_in *addresses, unsigned count)
{
    char host[INET_ADDRSTRLEN];

    for (unsigned i = 0; i < count; i++) {
        inet_ntop(AF_INET, &addresses[i].sin_addr, host, sizeof host);
        printf("listening on %s:%d\n", host, ntohs(addresses[i].sin_port));
    }
    fflush(stdout);
}
#endif

/* No thread prints while the loops run: so this may, although it interrupts one. */
static void report_at_the_end(int signal)
{
    unsigned long sum = 0;

    (void)signal;
    report_calls();
    for (unsigned i = 0; i < MAXIMUM_SHARDS; i++)
        sum += atomic_load(&accepted[i].count);
    printf("accepted %lu\n", sum);
    fflush(stdout);
    _exit(EXIT_SUCCESS);
}

/*
 * A thread that waited for the signals would share the descriptors with the loop. Then the kernel waits for RCU whenever their table
 * grows (expand_fdtable in fs/file.c): 8 to 15 ms, in which connections queue that are served in large and cheap batches. nb-server has
 * one thread here, and so has what it is compared with.
 */
static void report_on_signals(void)
{
    struct sigaction action = {.sa_handler = report_at_the_end};

    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGTERM);
    sigaddset(&action.sa_mask, SIGINT);
    if (sigaction(SIGTERM, &action, NULL) < 0 || sigaction(SIGINT, &action, NULL) < 0)
        fail("sigaction", errno);
}

static _Noreturn void usage(FILE *stream, int status)
{
    fprintf(stream,
            "usage: accept-bench-loops --loop LOOP --listen ADDRESS:PORT --work WORK [OPTION ...]\n"
            "  --loop LOOP        ring, epoll or blocking\n"
            "  --listen ADDRESS   IPv4 address and port, 0 for any free port\n"
            "  --listeners N      on N ports from that one upwards (default 1)\n"
            "  --shards N         N threads, each with a loop and listeners of its own (default 1)\n"
            "  --work WORK        none, banner, turnaround, limited or hold\n"
            "  --depth N          completions or events taken at a time, 1 to 65536 (default 256)\n"
            "  --finish           send the last bytes in one segment with the FIN, and lose none (ring, epoll)\n"
            "  --call-interval N  call the loop from another thread every N microseconds, and report how long it took\n");
    exit(status);
}

static unsigned number(const char *text, unsigned minimum, unsigned maximum)
{
    char *end;
    long value;

    errno = 0;
    value = strtol(text, &end, 10);
    if (errno || end == text || *end || value < minimum || value > maximum) {
        fprintf(stderr, "accept-bench-loops: not a number from %u to %u: '%s'\n", minimum, maximum, text);
        usage(stderr, EXIT_FAILURE);
    }
    return (unsigned)value;
}

static enum work work_named(const char *name)
{
    static const char *const names[] = {"none", "banner", "turnaround", "limited", "hold"};

    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum work)i;
    fprintf(stderr, "accept-bench-loops: no such work: '%s'\n", name);
    usage(stderr, EXIT_FAILURE);
}

static struct sockaddr_in address_named(char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    char *colon = strrchr(text, ':');

    if (!colon)
        usage(stderr, EXIT_FAILURE);
    *colon = '\0';
    if (inet_pton(AF_INET, text, &address.sin_addr) != 1) {
        fprintf(stderr, "accept-bench-loops: not an IPv4 address: '%s'\n", text);
        usage(stderr, EXIT_FAILURE);
    }
    address.sin_port = htons((uint16_t)number(colon + 1, 0, UINT16_MAX));
    return address;
}

static struct arguments parse(int count, char **words)
{
    static const struct option names[] = {
        {"loop", required_argument, NULL, 'l'},
        {"listen", required_argument, NULL, 'a'},
        {"listeners", required_argument, NULL, 'n'},
        {"shards", required_argument, NULL, 's'},
        {"work", required_argument, NULL, 'w'},
        {"depth", required_argument, NULL, 'd'},
        {"finish", no_argument, NULL, 'f'},
        {"call-interval", required_argument, NULL, 'i'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    struct arguments arguments = {
        .shard_count = 1,
        .options = {.work = WORK_BANNER, .depth = 256, .listener_count = 1},
    };
    int name;

    while ((name = getopt_long(count, words, "", names, NULL)) != -1) {
        switch (name) {
        case 'l':
            arguments.loop = optarg;
            break;
        case 'a':
            arguments.address = address_named(optarg);
            arguments.has_address = true;
            break;
        case 'n':
            arguments.options.listener_count = number(optarg, 1, MAXIMUM_LISTENERS);
            break;
        case 's':
            arguments.shard_count = number(optarg, 1, MAXIMUM_SHARDS);
            break;
        case 'w':
            arguments.options.work = work_named(optarg);
            break;
        case 'd':
            arguments.options.depth = number(optarg, 1, 65536);
            break;
        case 'f':
            arguments.options.finish = true;
            break;
        case 'i':
            arguments.options.call_interval = number(optarg, 0, 1000000);
            break;
        case 'h':
            usage(stdout, EXIT_SUCCESS);
        default:
            usage(stderr, EXIT_FAILURE);
        }
    }
    if (!arguments.loop || !arguments.has_address || optind != count)
        usage(stderr, EXIT_FAILURE);
    return arguments;
}

#ifdef WITH_NB_SERVER
/* One server, which accepts for one loop. */
static _Noreturn void run(const struct arguments *arguments)
{
    struct options options = arguments->options;

    if (arguments->shard_count != 1 || strcmp(arguments->loop, "epoll") != 0)
        usage(stderr, EXIT_FAILURE);
    open_server(&arguments->address, options.listener_count);
    options.listener_count = 0;
    fflush(stdout);
    start_calls(options.call_interval);
    run_epoll(&options);
}
#else
static void *run_shard(void *argument)
{
    const struct shard *own = argument;

    shard = own->number;
    if (strcmp(own->loop, "ring") == 0)
        run_ring(&own->options);
    if (strcmp(own->loop, "blocking") == 0)
        run_blocking(&own->options);
    run_epoll(&own->options);
}

/* The first shard is this thread's, and is the one that is called. */
static _Noreturn void run(const struct arguments *arguments)
{
    unsigned count = arguments->shard_count;
    struct shard *shards = calloc(count, sizeof *shards);
    struct sockaddr_in *addresses = addresses_of(arguments);

    if (!shards)
        fail("calloc", errno);
    for (unsigned i = 0; i < count; i++) {
        shards[i] = (struct shard){.number = i, .loop = arguments->loop, .options = arguments->options};
        shards[i].options.listeners = open_listeners(arguments, addresses);
        if (i > 0)
            shards[i].options.call_interval = 0;
    }
    tell(addresses, arguments->options.listener_count);
    start_calls(arguments->options.call_interval);
    for (unsigned i = 1; i < count; i++) {
        pthread_t thread;
        int error = pthread_create(&thread, NULL, run_shard, &shards[i]);

        if (error)
            fail("pthread_create", error);
    }
    run_shard(&shards[0]);
    __builtin_unreachable();
}
#endif

int main(int count, char **words)
{
    static const char *const loops[] = {"ring", "epoll", "blocking"};
    struct arguments arguments = parse(count, words);

    for (unsigned i = 0; i < sizeof loops / sizeof *loops; i++) {
        if (strcmp(arguments.loop, loops[i]) != 0)
            continue;
        report_on_signals();
        run(&arguments);
    }
    fprintf(stderr, "accept-bench-loops: no such loop: '%s'\n", arguments.loop);
    usage(stderr, EXIT_FAILURE);
}
