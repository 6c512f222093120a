/* A network namespace, opened by name, path or process. It is identified by its cookie, which the
 * kernel never gives twice. */
#ifndef SKLC_NETNS_H
#define SKLC_NETNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct report;

struct netns {
	struct report *report; /* that netns_open was called with */
	int fd;
	uint64_t cookie;
	uint64_t inode;
	bool own;        /* whether it is the caller's own */
	char words[160]; /* what messages call it */
};

/* NAME is a name of `ip netns`, a path, "pid:N", or NULL for the caller's own. Needs Linux 5.14 for
 * the cookie. -errno after a message. */
int netns_open(struct report *report, const char *name, struct netns *netns);
void netns_close(struct netns *netns);

/* Makes a socket in the namespace; -errno without a message. */
int netns_socket(const struct netns *netns, int domain, int type, int protocol);

/* Runs WORK in another thread, in a new namespace. Returns its result, or -errno without a
 * message. */
int netns_run_apart(int (*work)(void *argument), void *argument);

/* Runs WORK in NETNS: in the caller's thread if NETNS is the caller's own namespace, else in
 * another thread. Returns its result, or -errno without a message. */
int netns_run_in(const struct netns *netns, int (*work)(void *argument), void *argument);

/* The index of an interface of the namespace; 0: there is none; -errno without a message. */
int netns_interface(const struct netns *netns, const char *name);

/* Writes the name of the interface with this number, by any SOCKET of its namespace, or by the
 * namespace. 1: it is there; 0: it is gone, and NAME is "if7", as ss(8) prints it, which is not to be
 * written anywhere; -errno, of the second after a message. */
int interface_name(int socket, uint32_t number, char name[16]);
int netns_interface_name(const struct netns *netns, uint32_t number, char name[16]);

/* Finds the name in /run/netns of the namespace with this inode number; false if it has none, or
 * after a message if the folder cannot be read. */
bool netns_find_name(struct report *report, uint64_t inode, char *name, size_t size);

#endif
