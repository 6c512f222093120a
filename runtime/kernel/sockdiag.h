/* The sockets of a namespace and their addresses, by cookie, from the kernel's sock_diag. */
#ifndef SKLC_SOCKDIAG_H
#define SKLC_SOCKDIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct netns;

struct known_socket {
	uint64_t cookie;
	uint32_t inode; /* as in the links in /proc/PID/fd */
	uint32_t uid;
	uint16_t port;
	uint8_t family;      /* AF_INET, AF_INET6 */
	uint8_t address[16]; /* network order */
};

struct known_sockets {
	struct known_socket *all; /* sorted by cookie */
	size_t count;
	bool told; /* whether the kernel answered */
};

/* Reads the listening TCP sockets and the UDP sockets; none if the kernel does not answer. -ENOMEM
 * after a message. */
int sockdiag_read(const struct netns *netns, struct known_sockets *sockets);
void sockdiag_free(struct known_sockets *sockets);

/* Finds a socket by its cookie; NULL if it is not among them. */
const struct known_socket *sockdiag_find(const struct known_sockets *sockets, uint64_t cookie);

/* "192.0.2.1:80", "[2001:db8::1]:80" */
void sockdiag_address(const struct known_socket *socket, char *text, size_t size);

enum { SOCKET_ADDRESS_MAX = 64 };

#endif
