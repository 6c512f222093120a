/* Questions to the kernel over netlink: lists of its objects, and single answers. */
#ifndef SKLC_NETLINK_H
#define SKLC_NETLINK_H

#include <stdbool.h>
#include <stddef.h>

struct nlmsghdr;

/* Sends a request for a dump, and calls TAKE for each message of the answer until it returns
 * something other than 0, which is returned. Where the kernel says that the list changed meanwhile,
 * so that something may be missing, it calls FORGET and asks again; -EAGAIN without a message if
 * that does not end. -EIO without a message if the kernel does not answer, or not to the end, the
 * error with which it ended, or -ENOMEM without a message. */
int netlink_dump(int fd, const void *request, size_t size,
		 int (*take)(const struct nlmsghdr *header, void *argument),
		 void (*forget)(void *argument), void *argument);

/* The same, for lists of which the kernel does not say whether they changed. *PAUSED becomes whether
 * it may have left its list between two datagrams. It goes on by position, so it passes over objects
 * where others before them are gone meanwhile. */
int netlink_dump_pausing(int fd, const void *request, size_t size,
			 int (*take)(const struct nlmsghdr *header, void *argument), void *argument,
			 bool *paused);

/* Sends a request, and calls TAKE for the answer. Returns what TAKE returns, or the error that the
 * kernel answers; -EIO without a message if it does not answer, -ENOMEM without a message. */
int netlink_ask(int fd, const void *request, size_t size,
		int (*take)(const struct nlmsghdr *header, void *argument), void *argument);

#endif
