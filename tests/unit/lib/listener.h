/* A report that keeps what it is told. */
#ifndef SKLC_TEST_LISTENER_H
#define SKLC_TEST_LISTENER_H

#include "runtime/base/report.h"

struct listener {
	struct report report; /* stays first */
	char said[1024];      /* a line for each message, as listen_to writes it */
};

/* A listener that was told nothing yet. */
struct listener listener_new(void);

#endif
