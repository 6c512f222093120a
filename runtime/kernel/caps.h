/* Privilege: what this process may do, what is missing for what it tries, and giving up the rest. */
#ifndef SKLC_CAPS_H
#define SKLC_CAPS_H

#include <stdbool.h>

struct report;

/* A capability's number (linux/capability.h) and the words it is known by. */
bool caps_have(int capability);

/* As fail(), and names the first of the NEEDED capabilities (ended by -1) that is missing, if ERROR
 * is one that a missing capability gives. */
__attribute__((format(printf, 4, 5))) int caps_fail(struct report *report, int error,
						    const int *needed, const char *format, ...);

/* Gives up all but what loading needs. -errno after a message. */
int caps_limit_to_loading(struct report *report);

extern const int caps_for_load[], caps_for_hook[], caps_for_namespace[], caps_for_process[];

#endif
