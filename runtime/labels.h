/* Which slots of the socket map a label has. They belong to the namespace, not to the rules: a label
 * keeps its slots, and so its sockets, from one apply to the next. */
#ifndef SKLC_LABELS_H
#define SKLC_LABELS_H

#include "abi.h"

#include <stdbool.h>
#include <stddef.h>

struct object;
struct report;

struct label_entry {
	char name[ABI_LABEL_KEY];
	struct abi_label_slots slots;
};

int labels_create(void);

/* The key of a label in the map. */
void label_key(char key[ABI_LABEL_KEY], const char *name);

/* The slots of one label; -ENOENT, without a message. */
int labels_find(int map, const char *name, struct abi_label_slots *slots);

/* All labels of the map; the caller frees. -errno after a message. */
int labels_read(struct report *report, int map, struct label_entry **entries, size_t *count);

/* How many labels of the object are new, beyond those that still fit. -errno after a message. */
int labels_excess(int map, const struct object *object, size_t *excess);

/* Finds or gives slots for each label of the object, into SLOTS[label], and spare ones for the places of its declared
 * sockets, as spares.h says. What another label has is never given. -ENOSPC if the map is full; -errno after a
 * message. */
int labels_assign(int map, int marks, const struct object *object, struct abi_label_slots *slots);

/* The slots that each label of the object has, into SLOTS[label]. -errno after a message. */
int labels_look_up(int map, const struct object *object, struct abi_label_slots *slots);

/* Takes a label's sockets out, then gives its slots back. No program that knows them may still run. */
int labels_drop(struct report *report, int map, int sockets, const struct label_entry *entry);

/* The cookie of the first socket in the slots of a word, or in one slot; 0: none. */
uint64_t slot_cookie(int sockets, uint32_t word);
uint64_t slot_cookie_at(int sockets, uint32_t slot);

/* A word as the object's program can use it. */
uint32_t slot_word(const struct object *object, uint32_t word);

/* How many slots a word names, and each of them, from 0. */
static inline uint32_t slot_count(uint32_t word)
{
	return ABI_SPARE_BLOCK(word) ? 1 + ABI_SPARE_RUN(word) * ABI_SPARES : 1;
}

static inline uint32_t slot_at(uint32_t word, uint32_t i)
{
	return i ? ABI_SPARE_SLOT(ABI_SPARE_BLOCK(word), i - 1) : ABI_SLOT(word);
}

/* Takes the sockets out of all slots of a word. 1: done; 0: there was none; -errno without a message. */
int slots_clear(int sockets, uint32_t word);

/* "tcp ipv4" and so on. */
const char *place_name(unsigned int place);
unsigned int place_protocol(unsigned int place);
unsigned int place_family(unsigned int place);

#endif
