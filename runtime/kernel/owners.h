/* Which processes have sockets open. */
#ifndef SKLC_OWNERS_H
#define SKLC_OWNERS_H

#include <stddef.h>
#include <stdint.h>

struct owner {
	uint64_t inode; /* of the socket */
	int pid;        /* the lowest among the processes that have it open; 0: none was found */
	char command[16];
};

struct report;

/* Sorts the owners by inode, and fills in the pid and the command of each in one walk through
 * /proc. -ENOMEM after a message. */
int owners_find(struct report *report, struct owner *owners, size_t count);

/* The owner of an inode, by binary search; NULL if it is not among them. */
const struct owner *owners_of(const struct owner *owners, size_t count, uint64_t inode);

#endif
