"""server.py PORT banner|turnaround: Python's asyncio on one thread, for --external."""

import asyncio
import sys

BANNER = b"No soup for you!\n"
RESPONSE = b"HTTP/1.0 200 OK\r\nContent-Length: 17\r\nConnection: close\r\n\r\n" + BANNER


class Banner(asyncio.Protocol):
    def connection_made(self, transport):
        transport.write(BANNER)
        transport.close()


class Turnaround(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(RESPONSE)
        self.transport.close()


async def serve(port, protocol):
    # asyncio accepts as many in a row as the backlog is long.
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", port, backlog=65535)
    await server.serve_forever()


works = {"banner": Banner, "turnaround": Turnaround}
if len(sys.argv) != 3 or sys.argv[2] not in works:
    sys.exit("usage: server.py PORT banner|turnaround")
asyncio.run(serve(int(sys.argv[1]), works[sys.argv[2]]))
