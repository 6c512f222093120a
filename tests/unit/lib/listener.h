/* A report that keeps what it is told. */
#ifndef SKLC_TEST_LISTENER_H
#define SKLC_TEST_LISTENER_H

#include "runtime/base/report.h"

struct listener {
	struct report report; /* stays first */
	char said
		[1024]; /* "SEVERITY: TEXT [NAME] {DETAILS} (FILE:LINE: FIRST-END of 'LINE')\n" for each message */
};

struct listener listener_new(void);

#endif
