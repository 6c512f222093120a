/* A dump comes as several datagrams of several messages each, and ends with NLMSG_DONE. */
#include "netlink.h"

#include "runtime/base/fail.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

enum {
	REPLY_MAX = 64 * 1024,
	REPLIES_MAX = 1 << 20, /* datagrams of one dump */
	WAIT_SECONDS = 10,     /* for one datagram */
	RECEIVE_TRIES = 3,     /* since a stopped and continued process gets EINTR */
};

static int send_request(int fd, const void *request, size_t size)
{
	const struct timeval wait = {.tv_sec = WAIT_SECONDS};

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)))
		return -EIO;
	return send(fd, request, size, 0) < 0 ? -EIO : 0;
}

static ssize_t receive(int fd, char *reply)
{
	ssize_t size = -1;

	errno = EINTR;
	for (int i = 0; size < 0 && errno == EINTR && i < RECEIVE_TRIES; i++)
		size = recv(fd, reply, REPLY_MAX, 0);
	return size;
}

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
	if (send_request(fd, request, size))
		return -EIO;
	for (int i = 0; more > 0; i++) {
		ssize_t received = i < REPLIES_MAX ? receive(fd, reply) : -1;

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
	if (send_request(fd, request, size))
		return -EIO;
	received = receive(fd, reply);
	if (received <= 0 || !NLMSG_OK(header, (size_t)received))
		return -EIO;
	if (header->nlmsg_type != NLMSG_ERROR)
		return take(header, argument);
	return header->nlmsg_len < NLMSG_LENGTH(sizeof(struct nlmsgerr))
		       ? -EIO
		       : ((const struct nlmsgerr *)NLMSG_DATA(header))->error;
}
