/* What the echo servers have in common: their listener, their options, and their way to give up. */
#ifndef LISTENER_H
#define LISTENER_H

#include <stdint.h>

/* The name that errors begin with. */
extern const char *program;

_Noreturn void fail(const char *what, int error);

/* Listens on the loopback interface, and prints where; 0 is any free port. */
int open_listener(uint16_t port, int socket_flags);

/* Reads a number between two limits; anything else ends the program. */
unsigned number(const char *text, unsigned minimum, unsigned maximum);

#endif
