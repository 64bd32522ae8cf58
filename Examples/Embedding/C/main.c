/* A server in a C program's own epoll loop. It greets each client and closes; Ctrl-C stops it. */

#include <nbserver.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

static const char greeting[] = "No soup for you!\n";

/* The descriptors are ours from here on. A program that has more to say would add them to its epoll instead. */
static void take(void *context, const nb_connection *connections, size_t count) {
    (void)context;
    for (size_t i = 0; i < count; i++) {
        send(connections[i].descriptor, greeting, sizeof greeting - 1, MSG_NOSIGNAL);
        close(connections[i].descriptor);
    }
}

static void tell(void *context, int event, const char *text) {
    (void)context;
    if (event == NB_EVENT_BEGAN && strncmp(text, "epoll", 5) == 0) fprintf(stderr, "embedding-c: running on %s\n", text);
    if (event == NB_EVENT_PARKED || event == NB_EVENT_DOWN) fprintf(stderr, "embedding-c: %s\n", text);
}

static void watch(int epoll, int descriptor) {
    struct epoll_event event = {.events = EPOLLIN, .data = {.fd = descriptor}};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) < 0) perror("embedding-c: epoll_ctl"), exit(1);
}

/* The result of a function of nbserver.h, unless that is an error. */
static int must(int result) {
    if (result < 0) fprintf(stderr, "embedding-c: %s\n", nb_last_error()), exit(1);
    return result;
}

int main(int count, char **arguments) {
    nb_options options = {.size = sizeof options, .on_connections = take, .on_event = tell};
    nb_server *server;
    must(nb_server_make(&options, &server));
    for (int i = 1; i < count || i == 1; i++) {
        char bound[NB_ADDRESS_SIZE];
        must(nb_server_add_listener(server, count > 1 ? arguments[i] : "127.0.0.1:7777", bound, sizeof bound));
        printf("listening on %s\n", bound);
    }
    fflush(stdout);

    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    sigprocmask(SIG_BLOCK, &stops, NULL);
    int turns = must(nb_server_descriptor(server)), signals = signalfd(-1, &stops, SFD_CLOEXEC);
    int epoll = epoll_create1(EPOLL_CLOEXEC), result = NB_IDLE;
    watch(epoll, turns);
    watch(epoll, signals);
    while (result != NB_DONE) {
        struct epoll_event event;
        if (epoll_wait(epoll, &event, 1, -1) < 1) continue;
        if (event.data.fd == turns) {
            result = must(nb_server_turn(server, 1024));
        } else {
            struct signalfd_siginfo signal;
            if (read(signals, &signal, sizeof signal) > 0) must(nb_server_stop(server));
        }
    }
    return must(nb_server_free(server));
}
