/* Makes the sockets. They are without SO_REUSEPORT, since BPF_PROG_TEST_RUN refuses a socket of a
 * group. Those for IPv6 are for IPv6 only, so that each takes exactly the packets of its flow
 * class. */
#include "sentinels.h"

#include "runtime/base/fail.h"
#include "runtime/kernel/netns.h"
#include "runtime/labels/labels.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static int bind_loopback(int fd, unsigned int flow_class)
{
	struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_in ipv4 = {.sin_family = AF_INET};
	const int on = 1;

	ipv4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (flow_class_af(flow_class) == AF_INET)
		return bind(fd, (struct sockaddr *)&ipv4, sizeof(ipv4));
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)))
		return -1;
	return bind(fd, (struct sockaddr *)&ipv6, sizeof(ipv6));
}

static int open_sentinel(unsigned int flow_class, struct sentinel *sentinel)
{
	bool is_tcp = flow_class_ipproto(flow_class) == IPPROTO_TCP;
	socklen_t size = sizeof(sentinel->cookie);
	autoclose int fd = socket((int)flow_class_af(flow_class),
				  (is_tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno == EAFNOSUPPORT ? 0 : -errno;
	if (bind_loopback(fd, flow_class)) /* IPv6 may be switched off */
		return errno == EADDRNOTAVAIL ? 0 : -errno;
	if (is_tcp && listen(fd, 1))
		return -errno;
	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &sentinel->cookie, &size))
		return -errno;
	sentinel->fd = take_fd(&fd);
	return 0;
}

/* In a new namespace the loopback interface is down, and it has ::1 only when it is up. If it
 * cannot be brought up, there are no sockets for IPv6. */
static void raise_loopback(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		ioctl(fd, SIOCSIFFLAGS, &request);
}

static int open_all(void *argument)
{
	struct sentinels *sentinels = argument;
	int err = 0;

	for (unsigned int flow_class = 0; !err && flow_class < ABI_FLOW_CLASSES; flow_class++) {
		err = open_sentinel(flow_class, &sentinels->wanted[flow_class]);
		if (!err)
			err = open_sentinel(flow_class, &sentinels->other[flow_class]);
	}
	return err;
}

static int open_apart(void *argument)
{
	raise_loopback();
	return open_all(argument);
}

int sentinels_open(struct report *report, struct sentinels *sentinels)
{
	int err;

	for (unsigned int flow_class = 0; flow_class < ABI_FLOW_CLASSES; flow_class++) {
		sentinels->wanted[flow_class].fd = -1;
		sentinels->other[flow_class].fd = -1;
	}
	err = netns_run_apart(open_apart, sentinels);
	if (err == -EPERM)
		err = open_all(sentinels);
	if (!err)
		return 0;
	sentinels_close(sentinels);
	return fail(report, err, "open sockets to run the `expect` lines with");
}

void sentinels_close(struct sentinels *sentinels)
{
	for (unsigned int flow_class = 0; flow_class < ABI_FLOW_CLASSES; flow_class++) {
		close_fd(&sentinels->wanted[flow_class].fd);
		close_fd(&sentinels->other[flow_class].fd);
	}
}
