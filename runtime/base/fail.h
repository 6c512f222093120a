/* Error messages, and variables that free their memory or close their descriptor at the end of
 * their scope. The function that knows what was tried gives one message to the report and returns
 * -errno. Its callers add no message; they return the same number. */
#ifndef SKLC_FAIL_H
#define SKLC_FAIL_H

#include "report.h"

#include <stdlib.h>
#include <unistd.h>

/* Reports "cannot WHAT: why": WHAT is the formatted text, why is the text of ERROR, an errno of
 * either sign. Returns the negative errno. */
__attribute__((format(printf, 3, 4))) int fail(struct report *report, int error, const char *format,
					       ...);

/* Reports an error whose formatted text says why itself. Returns the negative errno. */
__attribute__((format(printf, 3, 4))) int refuse(struct report *report, int error,
						 const char *format, ...);

/* Like refuse, with the details and the excerpt of MESSAGE. */
__attribute__((format(printf, 4, 5))) int refuse_with(struct report *report, int error,
						      const struct message *message,
						      const char *format, ...);

__attribute__((format(printf, 2, 3))) void warn(struct report *report, const char *format, ...);
__attribute__((format(printf, 2, 3))) void note(struct report *report, const char *format, ...);

/* A warning that -W can switch off by its NAME. Returns whether it counts as an error. */
__attribute__((format(printf, 3, 4))) bool warn_named(struct report *report, const char *name,
						      const char *format, ...);

/* Writes the text of an errno, with a lower-case first letter, into a buffer of SIZE bytes, and
 * returns the buffer. */
const char *error_words(int error, char *buffer, size_t size);

static inline void close_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* Returns the descriptor of an autoclose variable, which then no longer closes it. */
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
