/* Memory that lives as long as one compilation: many allocations, one free. */
#ifndef SKLC_ARENA_H
#define SKLC_ARENA_H

#include <stddef.h>

struct arena;

enum { ARENA_EXIT_STATUS = 3 };

/* A new arena. Here and in every allocation below, the process exits with ARENA_EXIT_STATUS when memory runs
 * out, so that no caller has to check. The process prints the message in a handler that it gives to on_exit. */
struct arena *arena_new(void);

/* Exits like that, where a library could not allocate. */
_Noreturn void arena_out_of_memory(void);
void arena_free(struct arena *arena);

/* Zeroed memory for COUNT elements of SIZE bytes, aligned for any type. */
void *arena_alloc(struct arena *arena, size_t count, size_t size);

/* A larger copy of an array: GROWN elements, the first COUNT copied, the rest zeroed. */
void *arena_grow(struct arena *arena, const void *array, size_t count, size_t grown, size_t size);

/* As arena_grow, for an array that nothing points into: a large one is moved, not copied, and its new elements
 * are not zeroed. */
void *arena_resize(struct arena *arena, void *array, size_t count, size_t grown, size_t size);

char *arena_string(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The message of an errno, beginning in lower case as all messages do. */
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

/* As ARENA_PUSH, for an array that nothing points into. */
#define ARENA_APPEND(arena, items, count, capacity)                                                \
	((count) == (capacity)                                                                     \
		 ? ((items) = arena_resize((arena), (items), (count),                              \
					   arena_grown_capacity(&(capacity)), sizeof(*(items))))   \
		 : (items),                                                                        \
	 &(items)[(count)++])

/* Doubles *CAPACITY (the first capacity is 16) and returns it. */
size_t arena_grown_capacity(size_t *capacity);

#endif
