/* Labels and their slots in the socket map, and the sockets that the rules declare for labels. */
#ifndef SKLC_LABELS_H
#define SKLC_LABELS_H

#include "runtime/abi.h"
#include "runtime/bpf/maps.h"

#include <stdbool.h>
#include <stddef.h>

struct object;
struct report;

/* The map of slots (labels.c). Slots belong to the namespace. Their key is a label and what it
 * declares: a label that declares the same keeps its slots, and so its sockets, from one apply to
 * the next; one that declares something else gets other slots. A socket is behind a label if it is
 * in one of the slots of the label's key. */

struct label_entry {
	struct abi_slot_key key;
	struct abi_label_slots slots;
};

int labels_create(void);

/* The slots of one key; -ENOENT if the map has none. Without a message. */
int labels_find(int map, const struct abi_slot_key *key, struct abi_label_slots *slots);

/* All keys of the map with their slots; the caller frees. -errno after a message. */
int labels_read(struct report *report, int map, struct label_entry **entries, size_t *count);

/* KEYS in the following are those of the object's labels (keys.c). */

struct hands;

/* For how many keys there are no slots any more, and for how many of their flow classes no spare
 * slots that spares_assign (spares.h) would give. */
struct excess {
	size_t keys, flow_classes;
};

/* -errno after a message. */
int labels_excess(int map, const struct object *object, const struct abi_slot_key *keys,
		  const struct hands *hands, struct excess *excess);

/* Finds or gives slots for each label of the object, into SLOTS[label], and spare slots
 * (spares.h). Never gives a slot that another key has. -ENOSPC if the map is full; -errno after
 * a message. */
int labels_assign(int map, int marks, const struct object *object, const struct abi_slot_key *keys,
		  const struct hands *hands, struct abi_label_slots *slots);

/* The slots that each label of the object has, into SLOTS[label]. -errno after a message. */
int labels_look_up(int map, const struct object *object, const struct abi_slot_key *keys,
		   struct abi_label_slots *slots);

/* Gives blocks of spare slots to those of the FLOW_CLASSES of one key, as bits, that have none yet,
 * in SLOTS and in the map of slots. Programs that run know nothing of them yet. Warns if there are
 * no blocks left. -errno after a message. */
int spares_add(struct report *report, int labels, int marks, const struct abi_slot_key *key,
	       uint8_t flow_classes, struct abi_label_slots *slots);

/* Sets USED[slot] for all slots of the four words; USED has ABI_SOCKETS_MAX elements. */
void slots_mark(const struct abi_label_slots *slots, bool *used);

/* Takes a key's sockets out of its slots, except for those that are marked in USED because another
 * key has them too. Then forgets the key. No program that uses the slots may still run. -errno
 * after a message. */
int labels_drop(struct report *report, int map, int sockets, const struct label_entry *entry,
		const bool *used);

/* Reads the cookie of the socket in a slot; 0: there is none. -errno without a message. */
int slot_read(int sockets, uint32_t slot, uint64_t *cookie);

/* Takes the socket out of one slot. 1: done; 0: the slot was empty; -errno without a message. */
int slot_clear(int sockets, uint32_t slot);

/* Whether no slot of a word has a socket: 1, 0, or -errno without a message. */
int slots_empty(int sockets, uint32_t word);

/* The cookie of the first socket in the slots of a word; 0: there is none. -errno without a message. */
int slots_first(int sockets, uint32_t word, uint64_t *cookie);

/* Whether the socket is in a slot of the word: 1, 0, or -errno without a message. */
int slots_have(int sockets, uint32_t word, uint64_t cookie);

/* The cookies of the sockets in the slots of COUNT labels, by slot; 0: there is none. The caller frees.
 * -errno after a message. */
int slots_look(struct report *report, int sockets, const struct abi_label_slots *slots,
	       size_t count, uint64_t **present);

/* How many slots a word names: its own, and the spare ones. */
static inline uint32_t slot_count(uint32_t word)
{
	return ABI_SPARE_BLOCK(word) ? 1 + ABI_SPARE_RUN(word) * ABI_SPARES : 1;
}

/* How many sockets may stand before the declared ones, in the first slots of a word: a third. The first
 * declaration may fill one more at least (declarations.c), so that each keeps a slot. */
static inline uint32_t slots_before(uint32_t word)
{
	return slot_count(word) > 1 ? slot_count(word) / 3 : 1;
}

/* Takes the sockets out of all slots of a word. 1: there were some; 0: there were none; -errno
 * without a message. */
int slots_clear(int sockets, uint32_t word);

/* A label has slots for each of the four flow classes, TCP and UDP over IPv4 and IPv6
 * (flow_class.c). */

/* "tcp ipv4" and so on. */
const char *flow_class_name(unsigned int flow_class);

/* Writes "tcp ipv4, udp ipv4": these flow classes, given as bits. Returns whether there is one. */
enum { FLOW_CLASSES_TEXT_MAX = 64 };
bool flow_classes_text(uint32_t flow_classes, char text[FLOW_CLASSES_TEXT_MAX]);

/* "tcp", "udp" */
const char *ipproto_word(unsigned int protocol);

/* IPPROTO_TCP or IPPROTO_UDP; AF_INET or AF_INET6. */
unsigned int flow_class_ipproto(unsigned int flow_class);
unsigned int flow_class_af(unsigned int flow_class);

/* The entry whose label is nearest to a misspelt one; NULL if none is near. */
const struct label_entry *nearest_label(const char *name, const struct label_entry *entries,
					size_t count);

/* The map of what operators did by hand (hands.c). */

struct hand_entry {
	struct hand_key key;
	struct hand value;
};

struct hands {
	struct hand_entry *all; /* sorted by label, then by cookie */
	size_t count;
};

