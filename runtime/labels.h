/* Which slots of the socket map a label has. They belong to the namespace, not to the rules: a label
 * keeps its slots, and so its sockets, from one apply to the next. */
#ifndef SKLC_LABELS_H
#define SKLC_LABELS_H

#include "abi.h"

#include <stdbool.h>
#include <stddef.h>

struct object;

struct label_entry {
	char name[ABI_LABEL_KEY];
	struct abi_label_slots slots;
};

int labels_create(void);

/* The slots of one label; -ENOENT, without a message. */
int labels_find(int map, const char *name, struct abi_label_slots *slots);

/* All labels of the map; the caller frees. -errno after a message. */
int labels_read(int map, struct label_entry **entries, size_t *count);

/* How many labels of the object are new, beyond those that still fit. -errno after a message. */
int labels_excess(int map, const struct object *object, size_t *excess);

/* Finds or gives slots for each label of the object, into SLOTS[label]. A slot that another label has
 * is never given. -ENOSPC if the map is full; -errno after a message. */
int labels_assign(int map, const struct object *object, struct abi_label_slots *slots);

/* Takes a label's sockets out, then gives its slots back. No program that knows them may still run. */
int labels_drop(int map, int sockets, const struct label_entry *entry);

/* The cookie of the socket in a slot; 0: none. */
uint64_t slot_cookie(int sockets, uint32_t slot);

/* Takes a socket out of a slot. 1: done; 0: there was none; -errno without a message. */
int slot_clear(int sockets, uint32_t slot);

/* "tcp ipv4" and so on. */
const char *place_name(unsigned int place);
unsigned int place_protocol(unsigned int place);
unsigned int place_family(unsigned int place);

#endif
