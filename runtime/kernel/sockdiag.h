/* The addresses of a namespace's sockets by their cookies, as the kernel's sock_diag gives them. */
#ifndef SKLC_SOCKDIAG_H
#define SKLC_SOCKDIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct netns;

struct known_socket {
	uint64_t cookie;
	uint32_t inode; /* in /proc/PID/fd */
	uint32_t uid;
	uint16_t port;
	uint8_t family;      /* AF_INET, AF_INET6 */
	uint8_t address[16]; /* network order */
};

struct known_sockets {
	struct known_socket *all; /* by cookie */
	size_t count;
	bool told; /* whether the kernel tells at all */
};

/* Listening TCP and UDP sockets; none where the kernel does not tell. -ENOMEM after a message. */
int sockdiag_read(const struct netns *netns, struct known_sockets *sockets);
void sockdiag_free(struct known_sockets *sockets);

/* NULL if it is not among them. */
const struct known_socket *sockdiag_find(const struct known_sockets *sockets, uint64_t cookie);

/* "192.0.2.1:80", "[2001:db8::1]:80" */
void sockdiag_address(const struct known_socket *socket, char *text, size_t size);

enum { SOCKET_ADDRESS_MAX = 64 };

#endif
