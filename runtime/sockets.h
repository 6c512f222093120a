/* A socket that may stand behind a label: what it is, and which of the four places it fills. */
#ifndef SKLC_SOCKETS_H
#define SKLC_SOCKETS_H

#include "abi.h"

struct netns;
struct report;

/* The places that a socket fills, as bits 1 << place, or -errno after a message that says why it
 * cannot stand behind a label: not a socket, not listening, connected, MPTCP, another namespace. */
int socket_places(int fd, const struct netns *netns);

/* The descriptor of another process's file, held by a pidfd so that no other process can have its
 * number meanwhile. -errno after a message. */
int socket_from_process(struct report *report, int pid, int fd);

#endif
