// A server in a C++ program's asio loop: a stream_descriptor waits until the server's descriptor is readable.

#include "host.h"
#include <asio.hpp>
#include <functional>

using asio::posix::stream_descriptor;

// Calls `work` whenever the descriptor is readable, until that returns false.
static void watch(stream_descriptor &descriptor, std::function<bool()> work) {
    descriptor.async_wait(stream_descriptor::wait_read, [&descriptor, work](asio::error_code error) {
        if (error == asio::error::operation_aborted) return;
        if (error) fail(error.message().c_str());
        if (work()) watch(descriptor, work);
    });
}

int main(int count, char **arguments) {
    asio::io_context loop;
    stream_descriptor signals(loop, watch_signals());
    nb_server *server = make_server(count, arguments);
    stream_descriptor turns(loop, must(nb_server_descriptor(server)));
    watch(turns, [&] {
        if (must(nb_server_turn(server, 1024)) != NB_DONE) return true;
        // The server closes its descriptor itself.
        turns.release();
        signals.close();
        return false;
    });
    watch(signals, [&] {
        obey_signal(server, signals.native_handle());
        return true;
    });
    // Until nothing is watched any more.
    loop.run();
    return end_server(server);
}
