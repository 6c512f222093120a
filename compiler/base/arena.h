/* Memory that lives as long as one compilation: many allocations, one free. */
#ifndef SKLC_ARENA_H
#define SKLC_ARENA_H

#include <stddef.h>

struct arena;

enum { ARENA_EXIT_STATUS = 3 };

/* A new arena; ends the process with this exit status when memory runs out, here and in every allocation below, so
 * that no pass has to look. To say so is left to the process's handlers of exit. */
struct arena *arena_new(void);
void arena_free(struct arena *arena);

/* Zeroed memory for COUNT elements of SIZE bytes, aligned for any type. */
void *arena_alloc(struct arena *arena, size_t count, size_t size);

/* A larger copy of an array: GROWN elements, the first COUNT copied, the rest zeroed. */
void *arena_grow(struct arena *arena, const void *array, size_t count, size_t grown, size_t size);

/* The same where nothing points into the array: a large one is moved, not copied, and the rest of it is
 * not zeroed. */
void *arena_resize(struct arena *arena, void *array, size_t count, size_t grown, size_t size);

char *arena_string(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The words for an errno, in lower case as in any message. */
char *arena_errno(struct arena *arena, int error);

/* Bytes handed out so far. */
size_t arena_bytes(const struct arena *arena);

/* Appends room for one element to an arena array whose capacity doubles:
 *     *ARENA_PUSH(arena, list->items, list->count, list->capacity) = item;               */
#define ARENA_PUSH(arena, items, count, capacity)                                                  \
	((count) == (capacity)                                                                     \
		 ? ((items) = arena_grow((arena), (items), (count),                                \
					 arena_grown_capacity(&(capacity)), sizeof(*(items))))     \
		 : (items),                                                                        \
	 &(items)[(count)++])

/* The same for an array that nothing points into. */
#define ARENA_APPEND(arena, items, count, capacity)                                                \
	((count) == (capacity)                                                                     \
		 ? ((items) = arena_resize((arena), (items), (count),                              \
					   arena_grown_capacity(&(capacity)), sizeof(*(items))))   \
		 : (items),                                                                        \
	 &(items)[(count)++])

/* Doubles *CAPACITY (16 at the least) and returns it. */
size_t arena_grown_capacity(size_t *capacity);

#endif
