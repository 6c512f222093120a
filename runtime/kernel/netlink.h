/* Questions to the kernel over netlink: lists of its objects, and single answers. */
#ifndef SKLC_NETLINK_H
#define SKLC_NETLINK_H

#include <stdbool.h>
#include <stddef.h>

struct nlmsghdr;

/* Sends a request for a dump, and calls TAKE for each message of the answer until it returns
 * something other than 0, which is returned. -EIO without a message if the kernel does not answer,
 * or not to the end; -ENOMEM without a message. */
int netlink_dump(int fd, const void *request, size_t size,
		 int (*take)(const struct nlmsghdr *header, void *argument), void *argument);

/* The same. *PAUSED becomes whether the kernel may have left its list between two datagrams. It goes
 * on by position, so it passes over objects where others before them are gone meanwhile. */
int netlink_dump_pausing(int fd, const void *request, size_t size,
			 int (*take)(const struct nlmsghdr *header, void *argument), void *argument,
			 bool *paused);

/* Sends a request, and calls TAKE for the answer. Returns what TAKE returns, or the error that the
 * kernel answers; -EIO without a message if it does not answer, -ENOMEM without a message. */
int netlink_ask(int fd, const void *request, size_t size,
		int (*take)(const struct nlmsghdr *header, void *argument), void *argument);

#endif
