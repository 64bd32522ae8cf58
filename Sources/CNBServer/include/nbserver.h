/*
 * nbserver.h: nb-server for programs in C and C++, and for all that call C.
 *
 * A server accepts TCP connections on its listeners, by io_uring or else epoll, and hands their descriptors to a callback, in batches.
 * What is said on a connection is the program's business. C99 or later, or C++; Linux, 64 bits.
 *
 *     nb_options options = { .size = sizeof options, .on_connections = take };
 *     nb_server *server;
 *     if (nb_server_make(&options, &server) < 0 || nb_server_add_listener(server, "0.0.0.0:7777", NULL, 0) < 0)
 *         fail(nb_last_error());
 *
 * Then one of two:
 *
 *     nb_server_descriptor   In the program's own loop: when that descriptor is readable, nb_server_turn. No thread is made.
 *     nb_server_start        On a thread of the server's own; nb_server_wait waits for its end.
 *
 *     make -- add_listener --> ready -- descriptor, start --> running -- stop, drain, a failure --> ended -- free --> gone
 *
 * Results. 0 or more is success, a negative number is one of the errors below, and nb_last_error tells its cause and cure. A call that is
 * misused (errors -1 to -9) does nothing. No call ends the process.
 *
 * Threads. The thread that first calls nb_server_descriptor is that server's: it makes the turns, is called back in them, and frees the
 * server. A server that is started is called back on its own thread. All other functions may be called by any thread, and in callbacks
 * where nothing else is said. None may be called in a signal handler.
 *
 * Processes. The library handles no signals; all of them are blocked on the threads it makes. After fork(2) the child cannot use its
 * parent's servers (NB_FORKED), and makes its own. If the parent had several threads, such as a started server's, the child must call
 * exec(3) first, as POSIX has it for any such program: another thread may have been in the middle of anything.
 */
#ifndef NBSERVER_H
#define NBSERVER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this header; nb_version tells the library's. Both are compatible while NB_VERSION_MAJOR is the same. */
#define NB_VERSION_MAJOR 0
#define NB_VERSION_MINOR 1

/* A server. A number, not an address: any function can tell a handle that was freed, or never was one (NB_INVALID_HANDLE). */
typedef struct nb_server nb_server;

/* Errors. Later versions may add some. */
enum {
    NB_INVALID_HANDLE = -1,      /* the server is null, was freed, or never was one */
    NB_INVALID_SIZE = -2,        /* a structure's size, or a buffer's, cannot be */
    NB_INVALID_OPTION = -3,      /* an option is out of its range, or is set and not known */
    NB_INVALID_ARGUMENT = -4,    /* an argument is null, or out of its range */
    NB_WRONG_THREAD = -5,        /* the server is turned, and freed, by the thread that called nb_server_descriptor */
    NB_IN_CALLBACK = -6,         /* a callback may not do this */
    NB_FORKED = -7,              /* the server is the parent process's */
    NB_ALREADY_RUNS = -8,        /* the server runs, or ran, in the other way: turned instead of started, or the reverse */
    NB_NOT_RUNNING = -9,         /* the server is neither turned nor started yet */
    NB_INVALID_ADDRESS = -10,    /* the text is not an address, or no server can listen there */
    NB_ADDRESS_IN_USE = -11,     /* something listens there already */
    NB_ADDRESS_UNAVAILABLE = -12,/* no interface of this machine has the address */
    NB_NOT_PERMITTED = -13,      /* the port needs a privilege, or a firewall forbids accepting */
    NB_TOO_MANY_LISTENERS = -14, /* more than nb_options.maximum_listeners */
    NB_STOPPED = -15,            /* the server has stopped, or is about to */
    NB_OUT_OF_RESOURCES = -16,   /* out of descriptors, memory or threads */
    NB_ENGINE_UNAVAILABLE = -17, /* the engine that was asked for is absent or forbidden, or has failed */
    NB_LISTENER_DOWN = -18,      /* the server's last listener was shut down behind its back */
    NB_SYSTEM = -19              /* the kernel refused; the text tells what and why */
};

/* What nb_server_turn and nb_server_wait return. */
enum {
    NB_IDLE = 0,  /* nothing is left to do: turn again when the descriptor is readable */
    NB_AGAIN = 1, /* turn again, soon; the descriptor is readable, so a loop may ignore this. Of nb_server_wait: the time is up */
    NB_DONE = 2   /* the server has ended as it was asked to; everything is closed, and nothing is called back any more */
};

/*
 * An accepted connection. Its descriptor belongs to the callee from the call on: to use, and to close by close(2). It is non-blocking and
 * closed on exec. The server knows nothing of it any more, and does not close it when the server ends.
 */
