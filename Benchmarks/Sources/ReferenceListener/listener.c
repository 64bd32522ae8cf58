#define _GNU_SOURCE
#include "listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

_Noreturn void fail(const char *what, int error)
{
    fprintf(stderr, "%s: %s: %s\n", program, what, strerror(error));
    exit(EXIT_FAILURE);
}

int open_listener(uint16_t port, int socket_flags)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | socket_flags, 0);

    if (listener < 0)
        fail("socket", errno);
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) < 0)
        fail("setsockopt", errno);
    if (setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) < 0)
        fail("setsockopt", errno);
    if (bind(listener, (struct sockaddr *)&address, length) < 0)
        fail("bind", errno);
    if (listen(listener, INT32_MAX) < 0)
        fail("listen", errno);
    if (getsockname(listener, (struct sockaddr *)&address, &length) < 0)
        fail("getsockname", errno);

    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

unsigned number(const char *text, unsigned minimum, unsigned maximum)
{
    char *end;
    long value;

    errno = 0;
    value = strtol(text, &end, 10);
    if (errno || end == text || *end || value < minimum || value > maximum) {
        fprintf(stderr, "%s: not a number from %u to %u: '%s'\n", program, minimum, maximum, text);
        exit(EXIT_FAILURE);
    }
    return (unsigned)value;
}
