/* The name, the protocol and the family of a flow class, the inverse of ABI_FLOW_CLASS. */
#include "labels.h"

#include <netinet/in.h>
#include <stdio.h>
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

bool flow_classes_text(uint32_t flow_classes, char text[FLOW_CLASSES_TEXT_MAX])
{
	size_t length = 0;

	text[0] = 0;
	for (unsigned int i = 0; i < ABI_FLOW_CLASSES; i++)
		if (flow_classes >> i & 1)
			length += (size_t)snprintf(text + length, FLOW_CLASSES_TEXT_MAX - length,
						   "%s%s", length ? ", " : "", flow_class_name(i));
	return length;
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