/* A hash of a label's name, which stands for it in the map. */
uint64_t label_hash(const char *name);

int hands_create(void);

/* MAP may be changing meanwhile, or -1: nothing was done. -errno after a message. */
int hands_read(struct report *report, int map, struct hands *hands);
void hands_free(struct hands *hands);

/* The entries of one label. */
struct hands hands_of(const struct hands *hands, uint64_t label);

/* Whether a socket stands before the declared ones in a flow class. */
bool hand_is_first(const struct hand_entry *entry, unsigned int flow_class);

/* How many of one label's entries do. */
size_t hands_first(const struct hands *own, unsigned int flow_class);

/* The flow classes, as bits, in which a socket stands before the declared ones, or, as it is drained,
 * does so again after that. */
uint32_t hand_before(const struct hand_entry *entry);

/* Of a socket that stands before the declared ones: it does so in these FLOW_CLASSES, as bits, no more. */
void hand_end(struct hand *hand, uint32_t flow_classes);

/* The flow classes, as bits, in which a socket is to have again the slots that all generations share,
 * as it is no longer drained, or does not stand before the declared ones. */
uint32_t hand_awaited(const struct hand_entry *entry);

/* What was done with one socket; NULL: nothing. */
const struct hand_entry *hand_find(const struct hands *hands, uint64_t label, uint64_t cookie);

/* The flags of one socket in a flow class; 0: it has none there. */
uint32_t hand_flags(const struct hands *hands, uint64_t label, uint64_t cookie,
		    unsigned int flow_class);

/* Whether one socket is drained, which it then is in all flow classes. */
bool hand_is_drained(const struct hands *hands, uint64_t label, uint64_t cookie);

/* Writes entries; those that say nothing are removed. A process that is killed has written all of them or
 * none. -errno after a message. */
int hands_write(struct report *report, int map, const struct hand_entry *entries, size_t count);

/* Declared sockets (declarations.c), in the form that the BPF programs read: users by number, and
 * the slots that each declaration may fill. These depend on the labels' keys, which depend on the
 * numbers; so declarations are read first and get their slots later. */

struct declaration {
	struct declared_key key;
	struct declared value;
	uint32_t label;
	const char *cgroup; /* NULL: any; the object's string */
	const char *device; /* NULL: any or none; the object's string */
};

struct declarations {
	struct report *report;   /* the object's */
	struct declaration *all; /* in the object's order */
	size_t count;
};

/* The number of a user, given by name or by number; -ENOENT if there is no such user; -errno. Without
 * a message. */
int user_number(const char *name, uint32_t *uid);

/* Writes the number of each declaration's user; UINT32_MAX: any user. -EINVAL after a message if
 * this host does not know a user. */
int declared_users(const struct object *object, uint32_t *users);

/* USERS are these numbers, and INTERFACES those of the object's interfaces. -EINVAL after a
 * message if the path of a cgroup is too long; -ENOMEM. OBJECT must outlive the declarations. */
int declarations_read(const struct object *object, const uint32_t *interfaces,
		      const uint32_t *users, struct declarations *declarations);
void declarations_free(struct declarations *declarations);

/* Gives each declaration its slots. SLOTS are the slot words of each label. -ENOMEM after a
 * message. */
int declarations_place(const struct object *object, const struct abi_label_slots *slots,
		       struct declarations *declarations);

/* The name of the next folder in a path and its length; NULL at the end. */
const char *next_folder(const char *path, size_t *length);

/* Keys of slots (keys.c). */

/* The key of a label that declares no endpoint. */
void label_key(const char *name, struct abi_slot_key *key);

/* Whether the label declares an endpoint. */
bool key_is_declared(const struct abi_slot_key *key);

/* The keys of the object's labels, by label; the caller frees. DECLARATIONS are the object's. What
 * the rules spell in another way has the same key: the name or the number of a user, an omitted or
 * doubled slash in the path of a cgroup. An interface that came back under another number makes
 * another key, since the sockets of the old one are not its own. -ENOMEM after a message. */
int label_keys(const struct object *object, const struct declarations *declarations,
	       struct abi_slot_key **keys);

/* "tcp 127.0.0.1:8080", "udp *%eth0:53" */
enum { DECLARATION_TEXT_MAX = 96 };
void declaration_text(const struct declaration *declaration, char *text, size_t size);

/* The slots that a declaration may fill in a flow class of its label. */
struct declared_range declaration_range(const struct declaration *declaration,
					unsigned int flow_class);

/* The number of a folder of the cgroup tree, a hash of its parent's number and its own name. Never
 * 0, which is the number of the root. */
uint64_t cgroup_number(uint64_t parent, const char *name, size_t length);

/* Maps of the declarations (declared_maps.c), which BPF programs compare sockets with;
 * descriptors. */
struct declared_maps {
	int declared, cgroups;
};

/* Makes and fills them; -errno after a message. */
int declared_maps_create(const struct declarations *declarations, struct declared_maps *maps);

/* Makes new maps with the content of both; -1 where it fails. -errno after a message. */
int declared_maps_join(struct report *report, const struct declared_maps *first,
		       const struct declared_maps *second, struct declared_maps *joined);

/* How the declarations of one map are those that are wanted. */
enum declared_cover {
	DECLARED_SAME,
	DECLARED_MORE,  /* it has these, and others for slots that nobody uses */
	DECLARED_OTHER, /* one is not there, or one that is not wanted fills slots that are used */
};

/* WANTED may be -1: none is. USED are the slots that are used, by slot; those of the wanted
 * declarations are added. -errno without a message. */
int declared_cover(int wanted, int followed, bool *used);
void declared_maps_close(struct declared_maps *maps);

#endif
