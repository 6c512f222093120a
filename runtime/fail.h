/* How the runtime speaks of what went wrong, and how its descriptors and memory free themselves.
 * A failing function prints one message, at the place that knows what was tried, and returns
 * -errno; its callers only pass that on. */
#ifndef SKLC_FAIL_H
#define SKLC_FAIL_H

#include <stdlib.h>
#include <unistd.h>

/* "sklc: cannot WHAT: why"; WHAT is the format's, ERROR an errno of either sign.
 * Returns the negative errno. */
__attribute__((format(printf, 2, 3))) int fail(int error, const char *format, ...);

/* "sklc: MESSAGE", where the message itself says why. Returns the negative errno. */
__attribute__((format(printf, 2, 3))) int refuse(int error, const char *format, ...);

/* "sklc: warning: MESSAGE", "sklc: note: MESSAGE". */
__attribute__((format(printf, 1, 2))) void warn(const char *format, ...);
__attribute__((format(printf, 1, 2))) void note(const char *format, ...);

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
