/* Makes the sockets of sentinels.h: without SO_REUSEPORT, since a test run refuses a socket of a group,
 * and IPv6 ones for IPv6 alone, so that each takes exactly the packets of its place. */
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

static int bind_loopback(int fd, unsigned int place)
{
	struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_in ipv4 = {.sin_family = AF_INET};
	const int on = 1;

	ipv4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (place_family(place) == AF_INET)
		return bind(fd, (struct sockaddr *)&ipv4, sizeof(ipv4));
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)))
		return -1;
	return bind(fd, (struct sockaddr *)&ipv6, sizeof(ipv6));
}

static int open_sentinel(unsigned int place, struct sentinel *sentinel)
{
	bool is_tcp = place_protocol(place) == IPPROTO_TCP;
	socklen_t size = sizeof(sentinel->cookie);
	autoclose int fd = socket((int)place_family(place),
				  (is_tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno == EAFNOSUPPORT ? 0 : -errno;
	if (bind_loopback(fd, place)) /* IPv6 may be switched off */
		return errno == EADDRNOTAVAIL ? 0 : -errno;
	if (is_tcp && listen(fd, 1))
		return -errno;
	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &sentinel->cookie, &size))
		return -errno;
	sentinel->fd = take_fd(&fd);
	return 0;
}

/* It is down in a new namespace, and ::1 is there only when it is up. Without it, IPv6 is left out. */
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

	for (unsigned int place = 0; !err && place < ABI_PLACES; place++) {
		err = open_sentinel(place, &sentinels->wanted[place]);
		if (!err)
			err = open_sentinel(place, &sentinels->other[place]);
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

	for (unsigned int place = 0; place < ABI_PLACES; place++) {
		sentinels->wanted[place].fd = -1;
		sentinels->other[place].fd = -1;
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
	for (unsigned int place = 0; place < ABI_PLACES; place++) {
		close_fd(&sentinels->wanted[place].fd);
		close_fd(&sentinels->other[place].fd);
	}
}
