/* A stream that writes into memory, for what is to be written elsewhere in one piece. */
#ifndef SKLC_BASE_MEMORY_STREAM_H
#define SKLC_BASE_MEMORY_STREAM_H

#include <stddef.h>
#include <stdio.h>

/* What was written so far; the owner frees the text. */
struct memory_text {
	char *text; /* without a NUL at its end; NULL: nothing */
	size_t size, capacity;
};

/* A stream that adds to TEXT. When memory runs out, here and at every write, the process exits as in an arena
 * (arena.h). */
FILE *memory_stream_open(struct memory_text *text);

#endif
