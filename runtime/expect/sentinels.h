/* Two sockets for each place of a label, told apart by their cookies: one stands for the label that a
 * test expects, the other for every other label. */
#ifndef SKLC_SENTINELS_H
#define SKLC_SENTINELS_H

#include "runtime/abi.h"

#include <stdbool.h>

struct report;

struct sentinel {
	int fd; /* -1: this machine has no such family */
	uint64_t cookie;
};

struct sentinels {
	struct sentinel wanted[ABI_FLOW_CLASSES], other[ABI_FLOW_CLASSES];
};

/* In a namespace of their own if that may be made, else on loopback, at ports that the kernel picks.
 * -errno after a message. */
int sentinels_open(struct report *report, struct sentinels *sentinels);
void sentinels_close(struct sentinels *sentinels);

#endif
