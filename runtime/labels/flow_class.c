/* The name, the protocol and the family of a flow class, the inverse of ABI_FLOW_CLASS. */
#include "labels.h"

#include <netinet/in.h>
#include <sys/socket.h>

const char *flow_class_name(unsigned int flow_class)
{
	static const char *const names[ABI_FLOW_CLASSES] = {
		[ABI_FLOW_CLASS(0, 0)] = "tcp ipv4",
		[ABI_FLOW_CLASS(0, 1)] = "udp ipv4",
		[ABI_FLOW_CLASS(1, 0)] = "tcp ipv6",
		[ABI_FLOW_CLASS(1, 1)] = "udp ipv6",
	};

	return names[flow_class];
}

unsigned int flow_class_ipproto(unsigned int flow_class)
{
	return flow_class & 1 ? IPPROTO_UDP : IPPROTO_TCP;
}

unsigned int flow_class_af(unsigned int flow_class)
{
	return flow_class & 2 ? AF_INET6 : AF_INET;
}

const char *ipproto_word(unsigned int protocol)
{
	return protocol == IPPROTO_UDP ? "udp" : "tcp";
}
