/* How the runtime speaks of what went wrong, and how its descriptors and memory free themselves.
 * A failing function gives one message to the report, at the place that knows what was tried, and returns
 * -errno; its callers only pass that on. */
#ifndef SKLC_FAIL_H
#define SKLC_FAIL_H

#include "report.h"

#include <stdlib.h>
#include <unistd.h>

/* "cannot WHAT: why"; WHAT is the format's, ERROR an errno of either sign. Returns the negative errno. */
__attribute__((format(printf, 3, 4))) int fail(struct report *report, int error, const char *format,
					       ...);

/* An error whose message itself says why. Returns the negative errno. */
__attribute__((format(printf, 3, 4))) int refuse(struct report *report, int error,
						 const char *format, ...);

/* The same, with what MESSAGE says beside its text: details, an excerpt. */
__attribute__((format(printf, 4, 5))) int refuse_with(struct report *report, int error,
						      const struct message *message,
						      const char *format, ...);

__attribute__((format(printf, 2, 3))) void warn(struct report *report, const char *format, ...);
__attribute__((format(printf, 2, 3))) void note(struct report *report, const char *format, ...);

/* A warning that -W switches by its name; whether it counts as an error. */
__attribute__((format(printf, 3, 4))) bool warn_named(struct report *report, const char *name,
						      const char *format, ...);

/* The error's own words, in lower case, in a buffer of SIZE bytes that is returned. */
const char *error_words(int error, char *buffer, size_t size);

static inline void close_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static inline void free_memory(void *pointer)
{
	free(*(void **)pointer);
}

#define autoclose __attribute__((cleanup(close_fd)))
#define autofree  __attribute__((cleanup(free_memory)))

#endif
