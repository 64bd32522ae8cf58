/* A server in a C program's own loop around epoll(7). */

#include "host.h"
#include <sys/epoll.h>

static void watch(int epoll, int descriptor) {
    struct epoll_event event = {.events = EPOLLIN, .data = {.fd = descriptor}};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) < 0) fail(strerror(errno));
}

int main(int count, char **arguments) {
    int signals = watch_signals();
    nb_server *server = make_server(count, arguments);
    int turns = must(nb_server_descriptor(server)), epoll = epoll_create1(EPOLL_CLOEXEC), result = NB_IDLE;
    watch(epoll, turns);
    watch(epoll, signals);
    while (result != NB_DONE) {
        struct epoll_event event;
        if (epoll_wait(epoll, &event, 1, -1) < 1) continue;
        if (event.data.fd == turns)
            result = must(nb_server_turn(server, 1024));
        else
            obey_signal(server, signals);
    }
    return end_server(server);
}
