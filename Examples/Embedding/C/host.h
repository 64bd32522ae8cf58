/*
 * What the hosts in C and C++ share, whatever their loop: a server that greets each client and closes, what signals ask of it, and its end.
 * Each host is a file of its own that includes this one.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <nbserver.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* Ends the program, with what went wrong. */
static void fail(const char *what) {
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
    exit(1);
}

/* The result of a function of nbserver.h, unless that is an error. */
static int must(int result) {
    if (result < 0) fail(nb_last_error());
    return result;
}

/* The descriptors are ours from here on. A program that has more to say would add them to its loop instead. */
static void take(void *context, const nb_connection *connections, size_t count) {
    static const char greeting[] = "No soup for you!\n";
    (void)context;
    for (size_t i = 0; i < count; i++) {
        send(connections[i].descriptor, greeting, sizeof greeting - 1, MSG_NOSIGNAL);
        close(connections[i].descriptor);
    }
}

static void report(void *context, int event, const char *text) {
    (void)context;
    if (event == NB_EVENT_BEGAN && strncmp(text, "epoll", 5) == 0)
        fprintf(stderr, "%s: running on %s\n", program_invocation_short_name, text);
    if (event == NB_EVENT_PARKED || event == NB_EVENT_DOWN) fprintf(stderr, "%s: %s\n", program_invocation_short_name, text);
}

/* A server that listens on each address of the command line. The calling thread turns it. */
static nb_server *make_server(int count, char **arguments) {
    static char usual[] = "127.0.0.1:7777", *usual_only[] = {NULL, usual};
    if (count > 1 && strcmp(arguments[1], "--help") == 0) {
        printf("usage: %s [ADDRESS ...]\n\n"
               "Greets each client, on 127.0.0.1:7777 unless told otherwise; port 0 is a free port.\n"
               "SIGTERM and Ctrl-C: serve the clients that wait, and end; the second time, end at once. SIGUSR1: print what was counted.\n",
               program_invocation_short_name);
        exit(0);
    }
    nb_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.on_connections = take;
    options.on_event = report;
    nb_server *server;
    must(nb_server_make(&options, &server));
    if (count < 2) count = 2, arguments = usual_only;
    for (int i = 1; i < count; i++) {
        char bound[NB_ADDRESS_SIZE];
        must(nb_server_add_listener(server, arguments[i], bound, sizeof bound));
        printf("listening on %s\n", bound);
    }
    fflush(stdout);
    return server;
}

/*
 * A descriptor that is readable when a signal has come. To be made before the program prints where it listens: a signal that comes earlier
 * ends it.
 */
static int watch_signals(void) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGUSR1);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    int descriptor = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (descriptor < 0) fail(strerror(errno));
    return descriptor;
}

static void print_counters(nb_server *server) {
    nb_counters counters;
    counters.size = sizeof counters;
    must(nb_server_counters(server, &counters));
    printf("accepted %llu, delivered %llu, discarded %llu\n", (unsigned long long)counters.accepted,
           (unsigned long long)counters.delivered, (unsigned long long)counters.discarded);
    fflush(stdout);
}

/* Does what a signal asks for, if one has come. */
static void obey_signal(nb_server *server, int signals) {
    static int draining;
    struct signalfd_siginfo signal;
    if (read(signals, &signal, sizeof signal) != sizeof signal) return;
    if (signal.ssi_signo == SIGUSR1) {
        print_counters(server);
    } else {
        must(draining ? nb_server_stop(server) : nb_server_drain(server, 10000));
        draining = 1;
    }
}

/* To be called when a turn has returned NB_DONE, and nothing watches the server's descriptor any more. */
static int end_server(nb_server *server) {
    print_counters(server);
    return must(nb_server_free(server));
}
