/* Two sockets for each flow class, told apart by their cookies: one for the label that an expect
 * line names, the other for all other labels. */
#ifndef SKLC_SENTINELS_H
#define SKLC_SENTINELS_H

#include "runtime/abi.h"

#include <stdbool.h>

struct report;

struct sentinel {
	int fd; /* -1: this host does not have the family */
	uint64_t cookie;
};

struct sentinels {
	struct sentinel wanted[ABI_FLOW_CLASSES], other[ABI_FLOW_CLASSES];
};

/* Opens them in a new network namespace if the process may make one, else on loopback, at ports
 * that the kernel picks. -errno after a message. */
int sentinels_open(struct report *report, struct sentinels *sentinels);
void sentinels_close(struct sentinels *sentinels);

#endif
