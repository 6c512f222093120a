/* Checks a socket through a duplicate of its descriptor, not through what /proc says about another
 * process. */
#include "sockets.h"

#include "runtime/base/fail.h"
#include "runtime/kernel/caps.h"
#include "runtime/kernel/netns.h"
#include "runtime/kernel/sockdiag.h"
#include "runtime/runtime.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static int read_option(int fd, int option)
{
	int value = -1;
	socklen_t size = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &size) ? -1 : value;
}

static int check_protocol(struct report *report, int fd)
{
	int domain = read_option(fd, SO_DOMAIN);
	int type = read_option(fd, SO_TYPE);
	int protocol = read_option(fd, SO_PROTOCOL);

	if (domain != AF_INET && domain != AF_INET6)
		return refuse(report, EINVAL,
			      "the socket is neither a TCP nor a UDP one of IPv4 or IPv6");
	if (protocol == IPPROTO_MPTCP)
		return refuse(report, EINVAL,
			      "the socket listens with MPTCP, which the kernel cannot "
			      "redirect to: make it listen with TCP (a Go program: "
			      "GODEBUG=multipathtcp=0)");
	if (type == SOCK_STREAM && protocol == IPPROTO_TCP)
		return 0;
	if (type == SOCK_DGRAM && protocol == IPPROTO_UDP)
		return 0;
	return refuse(report, EINVAL,
		      "the socket is neither a TCP nor a UDP one (type %d, protocol %d)", type,
		      protocol);
}

static int check_ready(struct report *report, int fd)
{
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address);

	if (getpeername(fd, (struct sockaddr *)&address, &size) == 0)
		return refuse(report, EISCONN,
			      "the socket is connected: only one that listens (TCP) or is "
			      "bound without a peer (UDP) can take a label's packets");
	if (read_option(fd, SO_TYPE) == SOCK_STREAM)
		return read_option(fd, SO_ACCEPTCONN) == 1
			       ? 0
			       : refuse(report, EINVAL,
					"the socket does not listen: register it after listen()");
	size = sizeof(address);
	if (getsockname(fd, (struct sockaddr *)&address, &size))
		return fail(report, errno, "ask for the socket's address");
	/* The port is at the same offset for both families. */
	if (((struct sockaddr_in *)&address)->sin_port == 0)
		return refuse(report, EINVAL,
			      "the UDP socket is not bound: register it after bind()");
	return 0;
}

static int check_namespace(int fd, const struct netns *netns)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);

	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size))
		return fail(netns->report, errno, "ask for the socket's network namespace");
	if (cookie == netns->cookie)
		return 0;
	return refuse(netns->report, EXDEV,
		      "the socket belongs to another network namespace (cookie %" PRIu64 ") than "
		      "%s (cookie %" PRIu64 "): the packets would get lost",
		      cookie, netns->words, netns->cookie);
}

static bool is_mapped(int fd)
{
	struct sockaddr_in6 address = {0};
	socklen_t size = sizeof(address);

	return getsockname(fd, (struct sockaddr *)&address, &size) == 0 &&
	       address.sin6_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&address.sin6_addr);
}

/* An IPv6 socket without IPV6_V6ONLY also serves IPv4; one that is bound to an IPv4-mapped address
 * serves only IPv4. */
static int served_flow_classes(struct report *report, int fd)
{
	bool is_udp = read_option(fd, SO_TYPE) == SOCK_DGRAM;
	int ipv4 = 1 << ABI_FLOW_CLASS(0, is_udp), ipv6 = 1 << ABI_FLOW_CLASS(1, is_udp);
	int only = 1;
	socklen_t size = sizeof(only);

	if (read_option(fd, SO_DOMAIN) == AF_INET || is_mapped(fd))
		return ipv4;
	if (getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &size))
		return fail(report, errno, "ask whether the socket is for IPv6 alone");
	return only ? ipv6 : ipv4 | ipv6;
}

int socket_flow_classes(int fd, const struct netns *netns)
{
	struct stat status;
	int err;

	if (fstat(fd, &status))
		return fail(netns->report, errno, "look at the descriptor");
	if (!S_ISSOCK(status.st_mode))
		return refuse(netns->report, ENOTSOCK, "the descriptor is not a socket");
	err = check_protocol(netns->report, fd);
	if (!err)
		err = check_ready(netns->report, fd);
	if (!err)
		err = check_namespace(fd, netns);
	return err ? err : served_flow_classes(netns->report, fd);
}

int socket_endpoint(int fd, struct report *report, struct declared_key *endpoint)
{
	struct sockaddr_in6 address = {0};
	const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)&address;
	socklen_t size = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &size))
		return fail(report, errno, "ask for the socket's address");
	*endpoint = (struct declared_key){.port = ntohs(ipv4->sin_port),
					  .protocol = (uint8_t)read_option(fd, SO_PROTOCOL)};
	if (address.sin6_family == AF_INET)
		memcpy(endpoint->address, &ipv4->sin_addr, sizeof(ipv4->sin_addr));
	else
		memcpy(endpoint->address, &address.sin6_addr, sizeof(endpoint->address));
	endpoint->family = (uint8_t)address_unmap(address.sin6_family, endpoint->address);
	return 0;
}

bool socket_may_have_siblings(int fd)
{
	return read_option(fd, SO_REUSEPORT) == 1;
}

int socket_from_process(struct report *report, int pid, int fd)
{
	autoclose int process = (int)syscall(SYS_pidfd_open, pid, 0);
	int copy;

	if (process < 0 && errno == ESRCH)
		return refuse(report, RUNTIME_NOT_THERE, "there is no process %d", pid);
	if (process < 0)
		return fail(report, errno, "open process %d", pid);
	copy = (int)syscall(SYS_pidfd_getfd, process, fd, 0);
	if (copy >= 0)
		return copy;
	if (errno == EBADF)
		return refuse(report, RUNTIME_NOT_THERE, "process %d has no descriptor %d", pid,
			      fd);
	if (errno == ESRCH)
		return refuse(report, RUNTIME_NOT_THERE, "process %d has ended", pid);
	return caps_fail(report, errno, caps_for_process, "take descriptor %d of process %d", fd,
			 pid);
}
