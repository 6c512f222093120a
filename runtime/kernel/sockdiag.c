/* Asks sock_diag(7) over netlink for every listening TCP and every UDP socket of a namespace. */
#include "sockdiag.h"

#include "netns.h"

#include "runtime/base/fail.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { REPLY_MAX = 64 * 1024 };

struct request {
	struct nlmsghdr header;
	struct inet_diag_req_v2 diag;
};

static int add_socket(struct known_sockets *sockets, size_t *capacity,
		      const struct inet_diag_msg *message)
{
	struct known_socket *more;

	if (sockets->count == *capacity) {
		more = reallocarray(sockets->all, *capacity ? 2 * *capacity : 64, sizeof(*more));
		if (!more)
			return -ENOMEM;
		sockets->all = more;
		*capacity = *capacity ? 2 * *capacity : 64;
	}
	more = &sockets->all[sockets->count++];
	*more = (struct known_socket){
		.cookie = (uint64_t)message->id.idiag_cookie[1] << 32 | message->id.idiag_cookie[0],
		.inode = message->idiag_inode,
		.uid = message->idiag_uid,
		.port = ntohs(message->id.idiag_sport),
		.family = message->idiag_family,
	};
	memcpy(more->address, message->id.idiag_src, sizeof(more->address));
	return 0;
}

/* Reads one datagram of the answer. 1: more follow; 0: it was the last; -errno. */
static int take_reply(const char *reply, size_t size, struct known_sockets *sockets,
		      size_t *capacity)
{
	const struct nlmsghdr *header = (const void *)reply;

	for (; NLMSG_OK(header, size); header = NLMSG_NEXT(header, size)) {
		int err;

		if (header->nlmsg_type == NLMSG_DONE)
			sockets->told = true;
		if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR)
			return 0;
		if (header->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
			continue;
		err = add_socket(sockets, capacity, NLMSG_DATA(header));
		if (err)
			return err;
	}
	return 1;
}

/* If the kernel does not answer (inet_diag is a module), the addresses stay unknown. */
static int read_kind(int fd, uint8_t family, uint8_t protocol, struct known_sockets *sockets,
		     size_t *capacity)
{
	struct request request = {
		.header = {.nlmsg_len = sizeof(request),
			   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.diag = {.sdiag_family = family,
			 .sdiag_protocol = protocol,
			 .idiag_states = protocol == IPPROTO_TCP ? 1u << TCP_LISTEN : UINT32_MAX},
	};
	autofree char *reply = malloc(REPLY_MAX);
	int more = 1;

	if (!reply)
		return -ENOMEM;
	if (send(fd, &request, sizeof(request), 0) < 0)
		return 0;
	while (more > 0) {
		ssize_t size = recv(fd, reply, REPLY_MAX, 0);

		if (size <= 0)
			return 0;
		more = take_reply(reply, (size_t)size, sockets, capacity);
	}
	return more;
}

static int compare_cookies(const void *a, const void *b)
{
	const struct known_socket *left = a, *right = b;

	return (left->cookie > right->cookie) - (left->cookie < right->cookie);
}

int sockdiag_read(const struct netns *netns, struct known_sockets *sockets)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP};
	autoclose int fd = netns_socket(netns, AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
	size_t capacity = 0;
	int err = 0;

	*sockets = (struct known_sockets){0};
	for (int i = 0; fd >= 0 && !err && i < 4; i++)
		err = read_kind(fd, families[i / 2], protocols[i % 2], sockets, &capacity);
	if (err) {
		sockdiag_free(sockets);
		return fail(netns->report, err, "read the sockets of %s", netns->words);
	}
	if (sockets->count)
		qsort(sockets->all, sockets->count, sizeof(*sockets->all), compare_cookies);
	return 0;
}

void sockdiag_free(struct known_sockets *sockets)
{
	free(sockets->all);
	*sockets = (struct known_sockets){0};
}

const struct known_socket *sockdiag_find(const struct known_sockets *sockets, uint64_t cookie)
{
	const struct known_socket key = {.cookie = cookie};

	if (!sockets->count)
		return NULL;
	return bsearch(&key, sockets->all, sockets->count, sizeof(key), compare_cookies);
}

void sockdiag_address(const struct known_socket *socket, char *text, size_t size)
{
	char address[INET6_ADDRSTRLEN] = "";

	inet_ntop(socket->family, socket->address, address, sizeof(address));
	snprintf(text, size, socket->family == AF_INET6 ? "[%s]:%u" : "%s:%u", address,
		 socket->port);
}
