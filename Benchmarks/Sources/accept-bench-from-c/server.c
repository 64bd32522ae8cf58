/*
 * nb-server from C: what accepts for the epoll loop of this program, which is otherwise that of accept-bench-loops. On io_uring or not at all;
 * figures of another engine would be taken for its own.
 */

#include "loop.h"
#include "../../../Sources/CNBServer/include/nbserver.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUDGET = 1024 };

static nb_server *server;
static void (*serve)(void *context, int connection);
static void *serve_context;

static int must(int result)
{
    if (result < 0) {
        fprintf(stderr, "accept-bench-from-c: %s\n", nb_last_error());
        exit(EXIT_FAILURE);
    }
    return result;
}

static void take(void *context, const nb_connection *connections, size_t count)
{
    (void)context;
    for (size_t i = 0; i < count; i++)
        serve(serve_context, connections[i].descriptor);
    count_accepted((unsigned)count);
}

void open_server(const struct sockaddr_in *first, unsigned listener_count)
{
    nb_options options = {
        .size = sizeof options,
        .on_connections = take,
        .engine = NB_ENGINE_RING,
        .maximum_listeners = listener_count,
    };
    char host[INET_ADDRSTRLEN], address[NB_ADDRESS_SIZE], bound[NB_ADDRESS_SIZE];

    must(nb_server_make(&options, &server));
    inet_ntop(AF_INET, &first->sin_addr, host, sizeof host);
    for (unsigned i = 0; i < listener_count; i++) {
        unsigned port = ntohs(first->sin_port);

        snprintf(address, sizeof address, "%s:%u", host, port ? port + i : 0);
        must(nb_server_add_listener(server, address, bound, sizeof bound));
        printf("listening on %s\n", bound);
    }
}

int server_descriptor(void)
{
    return must(nb_server_descriptor(server));
}

void turn_server(void (*with)(void *context, int connection), void *context)
{
    serve = with;
    serve_context = context;
    must(nb_server_turn(server, BUDGET));
}
