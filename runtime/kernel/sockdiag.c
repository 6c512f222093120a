/* Asks sock_diag(7) over netlink for every listening TCP and every UDP socket of a namespace. */
#include "sockdiag.h"

#include "netlink.h"
#include "netns.h"

#include "runtime/base/array.h"
#include "runtime/base/fail.h"
#include "runtime/base/text.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

struct request {
	struct nlmsghdr header;
	struct inet_diag_req_v2 diag;
};

/* The answer to a request for one protocol, which the kernel's messages do not repeat. */
struct answer {
	struct known_sockets *sockets;
	int names; /* a socket that is asked for the names of interfaces */
	uint8_t protocol;
};

/* Of bound TCP sockets that neither listen nor are connected; since Linux 6.8, which the C library's
 * header may not have yet. */
enum { STATE_BOUND_INACTIVE = 13 };

/* The kernel tells IPV6_V6ONLY of every IPv6 socket that listens or is not connected. */
static bool read_ipv6_only(const struct nlmsghdr *header)
{
	const struct inet_diag_msg *message = NLMSG_DATA(header);
	const struct rtattr *attribute = (const void *)(message + 1);
	size_t left = header->nlmsg_len - NLMSG_LENGTH(sizeof(*message));

	for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left))
		if (attribute->rta_type == INET_DIAG_SKV6ONLY && RTA_PAYLOAD(attribute))
			return *(const uint8_t *)RTA_DATA(attribute);
	return false;
}

static int add_socket(const struct nlmsghdr *header, void *argument)
{
	const struct inet_diag_msg *message = NLMSG_DATA(header);
	const struct answer *answer = argument;
	struct known_sockets *sockets = answer->sockets;
	struct known_socket *more;
	int found;

	if (header->nlmsg_len < NLMSG_LENGTH(sizeof(*message)))
		return 0;
	more = array_grow(sockets->all, sockets->count, sizeof(*more));
	if (!more)
		return -ENOMEM;
	sockets->all = more;
	more += sockets->count++;
	*more = (struct known_socket){
		.cookie = (uint64_t)message->id.idiag_cookie[1] << 32 | message->id.idiag_cookie[0],
		.inode = message->idiag_inode,
		.uid = message->idiag_uid,
		.port = ntohs(message->id.idiag_sport),
		.family = message->idiag_family,
		.protocol = answer->protocol,
		.connected = answer->protocol == IPPROTO_UDP && message->idiag_state != TCP_CLOSE,
		.ipv6_only = message->idiag_family == AF_INET6 && read_ipv6_only(header),
		.interface = message->id.idiag_if,
	};
	memcpy(more->address, message->id.idiag_src, sizeof(more->address));
	if (!more->interface)
		return 0;
	found = interface_name(answer->names, more->interface, more->device);
	more->device_gone = found == 0;
	return found < 0 ? found : 0;
}

/* If the kernel does not answer, since a module (tcp_diag, udp_diag) is missing, or not to the end,
 * notes that sockets of the protocol are unknown. */
static int read_kind(int fd, int names, uint8_t family, uint8_t protocol, uint32_t tcp_states,
		     struct known_sockets *sockets)
{
	struct request request = {
		.header = {.nlmsg_len = sizeof(request),
			   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.diag = {.sdiag_family = family,
			 .sdiag_protocol = protocol,
			 .idiag_states = protocol == IPPROTO_TCP ? tcp_states : UINT32_MAX},
	};
	struct answer answer = {sockets, names, protocol};
	int err = netlink_dump(fd, &request, sizeof(request), add_socket, &answer);

	if (err)
		sockets->told[protocol == IPPROTO_UDP] = false;
	return err == -ENOMEM ? err : 0;
}

static int compare_cookies(const void *a, const void *b)
{
	const struct known_socket *left = a, *right = b;

	return (left->cookie > right->cookie) - (left->cookie < right->cookie);
}

static int read_all(const struct netns *netns, uint32_t tcp_states, struct known_sockets *sockets)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP};
	autoclose int fd = netns_socket(netns, AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
	autoclose int names = netns_socket(netns, AF_INET, SOCK_DGRAM, 0);
	int err = 0;

	*sockets = (struct known_sockets){.told = {fd >= 0, fd >= 0}};
	for (int i = 0; fd >= 0 && !err && i < 4; i++)
		err = read_kind(fd, names, families[i / 2], protocols[i % 2], tcp_states, sockets);
	if (err) {
		sockdiag_free(sockets);
		return fail(netns->report, err, "read the sockets of %s", netns->words);
	}
	if (sockets->count)
		qsort(sockets->all, sockets->count, sizeof(*sockets->all), compare_cookies);
	return 0;
}

int sockdiag_read(const struct netns *netns, struct known_sockets *sockets)
{
	return read_all(netns, 1u << TCP_LISTEN, sockets);
}

int sockdiag_read_bound(const struct netns *netns, struct known_sockets *sockets)
{
	const struct sockaddr_in any = {.sin_family = AF_INET};
	autoclose int bound = netns_socket(netns, AF_INET, SOCK_STREAM, 0);
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);
	int err;

	if (bound >= 0 && (bind(bound, (const struct sockaddr *)&any, sizeof(any)) ||
			   getsockopt(bound, SOL_SOCKET, SO_COOKIE, &cookie, &size)))
		cookie = 0;
	err = read_all(netns, 1u << TCP_LISTEN | 1u << STATE_BOUND_INACTIVE, sockets);
	if (!err && !(cookie && sockdiag_find(sockets, cookie)))
		sockets->told[0] = false;
	return err;
}

void sockdiag_free(struct known_sockets *sockets)
{
	free(sockets->all);
	*sockets = (struct known_sockets){0};
}

const char *known_device(const struct known_socket *socket)
{
	return socket->device[0] ? socket->device : NULL;
}

const struct known_socket *sockdiag_find(const struct known_sockets *sockets, uint64_t cookie)
{
	const struct known_socket key = {.cookie = cookie};

	if (!sockets->count)
		return NULL;
	return bsearch(&key, sockets->all, sockets->count, sizeof(key), compare_cookies);
}

bool sockdiag_told(const struct known_sockets *sockets, unsigned int protocol)
{
	return sockets->told[protocol == IPPROTO_UDP];
}

bool sockdiag_takes(const struct known_sockets *sockets, unsigned int protocol, uint64_t cookie)
{
	const struct known_socket *socket = sockdiag_find(sockets, cookie);

	return !sockdiag_told(sockets, protocol) || (socket && !socket->connected);
}

void sockdiag_address(const struct known_socket *socket, char *text, size_t size)
{
	text_address(socket->family, socket->address, known_device(socket), socket->port, text,
		     size);
}

bool sockdiag_is_at(const struct known_socket *socket, const char *text)
{
	uint8_t address[16];
	char device[16];
	unsigned int port;
	int family;

	return text_read_address(text, &family, address, device, &port) &&
	       family == socket->family && port == socket->port &&
	       memcmp(address, socket->address, sizeof(address)) == 0 &&
	       strcmp(device, socket->device) == 0;
}
