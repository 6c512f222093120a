/* A dump comes as several datagrams of several messages each, and ends with NLMSG_DONE. */
#include "netlink.h"

#include "runtime/base/fail.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sys/socket.h>

enum { REPLY_MAX = 64 * 1024 };

/* Takes the messages of one datagram. 1: more follow; 0: it was the last; -errno. */
static int take_reply(const char *reply, size_t size,
		      int (*take)(const struct nlmsghdr *header, void *argument), void *argument)
{
	const struct nlmsghdr *header = (const void *)reply;

	for (; NLMSG_OK(header, size); header = NLMSG_NEXT(header, size)) {
		int err;

		if (header->nlmsg_type == NLMSG_DONE)
			return 0;
		if (header->nlmsg_type == NLMSG_ERROR)
			return -EIO;
		err = take(header, argument);
		if (err)
			return err;
	}
	return 1;
}

int netlink_dump(int fd, const void *request, size_t size,
		 int (*take)(const struct nlmsghdr *header, void *argument), void *argument)
{
	autofree char *reply = malloc(REPLY_MAX);
	int more = 1;

	if (!reply)
		return -ENOMEM;
	if (send(fd, request, size, 0) < 0)
		return -EIO;
	while (more > 0) {
		ssize_t received = recv(fd, reply, REPLY_MAX, 0);

		more = received <= 0 ? -EIO : take_reply(reply, (size_t)received, take, argument);
	}
	return more;
}

int netlink_ask(int fd, const void *request, size_t size,
		int (*take)(const struct nlmsghdr *header, void *argument), void *argument)
{
	autofree char *reply = malloc(REPLY_MAX);
	const struct nlmsghdr *header = (const void *)reply;
	ssize_t received;

	if (!reply)
		return -ENOMEM;
	if (send(fd, request, size, 0) < 0)
		return -EIO;
	received = recv(fd, reply, REPLY_MAX, 0);
	if (received <= 0 || !NLMSG_OK(header, (size_t)received))
		return -EIO;
	if (header->nlmsg_type != NLMSG_ERROR)
		return take(header, argument);
	return header->nlmsg_len < NLMSG_LENGTH(sizeof(struct nlmsgerr))
		       ? -EIO
		       : ((const struct nlmsgerr *)NLMSG_DATA(header))->error;
}