typedef struct nb_connection {
    int descriptor;
    uint32_t listener;  /* which listener it came by: what nb_server_add_listener returned */
    const void *peer;   /* the client's address, a struct sockaddr_in or sockaddr_in6, which is the library's for the length of the call;
                           null unless nb_options.peer_addresses is 1, and if the client has reset the connection already */
    size_t peer_length; /* of that address, in bytes; 0 if it is null */
} nb_connection;

/*
 * Takes accepted connections: those of one turn, at most nb_options.quantum of them, each once. The array is the library's, for the
 * length of the call. The callee must not block, since nothing is accepted meanwhile, and must return: no longjmp(3), no C++ exception.
 */
typedef void (*nb_on_connections)(void *context, const nb_connection *connections, size_t count);

/* What happened. Later versions may add some: ignore what is not known. */
enum {
    NB_EVENT_BEGAN = 1,     /* the server accepts; the text names its engine, and says why no better one */
    NB_EVENT_LISTENING = 2, /* a listener accepts; the text is its address */
    NB_EVENT_PARKED = 3,    /* a listener cannot accept for now and tries again within a second; clients wait, and none is lost */
    NB_EVENT_SHEDDING = 4,  /* a listener resets its clients (NB_SHED), since descriptors have run out */
    NB_EVENT_RECOVERED = 5, /* a listener that parked or shed accepts again */
    NB_EVENT_DOWN = 6,      /* a listener was shut down behind the server's back; with the last one the server ends */
    NB_EVENT_DRAINING = 7,  /* nb_server_drain has begun */
    NB_EVENT_ENDED = 8      /* the server ends; the text says why. The last call of all */
};

/*
 * Is told what happened: the event, and one line of text, which is the library's for the length of the call. The callee must not block,
 * and must return.
 */
typedef void (*nb_on_event)(void *context, int event, const char *text);

/* nb_options.engine */
enum {
    NB_ENGINE_AUTOMATIC = 0, /* io_uring, or else epoll; NB_SERVER_ENGINE=ring or =epoll in the environment decides */
    NB_ENGINE_RING = 1,      /* io_uring (Linux 5.11; at its best from 6.1), or NB_ENGINE_UNAVAILABLE */
    NB_ENGINE_EPOLL = 2      /* epoll and direct system calls */
};

/* nb_options.exhaustion: what a listener does when descriptors or memory have run out. */
enum {
    NB_PARK = 0, /* lets clients wait in its queue, and tries again within a second */
    NB_SHED = 1, /* resets clients at once, with a descriptor kept in reserve, and counts them */
    NB_STOP = 2  /* ends the server with NB_OUT_OF_RESOURCES */
};

/*
 * How a server is to run. Zero all of it, then set the size, on_connections, and what is to differ from the default, which is 0 everywhere.
 * A program built with an older, shorter header may be run with a newer library. With an older library, what that does not know has to be 0
 * (NB_INVALID_OPTION).
 */
typedef struct nb_options {
    size_t size;                      /* sizeof(nb_options) */
    void *context;                    /* for the callbacks; may be null */
    nb_on_connections on_connections; /* must be set */
    nb_on_event on_event;             /* may be null */
    uint32_t engine;                  /* NB_ENGINE_... */
    uint32_t exhaustion;              /* NB_PARK, NB_SHED or NB_STOP */
    uint32_t quantum;                 /* connections taken from the kernel at a time, and in a batch: 1 to 65,536; 0 is 256 */
    uint32_t peer_addresses;          /* 1: ask for each client's address, which costs a getpeername(2) a connection */
    uint32_t one_shot;                /* 1: accept one connection at a time, for a callee that wants few ahead */
    uint32_t maximum_listeners;       /* 0 is 1024 */
    uint32_t backlog;                 /* clients that may wait in a listener's queue, listen(2); 0 is as many as the kernel allows */
    uint32_t reuse_port;              /* 1: several servers may listen on one address (SO_REUSEPORT), each with its share of the clients */
} nb_options;

/* What a server has counted until its last turn ended. accepted = delivered + discarded. */
typedef struct nb_counters {
    size_t size;              /* sizeof(nb_counters), set by the caller; an older, shorter structure gets what it has room for */
    uint64_t accepted;        /* connections that the kernel accepted for the server */
    uint64_t delivered;       /* handed to on_connections */
    uint64_t discarded;       /* reset instead: because the server was stopping, or to shed them */
    uint64_t shed;            /* how many of those were shed */
    uint64_t armed;           /* accept operations begun */
    uint64_t accept_failures; /* accept operations that failed */
} nb_counters;

