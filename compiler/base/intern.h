/* A table of names, numbered in the order in which they are added. */
#ifndef SKLC_BASE_INTERN_H
#define SKLC_BASE_INTERN_H

#include "hash.h"

#include <stddef.h>
#include <stdint.h>

struct arena;

enum { NO_NAME = 0xffffffff };

/* All zero is an empty table. */
struct names {
	const char **texts; /* NUL-terminated, by number */
	size_t *lengths;
	size_t count, capacity;
	struct hash_table table; /* of numbers */
};

/* The number of a name, or NO_NAME. */
uint32_t names_find(const struct names *names, const char *text, size_t length);

/* Adds a name that is not there; the text is copied. Gives its number. */
uint32_t names_add(struct names *names, struct arena *arena, const char *text, size_t length);

#endif
