#!/usr/bin/env python3
"""A server in asyncio's loop, by ctypes: add_reader watches its descriptor. Needs nothing but the standard library and libnbserver.so.0."""

import asyncio
import ctypes
import os
import signal
import sys
from ctypes import CFUNCTYPE, POINTER, Structure, byref, c_char_p, c_int, c_size_t, c_uint32, c_uint64, c_void_p, sizeof

DONE = 2
GREETING = b"No soup for you!\n"
USAGE = """usage: asyncio_host.py [ADDRESS ...]

Greets each client, on 127.0.0.1:7777 unless told otherwise; port 0 is a free port. SIGTERM and Ctrl-C: serve the clients that wait, and
end; the second time, end at once. SIGUSR1: print what was counted. LD_LIBRARY_PATH says where libnbserver.so.0 is, if it is not installed.
"""


class Connection(Structure):
    _fields_ = [("descriptor", c_int), ("listener", c_uint32), ("peer", c_void_p), ("peer_length", c_size_t)]


OnConnections = CFUNCTYPE(None, c_void_p, POINTER(Connection), c_size_t)


class Options(Structure):
    """The beginning of nb_options; the library takes what is missing as zero."""

    _fields_ = [("size", c_size_t), ("context", c_void_p), ("on_connections", OnConnections), ("on_event", c_void_p)]


class Counters(Structure):
    """The beginning of nb_counters."""

    _fields_ = [("size", c_size_t), ("accepted", c_uint64), ("delivered", c_uint64), ("discarded", c_uint64)]


if sys.argv[1:2] == ["--help"]:
    sys.exit(print(USAGE, end=""))
try:
    library = ctypes.CDLL("libnbserver.so.0")
except OSError as error:
    sys.exit(f"asyncio_host: {error}; build it with ./dev c, and say in LD_LIBRARY_PATH where it is")
library.nb_last_error.restype = c_char_p


def must(result):
    """The result of a function of nbserver.h, unless that is an error."""
    if result < 0:
        sys.exit(f"asyncio_host: {library.nb_last_error().decode()}")
    return result


@OnConnections
def take(context, connections, count):
    """The descriptors are ours from here on. A program that has more to say would give them to its loop instead."""
    for number in range(count):
        descriptor = connections[number].descriptor
        try:
            os.write(descriptor, GREETING)
        except OSError:
            pass  # The client has left.
        os.close(descriptor)


def print_counters(server):
    counters = Counters(size=sizeof(Counters))
    must(library.nb_server_counters(server, byref(counters)))
    counts = f"accepted {counters.accepted}, delivered {counters.delivered}, discarded {counters.discarded}"
    print(counts, flush=True)


def listen(server, addresses):
    for address in addresses:
        bound = ctypes.create_string_buffer(80)
        must(library.nb_server_add_listener(server, address.encode(), bound, c_size_t(len(bound))))
        print(f"listening on {bound.value.decode()}", flush=True)


async def serve(server, addresses):
    loop = asyncio.get_running_loop()
    descriptor = must(library.nb_server_descriptor(server))
    done = asyncio.Event()
    draining = False

    def turn():
        if must(library.nb_server_turn(server, c_size_t(1024))) == DONE:
            loop.remove_reader(descriptor)
            done.set()

    def end():
        nonlocal draining
        must(library.nb_server_stop(server) if draining else library.nb_server_drain(server, c_uint32(10_000)))
        draining = True

    loop.add_reader(descriptor, turn)
    loop.add_signal_handler(signal.SIGTERM, end)
    loop.add_signal_handler(signal.SIGINT, end)
    loop.add_signal_handler(signal.SIGUSR1, print_counters, server)
    listen(server, addresses)
    await done.wait()


server = c_void_p()
must(library.nb_server_make(byref(Options(size=sizeof(Options), on_connections=take)), byref(server)))
asyncio.run(serve(server, sys.argv[1:] or ["127.0.0.1:7777"]))
print_counters(server)
must(library.nb_server_free(server))
