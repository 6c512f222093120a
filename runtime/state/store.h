/* The form in which the state keeps an object: compressed, and without the object's tables while
 * those are pinned beside it as the program's own map. */
#ifndef SKLC_STORE_H
#define SKLC_STORE_H

#include <stdbool.h>
#include <stddef.h>

struct object;
struct report;

/* Whether the map has the object's tables as its only value, so that they can be left out. */
bool store_has_tables(const struct object *object, int map);

/* Packs an object; without its tables if TABLES_APART. The caller frees *BYTES. -errno after a
 * message. */
int store_pack(const struct object *object, bool tables_apart, void **bytes, size_t *size);

/* Whether the tables of a packed object are apart; false also for bytes that are no such object. */
bool store_is_apart(const void *bytes, size_t size);

/* Unpacks an object, with the tables from TABLES, the map that has them; -1: there is none. Gives
 * the very bytes that were packed; the caller frees *OBJECT. NAME is for messages. -errno after a
 * message. */
int store_unpack(struct report *report, const void *bytes, size_t size, int tables,
		 const char *name, void **object, size_t *object_size);

#endif
