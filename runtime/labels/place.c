/* Names the parts of ABI_PLACE. */
#include "labels.h"

#include <netinet/in.h>
#include <sys/socket.h>

const char *place_name(unsigned int place)
{
	static const char *const names[ABI_PLACES] = {
		[ABI_PLACE(0, 0)] = "tcp ipv4",
		[ABI_PLACE(0, 1)] = "udp ipv4",
		[ABI_PLACE(1, 0)] = "tcp ipv6",
		[ABI_PLACE(1, 1)] = "udp ipv6",
	};

	return names[place];
}

unsigned int place_protocol(unsigned int place)
{
	return place & 1 ? IPPROTO_UDP : IPPROTO_TCP;
}

unsigned int place_family(unsigned int place)
{
	return place & 2 ? AF_INET6 : AF_INET;
}
