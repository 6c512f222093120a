/* Asks sock_diag(7) over netlink for every listening TCP and every UDP socket of a namespace. The kernel
 * tells as many as a datagram takes, and goes on by position in its list, so it passes over a socket where
 * one before it was closed meanwhile. What it tells in one datagram is whole: so where there are more,
 * they are read again in parts, by port and then by address. */
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
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* Sockets at some ports and addresses: those that begin with the same LENGTH bits, of the port and then
 * of the address, in network order. */
struct part {
	uint8_t bits[2 + 16];
	unsigned int length;
};

/* For inet_diag's bytecode: an operation, and as struct inet_diag_hostcond an address to compare. */
struct address_filter {
	struct inet_diag_bc_op op;
	uint8_t family, prefix;
	uint16_t reserved;
	int32_t port;
	uint8_t address[16];
};

struct request {
	struct nlmsghdr header;
	struct inet_diag_req_v2 diag;
	struct rtattr attribute; /* has the filter */
	union {
		struct inet_diag_bc_op ports[4]; /* from, its port, to, its port */
		struct address_filter address;
	} filter;
};

/* The sockets of one family, one protocol and some states. Messages of the kernel repeat neither the
 * protocol nor the states. */
struct reading {
	struct known_sockets *sockets;
	int fd;
	int names; /* a socket that is asked for the names of interfaces */
	uint8_t family, protocol;
	uint32_t states;
	size_t first, end; /* those of the first dump among all sockets */
	size_t at_once;    /* how many sockets the kernel surely tells without a pause */
};

enum {
	PORT_BITS = 16,
	PARTS_MAX = 1 << 14, /* parts that are read, or divided, in one reading */
	AT_ONCE = 128,
	/* The kernel leaves a list of bound TCP sockets whenever it has found 16. */
	AT_ONCE_BOUND = 15,
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
	const struct reading *reading = argument;
	struct known_sockets *sockets = reading->sockets;
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
		.protocol = reading->protocol,
		.connected = reading->protocol == IPPROTO_UDP && message->idiag_state != TCP_CLOSE,
		.ipv6_only = message->idiag_family == AF_INET6 && read_ipv6_only(header),
		.interface = message->id.idiag_if,
	};
	memcpy(more->address, message->id.idiag_src, sizeof(more->address));
	if (!more->interface)
		return 0;
	found = interface_name(reading->names, more->interface, more->device);
	more->device_gone = found == 0;
	return found < 0 ? found : 0;
}

static bool part_has(const struct part *part, const struct known_socket *socket)
{
	uint8_t bits[sizeof(part->bits)] = {(uint8_t)(socket->port >> 8), (uint8_t)socket->port};
	unsigned int bytes = part->length / 8;

	memcpy(bits + 2, socket->address, sizeof(socket->address));
	return memcmp(bits, part->bits, bytes) == 0 &&
	       (part->length % 8 == 0 ||
		(bits[bytes] ^ part->bits[bytes]) >> (8 - part->length % 8) == 0);
}

/* Whether the first dump told more sockets of a part than come at once. */
static bool has_many(const struct reading *reading, const struct part *part)
{
	size_t count = 0;

	for (size_t i = reading->first; i < reading->end; i++)
		count += part_has(part, &reading->sockets->all[i]);
	return count > reading->at_once;
}

/* Goes to the part that follows in the order of ports and addresses. False: it was the last. */
static bool next_part(struct part *part)
{
	for (; part->length; part->length--) {
		uint8_t *byte = &part->bits[(part->length - 1) / 8];
		uint8_t bit = (uint8_t)(1u << (7 - (part->length - 1) % 8));

		*byte ^= bit;
		if (*byte & bit)
			return true;
	}
	return false;
}

/* Adds the filter of a part. A filter goes on at `yes`, or else at `no`; to go on at its end takes the
 * socket, and to go on 4 bytes behind it passes over the socket. */
static void add_filter(const struct reading *reading, const struct part *part,
		       struct request *request)
{
	uint16_t port = (uint16_t)(part->bits[0] << 8 | part->bits[1]);
	size_t size = sizeof(request->filter.ports);

	if (part->length <= PORT_BITS) {
		request->filter.ports[0] = (struct inet_diag_bc_op){INET_DIAG_BC_S_GE, 8,
								    (uint16_t)(size + 4)};
		request->filter.ports[1].no = port;
		request->filter.ports[2] = (struct inet_diag_bc_op){INET_DIAG_BC_S_LE, 8, 8 + 4};
		request->filter.ports[3].no = port | (uint16_t)(UINT16_MAX >> part->length);
	} else {
		size = sizeof(request->filter.address) - (reading->family == AF_INET ? 12 : 0);
		request->filter.address = (struct address_filter){
			.op = {INET_DIAG_BC_S_COND, (uint8_t)size, (uint16_t)(size + 4)},
			.family = reading->family,
			.prefix = (uint8_t)(part->length - PORT_BITS),
			.port = port,
		};
		memcpy(request->filter.address.address, part->bits + 2, 16);
	}
	request->attribute.rta_type = INET_DIAG_REQ_BYTECODE;
	request->attribute.rta_len = (uint16_t)RTA_LENGTH(size);
	request->header.nlmsg_len += (uint32_t)RTA_LENGTH(size);
}

