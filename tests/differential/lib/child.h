/* Work that may crash, or never end, is done by a child process. */
#ifndef SKLC_CHILD_H
#define SKLC_CHILD_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed memory that a process shares with its children. */
void *shared_memory(size_t size);
void shared_free(void *memory, size_t size);

/* Runs a function in a child; QUIET: what it prints is lost. Returns whether the child came to its end. If not, TEXT
 * says what it ended by. Signals that ask a process to end are for its parent. A child has SECONDS of CPU time, and
 * ends with its parent. */
bool child_run(void (*function)(void *data), void *data, unsigned seconds, bool quiet, char *text,
	       size_t text_size);

#endif