/* How many bytes the text of an address takes at the most, with the zero byte. */
#define NB_ADDRESS_SIZE 80

/*
 * Makes a server, which neither listens nor runs yet, and stores it in *server; null if that fails. nb_server_free frees it.
 * Standard streams that are closed are opened on /dev/null, so that no connection takes the place of one.
 * Errors: NB_INVALID_ARGUMENT, NB_INVALID_SIZE, NB_INVALID_OPTION.
 */
int nb_server_make(const nb_options *options, nb_server **server);

/*
 * Listens on an address: "127.0.0.1:7777", "[::1]:7777", "[fe80::1%eth0]:7777"; "[::]:7777" takes IPv4 as well; port 0 is a free port.
 * Names are not looked up. Clients can connect from now on; they wait until the server runs. Listeners may be added while it runs.
 * `bound` gets the address it was bound to, as text; null, or at least NB_ADDRESS_SIZE bytes.
 * An address in use is tried again for up to half a second, but not by the thread that turns the server, nor in a callback.
 * Returns the listener's number: 0, then 1, and so on. Errors: NB_INVALID_ADDRESS to NB_OUT_OF_RESOURCES, NB_SYSTEM.
 */
int nb_server_add_listener(nb_server *server, const char *address, char *bound, size_t bound_size);

/*
 * Returns the descriptor to watch, readable (level-triggered) whenever a turn is due, for poll(2), epoll(7) and the like. There is no time
 * limit to keep besides. The descriptor is never to be read, written or closed by the program, and is open until nb_server_free. A loop
 * that is an io_uring polls it again after each turn, since the kernel ends a multishot poll of a descriptor that another ring signals.
 * Before Linux 6.1 the kernel interrupts the thread when something arrives: a wait of the program's may end with EINTR.
 * The first call makes the engine, and makes the server the calling thread's. Errors: NB_WRONG_THREAD, NB_ALREADY_RUNS, NB_STOPPED,
 * NB_OUT_OF_RESOURCES, NB_ENGINE_UNAVAILABLE; after the last two the server has ended.
 */
int nb_server_descriptor(nb_server *server);

/*
 * Does what there is to do, calls back, and never waits. `budget` is how many completions at the most, 0 counting as 1; 1024 is usual.
 * Returns NB_IDLE, NB_AGAIN or NB_DONE; if the server has failed, the error it ended with. After the end it returns the same again. By the
 * server's thread, and not in a callback. Errors of misuse: NB_WRONG_THREAD, NB_IN_CALLBACK, NB_NOT_RUNNING, NB_ALREADY_RUNS.
 */
int nb_server_turn(nb_server *server, size_t budget);

/*
 * Runs the server on a thread of its own, and returns when it accepts. Errors: NB_ALREADY_RUNS, NB_STOPPED, NB_OUT_OF_RESOURCES,
 * NB_ENGINE_UNAVAILABLE; after the last two the server has ended.
 */
int nb_server_start(nb_server *server);

/*
 * Waits for the end of a server that was started, for so long at the most; a negative number is for ever. Returns NB_DONE, NB_AGAIN if the
 * time is up, or the error the server ended with. Not in a callback of that server. Errors of misuse: NB_IN_CALLBACK, NB_NOT_RUNNING,
 * NB_ALREADY_RUNS.
 */
int nb_server_wait(nb_server *server, int64_t milliseconds);

/* Asks the server to stop: clients that wait in a queue are reset. Does not wait. One that does not run yet never will. */
int nb_server_stop(nb_server *server);

/*
 * Asks the server to close its listeners once the clients in their queues are delivered, and then to stop; clients that wait when the time
 * is up are reset. Does not wait. One that does not run yet drains when it does.
 */
int nb_server_drain(nb_server *server, uint32_t milliseconds);

/* Stores what the server has counted. Errors: NB_INVALID_ARGUMENT, NB_INVALID_SIZE. */
int nb_server_counters(nb_server *server, nb_counters *counters);

/*
 * Frees a server; null is no error. One that has not ended is stopped and ended first, without waiting for any client: its callbacks may be
 * called until this returns, and never afterwards. By the thread that turns it, if one does; not in a callback of that server. If it fails
 * the server lives on. In a forked child it forgets the server, and closes nothing.
 */
int nb_server_free(nb_server *server);

/*
 * Cause and cure of the calling thread's last error, in one line; never null, empty if there was none. The library's, until the thread's
 * next error, or its end.
 */
const char *nb_last_error(void);

/* What an error means, in general; for a number that is no error it says so. The library's, for ever. */
const char *nb_strerror(int error);

/* The version of the library: "0.1.0". */
const char *nb_version(void);

#ifdef __cplusplus
}
#endif

#endif
