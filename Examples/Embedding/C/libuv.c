/* A server in libuv's loop: a uv_poll_t, which is level-triggered, watches its descriptor. */

#include "host.h"
#include <uv.h>

static nb_server *server;
static int signals;
static uv_poll_t turn_watch, signal_watch;

static void turn(uv_poll_t *watch, int status, int events) {
    (void)watch, (void)events;
    if (status < 0) fail(uv_strerror(status));
    if (must(nb_server_turn(server, 1024)) != NB_DONE) return;
    /* Nothing is left to watch, so uv_run returns. */
    uv_close((uv_handle_t *)&turn_watch, NULL);
    uv_close((uv_handle_t *)&signal_watch, NULL);
}

static void take_signal(uv_poll_t *watch, int status, int events) {
    (void)watch, (void)events;
    if (status < 0) fail(uv_strerror(status));
    obey_signal(server, signals);
}

static void start(uv_poll_t *watch, int descriptor, uv_poll_cb call) {
    int error = uv_poll_init(uv_default_loop(), watch, descriptor);
    if (error == 0) error = uv_poll_start(watch, UV_READABLE, call);
    if (error < 0) fail(uv_strerror(error));
}

int main(int count, char **arguments) {
    signals = watch_signals();
    server = make_server(count, arguments);
    start(&turn_watch, must(nb_server_descriptor(server)), turn);
    start(&signal_watch, signals, take_signal);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    uv_loop_close(uv_default_loop());
    return end_server(server);
}
