/* A dump comes as several datagrams of several messages each, and ends with NLMSG_DONE. */
#include "netlink.h"

#include "runtime/base/fail.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum {
	REPLY_MAX = 64 * 1024,
	REPLIES_MAX = 1 << 20, /* datagrams of one dump */
	WAIT_SECONDS = 10,     /* for one datagram */
	RECEIVE_TRIES = 3,     /* since a stopped and continued process gets EINTR */
	DUMPS_MAX = 100,       /* of a list that changes meanwhile */
	/* The kernel fills datagrams of 32 KiB; or, where it has no memory for that, and on a socket
	 * that nothing was received from yet, of a page but at most 8 KiB; less what it needs itself. */
	FULL_LARGE = 32 << 10,
	FULL_SMALL_MAX = 8 << 10,
	FULL_LACKS_MAX = 1152, /* that, and a message that has no room any more */
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

/* The error that ended a dump too early, or 0. */
static int error_of_end(const struct nlmsghdr *header)
{
	int code = 0;

	if (header->nlmsg_len >= NLMSG_LENGTH(sizeof(code)))
		memcpy(&code, NLMSG_DATA(header), sizeof(code));
	return code < 0 ? code : 0;
}

/* Takes the messages of one datagram. 1: more follow; 0: it was the last; -errno. *CHANGED becomes true if the list
 * has changed since the dump began. */
static int take_reply(const char *reply, size_t size,
		      int (*take)(const struct nlmsghdr *header, void *argument), void *argument,
		      bool *changed)
{
	const struct nlmsghdr *header = (const void *)reply;

	for (; NLMSG_OK(header, size); header = NLMSG_NEXT(header, size)) {
		int err;

		*changed = *changed || header->nlmsg_flags & NLM_F_DUMP_INTR;
		if (header->nlmsg_type == NLMSG_DONE)
			return error_of_end(header);
		if (header->nlmsg_type == NLMSG_ERROR)
			return -EIO;
		err = take(header, argument);
		if (err)
			return err;
	}
	return 1;
}

/* Whether there may have been no room for another message in a datagram. */
static bool may_be_full(size_t size)
{
	const long page = sysconf(_SC_PAGESIZE);
	const size_t small = page > 0 && page < FULL_SMALL_MAX ? (size_t)page : FULL_SMALL_MAX;

	return (size + FULL_LACKS_MAX >= small && size <= small) ||
	       size + FULL_LACKS_MAX >= FULL_LARGE;
}

/* What one dump was like. */
struct dump {
	bool paused;  /* the kernel may have left its list between two datagrams */
	bool changed; /* the kernel says that the list changed meanwhile */
};

static int dump_once(int fd, const void *request, size_t size,
		     int (*take)(const struct nlmsghdr *header, void *argument), void *argument,
		     struct dump *dump)
{
	autofree char *reply = malloc(REPLY_MAX);
	int more = 1;

	*dump = (struct dump){0};
	if (!reply)
		return -ENOMEM;
	if (send_request(fd, request, size))
		return -EIO;
	for (int i = 0; more > 0; i++) {
		ssize_t received = i < REPLIES_MAX ? receive(fd, reply) : -1;

		more = received <= 0 ? -EIO
				     : take_reply(reply, (size_t)received, take, argument,
						  &dump->changed);
		if (more > 0 && (i || may_be_full((size_t)received)))
			dump->paused = true;
	}
	return more;
}

int netlink_dump_pausing(int fd, const void *request, size_t size,
			 int (*take)(const struct nlmsghdr *header, void *argument), void *argument,
			 bool *paused)
{
	struct dump dump;
	int err = dump_once(fd, request, size, take, argument, &dump);

	*paused = dump.paused;
	return err;
}

int netlink_dump(int fd, const void *request, size_t size,
		 int (*take)(const struct nlmsghdr *header, void *argument),
		 void (*forget)(void *argument), void *argument)
{
	struct dump dump = {.changed = true};
	int err = 0;

	for (int i = 0; !err && dump.changed && i < DUMPS_MAX; i++) {
		if (i)
			forget(argument);
		err = dump_once(fd, request, size, take, argument, &dump);
	}
	return !err && dump.changed ? -EAGAIN : err;
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
