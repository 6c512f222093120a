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
	uint8_t protocol;    /* IPPROTO_TCP, IPPROTO_UDP */
	bool connected;      /* a UDP socket that takes packets of its peer alone */
	bool ipv6_only;      /* it is of IPv6 and takes no IPv4 packets */
	bool device_gone;    /* the interface is gone, and `device` is no name to be written */
	uint32_t interface;  /* number of the interface that it is bound to; 0: none */
	char device[16];     /* its name, or "if7" if it is gone; empty: none */
	uint8_t address[16]; /* network order */
};

struct known_sockets {
	struct known_socket *all; /* sorted by cookie */
	size_t count;
	bool told
		[2]; /* whether the kernel told all TCP sockets that were asked for, all UDP ones */
};

/* Reads the listening TCP sockets and the UDP sockets; those that the kernel tells. One that is there
 * all the time is among them, or told says that some may not be. -ENOMEM after a message. */
int sockdiag_read(const struct netns *netns, struct known_sockets *sockets);

/* Also reads TCP sockets that are bound and may listen later, or again. A kernel before 6.8 does not
 * tell them, so then not all TCP sockets are told; a bound socket of our own shows it. */
int sockdiag_read_bound(const struct netns *netns, struct known_sockets *sockets);
void sockdiag_free(struct known_sockets *sockets);

/* Finds a socket by its cookie; NULL if it is not among them. */
const struct known_socket *sockdiag_find(const struct known_sockets *sockets, uint64_t cookie);

/* Whether the kernel told all sockets of the protocol, so that one that is not among them is not
 * there. */
bool sockdiag_told(const struct known_sockets *sockets, unsigned int protocol);

/* Whether the socket of this protocol may take packets of any peer, as far as the kernel told. */
bool sockdiag_takes(const struct known_sockets *sockets, unsigned int protocol, uint64_t cookie);

/* The interface that the socket is bound to; NULL: none. */
const char *known_device(const struct known_socket *socket);

/* "192.0.2.1:80", "[fe80::1]%eth0:80" */
void sockdiag_address(const struct known_socket *socket, char *text, size_t size);

/* Makes an IPv4-mapped address, in network order, the IPv4 address, as declarations do. Returns the
 * family. */
int address_unmap(int family, uint8_t address[16]);

/* Whether the socket is at this address, in any spelling, and bound to its device. */
bool sockdiag_is_at(const struct known_socket *socket, const char *text);

enum { SOCKET_ADDRESS_MAX = 80 };

#endif