/* *WHOLE becomes whether the kernel told all sockets of the part without a pause. */
static int read_part(struct reading *reading, const struct part *part, bool *whole)
{
	size_t before = reading->sockets->count;
	bool paused;
	struct request request = {
		.header = {.nlmsg_len = offsetof(struct request, attribute),
			   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.diag = {.sdiag_family = reading->family,
			 .sdiag_protocol = reading->protocol,
			 .idiag_states = reading->states},
	};
	int err;

	if (part->length)
		add_filter(reading, part, &request);
	err = netlink_dump_pausing(reading->fd, &request, request.header.nlmsg_len, add_socket,
				   reading, &paused);
	*whole = !paused && (reading->at_once != AT_ONCE_BOUND ||
			     reading->sockets->count - before <= reading->at_once);
	return err;
}

/* Reads again, in parts that are small enough for the kernel to tell each without a pause. *WHOLE becomes
 * false if one is not and cannot be divided: too many sockets at one address. */
static int read_parts(struct reading *reading, bool *whole)
{
	unsigned int bits = PORT_BITS + (reading->family == AF_INET ? 32 : 128);
	struct part part = {.length = 0};

	for (int i = 0; i < PARTS_MAX; i++) {
		int err = 0;

		*whole = false;
		if (!has_many(reading, &part))
			err = read_part(reading, &part, whole);
		if (err || (!*whole && part.length == bits))
			return err;
		if (!*whole)
			part.length++;
		else if (!next_part(&part))
			return 0;
	}
	*whole = false;
	return 0;
}

/* If the kernel does not answer, since a module (tcp_diag, udp_diag) is missing, or not to the end, or
 * may have passed over one, notes that sockets of the protocol are unknown. */
static int read_kind(struct reading *reading)
{
	const struct part all = {.length = 0};
	bool whole = false;
	int err;

	reading->first = reading->sockets->count;
	err = read_part(reading, &all, &whole);
	reading->end = reading->sockets->count;
	if (!err && !whole)
		err = read_parts(reading, &whole);
	if (err || !whole)
		reading->sockets->told[reading->protocol == IPPROTO_UDP] = false;
	return err == -ENOMEM ? err : 0;
}

static int compare_cookies(const void *a, const void *b)
{
	const struct known_socket *left = a, *right = b;

	return (left->cookie > right->cookie) - (left->cookie < right->cookie);
}

/* Sorts them, and keeps one of those that were told more than once. */
static void sort(struct known_sockets *sockets)
{
	size_t kept = 0;

	if (sockets->count)
		qsort(sockets->all, sockets->count, sizeof(*sockets->all), compare_cookies);
	for (size_t i = 0; i < sockets->count; i++)
		if (!kept || sockets->all[kept - 1].cookie != sockets->all[i].cookie)
			sockets->all[kept++] = sockets->all[i];
	sockets->count = kept;
}

/* What to read, COUNT kinds in this order. */
struct kind {
	uint8_t protocol;
	uint32_t states;
	size_t at_once;
};

static int read_all(const struct netns *netns, const struct kind *kinds, size_t count,
		    struct known_sockets *sockets)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	autoclose int fd = netns_socket(netns, AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
	autoclose int names = netns_socket(netns, AF_INET, SOCK_DGRAM, 0);
	int err = 0;

	*sockets = (struct known_sockets){.told = {fd >= 0, fd >= 0}};
	for (size_t i = 0; fd >= 0 && !err && i < 2 * count; i++) {
		const struct kind *kind = &kinds[i / 2];
		struct reading reading = {.sockets = sockets,
					  .fd = fd,
					  .names = names,
					  .family = families[i % 2],
					  .protocol = kind->protocol,
					  .states = kind->states,
					  .at_once = kind->at_once};

		err = read_kind(&reading);
	}
	if (err) {
		sockdiag_free(sockets);
		return fail(netns->report, err, "read the sockets of %s", netns->words);
	}
	sort(sockets);
	return 0;
}

static const struct kind listening = {IPPROTO_TCP, 1u << TCP_LISTEN, AT_ONCE};
static const struct kind inactive = {IPPROTO_TCP, 1u << STATE_BOUND_INACTIVE, AT_ONCE_BOUND};
static const struct kind datagram = {IPPROTO_UDP, UINT32_MAX, AT_ONCE};

int sockdiag_read(const struct netns *netns, struct known_sockets *sockets)
{
	const struct kind kinds[] = {listening, datagram};

	return read_all(netns, kinds, 2, sockets);
}

int sockdiag_read_bound(const struct netns *netns, struct known_sockets *sockets)
{
	/* A socket that begins to listen between two of them, or ceases to, is in one. */
	const struct kind kinds[] = {listening, inactive, listening, datagram};
	const struct sockaddr_in any = {.sin_family = AF_INET};
	autoclose int bound = netns_socket(netns, AF_INET, SOCK_STREAM, 0);
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);
	int err;

	if (bound >= 0 && (bind(bound, (const struct sockaddr *)&any, sizeof(any)) ||
			   getsockopt(bound, SOL_SOCKET, SO_COOKIE, &cookie, &size)))
		cookie = 0;
	err = read_all(netns, kinds, 4, sockets);
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

int address_unmap(int family, uint8_t address[16])
{
	struct in6_addr mapped;

	if (family != AF_INET6)
		return family;
	memcpy(&mapped, address, sizeof(mapped));
	if (!IN6_IS_ADDR_V4MAPPED(&mapped))
		return family;
	memset(address, 0, sizeof(mapped));
	memcpy(address, &mapped.s6_addr[12], sizeof(struct in_addr));
	return AF_INET;
}

bool sockdiag_is_at(const struct known_socket *socket, const char *text)
{
	uint8_t address[16], own[16];
	char device[16];
	unsigned int port;
	int family;

	memcpy(own, socket->address, sizeof(own));
	return text_read_address(text, &family, address, device, &port) &&
	       address_unmap(family, address) == address_unmap(socket->family, own) &&
	       port == socket->port && memcmp(address, own, sizeof(own)) == 0 &&
	       strcmp(device, socket->device) == 0;
}
