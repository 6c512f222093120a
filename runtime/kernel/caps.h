/* Capabilities of this process: whether it has one, which one an operation lacks, and giving up
 * those not needed. */
#ifndef SKLC_CAPS_H
#define SKLC_CAPS_H

#include <stdbool.h>

struct report;

/* Whether this thread has a capability, a number of linux/capability.h. */
bool caps_have(int capability);

/* Whether it has all of a list that ends in -1. */
bool caps_have_all(const int *needed);

/* Like fail(). If ERROR is EPERM or EACCES, names the first of the NEEDED capabilities (a list that
 * ends in -1) that the process lacks. */
__attribute__((format(printf, 4, 5))) int caps_fail(struct report *report, int error,
						    const int *needed, const char *format, ...);

/* The capability to follow PATH further, where that was not permitted, as such a list: it stops at a
 * process of another user in /proc, or at a folder of another user. */
const int *caps_for_path(const char *path);

/* Gives up all capabilities but those that loading needs. -errno after a message. */
int caps_limit_to_loading(struct report *report);

/* Gives up CAP_PERFMON, or what stands in for it, so that it can be taken up again; -errno after a
 * message. */
int caps_lay_down_tracing(struct report *report);
int caps_take_up_tracing(struct report *report);

extern const int caps_for_programs[], caps_for_load[], caps_for_tracing[], caps_for_hook[],
	caps_for_namespace[], caps_for_process[];

#endif
