/* Messages from a process that is not trusted to the one that started it, a packet each. */
#ifndef SKLC_RELAY_H
#define SKLC_RELAY_H

#include "runtime/base/report.h"

enum { RELAY_PACKET_MAX = 1 << 17 };

/* A report whose messages go into a channel (SOCK_SEQPACKET). */
struct relay {
	struct report report; /* stays first */
	int channel;
};

struct relay relay_to(int channel);

/* Whether a packet is a message; it then is given to REPORT. */
bool relay_take(const void *packet, size_t size, struct report *report);

#endif
