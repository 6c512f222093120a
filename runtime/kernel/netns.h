/* A network namespace: opened by name, path or process, known by its cookie, which the kernel never
 * gives twice. */
#ifndef SKLC_NETNS_H
#define SKLC_NETNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct report;

struct netns {
	struct report *report; /* that it was opened with */
	int fd;
	uint64_t cookie;
	uint64_t inode;
	bool own;        /* the caller's */
	char words[160]; /* what messages call it */
};

/* NAME of `ip netns`, a path, "pid:N", or NULL for the caller's own. Linux 5.14 for the cookie. */
int netns_open(struct report *report, const char *name, struct netns *netns);
void netns_close(struct netns *netns);

/* A socket that lives in the namespace, or -errno without a message. */
int netns_socket(const struct netns *netns, int domain, int type, int protocol);

/* Runs WORK in a thread that is in a new namespace; what it opens stays open. -errno without a message. */
int netns_run_apart(int (*work)(void *argument), void *argument);

/* The same in a thread that is in this namespace. */
int netns_run_in(const struct netns *netns, int (*work)(void *argument), void *argument);

/* The number of an interface there; 0: there is none; -errno. */
int netns_interface(const struct netns *netns, const char *name);

/* Where the name of a namespace with this inode number is to be read: /run/netns. False: it has none. */
bool netns_find_name(uint64_t inode, char *name, size_t size);

#endif
