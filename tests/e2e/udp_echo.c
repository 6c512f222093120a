/* An example: a UDP echo server behind a label, whose answers come from the address that the client asked.
 *
 *     udp_echo ADDRESS PORT
 *
 * A steered datagram arrives at a socket that is bound elsewhere, and an answer sent as usual would leave
 * from there: the client, which expects it from the address that it asked, would drop it. So the server
 * asks the kernel for the address and port that the datagram was sent to (IP_RECVORIGDSTADDR). The
 * answer's source address can be set for each (IP_PKTINFO); its source port is always the socket's own. If
 * that is another port than the one asked, the answer is sent by a socket that is bound to it: that takes
 * nothing away from the label, since rules are asked before bound sockets. */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IPV6_RECVORIGDSTADDR
#define IPV6_RECVORIGDSTADDR 74
#endif

#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND 78
#endif

/* An address of either family. */
union address {
	struct sockaddr any;
	struct sockaddr_in ipv4;
	struct sockaddr_in6 ipv6;
};

/* A datagram, its source, and the destination that the client sent it to. */
struct datagram {
	char bytes[65536];
	size_t size;
	union address from, to;
};

/* Room for one control message of either family. */
union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(struct sockaddr_in6))];
};

static union address read_address(const char *text, const char *port)
{
	union address address = {.any.sa_family = strchr(text, ':') ? AF_INET6 : AF_INET};
	bool is_ipv6 = address.any.sa_family == AF_INET6;
	void *bytes = is_ipv6 ? (void *)&address.ipv6.sin6_addr : (void *)&address.ipv4.sin_addr;

	/* The port has the same offset in both structures. */
	address.ipv4.sin_port = htons((uint16_t)atoi(port));
	if (inet_pton(address.any.sa_family, text, bytes) != 1)
		errx(2, "'%s' is no address", text);
	return address;
}

static socklen_t address_size(const union address *address)
{
	return address->any.sa_family == AF_INET6 ? sizeof(address->ipv6) : sizeof(address->ipv4);
}

/* IPv6 accepts a source address that is local only by a route if this option is on. */
static int allow_any_source(int fd, int family)
{
	const int on = 1;

	return family == AF_INET6 ? setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on))
				  : setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on));
}

static int open_bound(const union address *address)
{
	const int on = 1;
	int fd = socket(address->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	/* Other sockets that answer may be bound to the same port. */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    allow_any_source(fd, address->any.sa_family))
		err(1, "make a socket");
	if (bind(fd, &address->any, address_size(address)) == 0)
		return fd;
	warn("bind a socket to port %u", ntohs(address->ipv4.sin_port));
	close(fd);
	return -1;
}

static void ask_for_destination(int fd, int family)
{
	const int on = 1;
	int failed = family == AF_INET6
			     ? setsockopt(fd, IPPROTO_IPV6, IPV6_RECVORIGDSTADDR, &on, sizeof(on))
			     : setsockopt(fd, IPPROTO_IP, IP_RECVORIGDSTADDR, &on, sizeof(on));

	if (failed)
		err(1, "ask for the address that datagrams are sent to");
}

static bool receive(int fd, struct datagram *datagram)
{
	union control control;
	struct iovec bytes = {datagram->bytes, sizeof(datagram->bytes)};
	struct msghdr message = {
		.msg_name = &datagram->from,
		.msg_namelen = sizeof(datagram->from),
		.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t size = recvmsg(fd, &message, 0);
	struct cmsghdr *found = size < 0 ? NULL : CMSG_FIRSTHDR(&message);

	if (!found) /* perhaps an error of an earlier answer */
		return false;
	datagram->size = (size_t)size;
	memcpy(&datagram->to, CMSG_DATA(found), address_size(&datagram->from));
	return true;
}

/* Answers from the address that the client asked, and the socket's own port. */
static void answer(int fd, struct datagram *datagram)
{
	union control control = {.room = {0}};
	struct iovec bytes = {datagram->bytes, datagram->size};
	struct msghdr message = {
		.msg_name = &datagram->from,
		.msg_namelen = address_size(&datagram->from),
		.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = &control,
	};
	struct in6_pktinfo ipv6 = {.ipi6_addr = datagram->to.ipv6.sin6_addr};
	struct in_pktinfo ipv4 = {.ipi_spec_dst = datagram->to.ipv4.sin_addr};
	bool is_ipv6 = datagram->to.any.sa_family == AF_INET6;
	size_t size = is_ipv6 ? sizeof(ipv6) : sizeof(ipv4);

	message.msg_controllen = CMSG_SPACE(size);
	control.header.cmsg_len = CMSG_LEN(size);
	control.header.cmsg_level = is_ipv6 ? IPPROTO_IPV6 : IPPROTO_IP;
	control.header.cmsg_type = is_ipv6 ? IPV6_PKTINFO : IP_PKTINFO;
	memcpy(CMSG_DATA(&control.header), is_ipv6 ? (void *)&ipv6 : (void *)&ipv4, size);
	if (sendmsg(fd, &message, 0) < 0)
		warn("answer");
}

/* A server with much to do would keep these sockets. */
static void answer_from_port(struct datagram *datagram)
{
	int fd = open_bound(&datagram->to);

	if (fd < 0)
		return;
	answer(fd, datagram);
	close(fd);
}

int main(int argc, char **argv)
{
	static struct datagram datagram;
	union address own;
	int fd;

	if (argc != 3)
		errx(2, "usage: udp_echo ADDRESS PORT");
	own = read_address(argv[1], argv[2]);
	fd = open_bound(&own);
	if (fd < 0)
		return 1;
	ask_for_destination(fd, own.any.sa_family);
	puts("ready");
	fflush(stdout);
	for (;;) {
		if (!receive(fd, &datagram))
			continue;
		if (datagram.to.ipv4.sin_port == own.ipv4.sin_port)
			answer(fd, &datagram);
		else
			answer_from_port(&datagram);
	}
}
