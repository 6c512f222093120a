/* Passes messages from an untrusted process to the process that started it, one packet for each. */
#ifndef SKLC_RELAY_H
#define SKLC_RELAY_H

#include "runtime/base/report.h"

enum { RELAY_PACKET_MAX = 1 << 17 };

/* A report that sends its messages into a channel (SOCK_SEQPACKET). */
struct relay {
	struct report report; /* first, since its TAKE casts it to the relay */
	int channel;
};

struct relay relay_to(int channel);

/* Gives the message of a packet to REPORT; false if the packet is no message. */
bool relay_take(const void *packet, size_t size, struct report *report);

#endif
