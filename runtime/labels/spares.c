/* Shares out blocks of spare slots. A key keeps its blocks from one apply to the next. Once it has
 * blocks it never gets more or fewer of them, since the running program has them in its slot words. */
#include "spares.h"

#include "labels.h"

#include "runtime/base/fail.h"
#include "runtime/object/object.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

enum { DOUBLINGS_MAX = 4 };

_Static_assert(1 << DOUBLINGS_MAX == ABI_SPARE_RUN_MAX,
	       "the most blocks that a slot word can have");

/* What is shared out, and which flow classes of which labels get it. */
struct sharing {
	struct report *report;
	uint32_t label_count;
	const struct abi_slot_key *keys;
	int labels, marks;
	struct abi_label_slots *slots;
	bool *used;            /* by block number, from 1 */
	uint8_t *wanted;       /* for each label, bits 1 << flow class of those that want blocks */
	uint32_t wanted_count; /* bits in WANTED */
	uint32_t doublings;    /* each gets a run: 2^doublings adjacent blocks */
	uint32_t next;         /* no free run begins before this block */
	uint32_t unserved;     /* wanted flow classes that got no blocks */
};

/* Whether a declared socket may serve a flow class. An IPv6 socket may be dual-stack, and then
 * serves IPv4 too. */
static bool may_serve(const struct abi_socket *socket, unsigned int flow_class)
{
	return socket->protocol == flow_class_ipproto(flow_class) &&
	       (socket->family != AF_INET || flow_class_af(flow_class) == AF_INET);
}

static void want(struct sharing *sharing, uint32_t label, unsigned int flow_class)
{
	if (!ABI_SPARE_BLOCK(sharing->slots[label].slots[flow_class]))
		sharing->wanted[label] |= (uint8_t)(1u << flow_class);
}

/* How many sockets stand before the declared ones of a label, or do so again when they are no longer
 * drained. */
static size_t count_before(const struct hands *own, unsigned int flow_class)
{
	size_t count = 0;

	for (size_t i = 0; i < own->count; i++)
		count += hand_before(&own->all[i]) >> flow_class & 1;
	return count;
}

/* A group of sockets that an operator put before the declared ones needs a slot for each. */
static void find_groups_by_hand(struct sharing *sharing, const struct object *object,
				const struct hands *hands)
{
	for (uint32_t i = 0; hands->count && i < sharing->label_count; i++) {
		struct hands own = hands_of(hands, label_hash(object_label(object, i)));

		for (unsigned int flow_class = 0; flow_class < ABI_FLOW_CLASSES; flow_class++)
			if (count_before(&own, flow_class) > 1)
				want(sharing, i, flow_class);
	}
}

static void find_wanted(struct sharing *sharing, const struct object *object,
			const struct hands *hands)
{
	for (size_t i = 0; i < object->socket_count; i++) {
		const struct abi_socket *socket = &object->sockets[i];

		for (unsigned int flow_class = 0; flow_class < ABI_FLOW_CLASSES; flow_class++)
			if (may_serve(socket, flow_class))
				want(sharing, socket->label, flow_class);
	}
	find_groups_by_hand(sharing, object, hands);
	for (uint32_t i = 0; i < sharing->label_count; i++)
		sharing->wanted_count += (uint32_t)__builtin_popcount(sharing->wanted[i]);
}

static void mark_word(bool *used, uint32_t word)
{
	uint32_t first = ABI_SPARE_BLOCK(word);

	for (uint32_t i = 0; first && i < ABI_SPARE_RUN(word) && first + i <= ABI_SPARE_BLOCKS; i++)
		used[first + i] = true;
}

static int find_used(struct sharing *sharing)
{
	autofree struct label_entry *entries = NULL;
	size_t count = 0;
	int err = labels_read(sharing->report, sharing->labels, &entries, &count);

	for (size_t i = 0; !err && i < count; i++)
		for (unsigned int flow_class = 0; flow_class < ABI_FLOW_CLASSES; flow_class++)
			mark_word(sharing->used, entries[i].slots.slots[flow_class]);
	return err;
}

/* The first block of a run of BLOCKS free blocks, at FIRST or later; 0: there is none. */
static uint32_t find_run(const bool *used, uint32_t first, uint32_t blocks)
{
	uint32_t length = 0;

	for (uint32_t block = first; block <= ABI_SPARE_BLOCKS; block++) {
		length = used[block] ? 0 : length + 1;
		if (length == blocks)
			return block - blocks + 1;
	}
	return 0;
}

static uint32_t count_runs(const bool *used, uint32_t blocks)
{
	uint32_t count = 0, first = find_run(used, 1, blocks);

	for (; first; count++)
		first = find_run(used, first + blocks, blocks);
	return count;
}

static uint32_t choose_doublings(const struct sharing *sharing)
{
	uint32_t doublings = DOUBLINGS_MAX;

	while (doublings && count_runs(sharing->used, 1u << doublings) < 2 * sharing->wanted_count)
		doublings--;
	return doublings;
}

/* Clears the marks of a run's blocks, since its new owner has put no socket into them yet. */
static int clear_marks(const struct sharing *sharing, uint32_t block)
{
	const struct abi_spare_marks none = {0};

	return bpf_map_update_elem(sharing->marks, &block, &none, BPF_ANY)
		       ? fail(sharing->report, errno, "clear the marks of spare slots")
		       : 0;
}

static int give_run(struct sharing *sharing, uint32_t *word)
{
	uint32_t blocks = 1u << sharing->doublings;
	uint32_t block = find_run(sharing->used, sharing->next, blocks);

	if (!block) {
		sharing->unserved++;
		return 0;
	}
	sharing->next = block + blocks;
	*word |= ABI_SPARE_WORD(block, sharing->doublings);
	return clear_marks(sharing, block);
}

static int give_label(struct sharing *sharing, uint32_t label)
{
	struct abi_label_slots *slots = &sharing->slots[label];
	const struct abi_slot_key *key = &sharing->keys[label];
	int err = 0;

	for (unsigned int flow_class = 0; !err && flow_class < ABI_FLOW_CLASSES; flow_class++)
		if (sharing->wanted[label] >> flow_class & 1)
			err = give_run(sharing, &slots->slots[flow_class]);
	if (!err && bpf_map_update_elem(sharing->labels, key, slots, BPF_EXIST))
		err = fail(sharing->report, errno, "give the label '%s' its slots", key->label);
	return err;
}

static int share_out(struct sharing *sharing)
{
	int err = 0;

	sharing->doublings = choose_doublings(sharing);
	for (uint32_t i = 0; !err && i < sharing->label_count; i++)
		if (sharing->wanted[i])
			err = give_label(sharing, i);
	if (!err && sharing->unserved)
		warn(sharing->report,
		     "for %u %s of labels there are no spare slots: of a group "
		     "of sockets one stands behind the label, and nobody is served when that is "
		     "gone; labels of rules that were applied before may have the slots, until "
		     "`sklc detach`",
		     sharing->unserved,
		     sharing->unserved == 1 ? "family and protocol" : "families and protocols");
	return err;
}

/* Finds out what is wanted and what is used. USED and WANTED are the sharing's arrays. */
static int look(struct sharing *sharing, const struct object *object, const struct hands *hands,
		bool **used, uint8_t **wanted)
{
	*used = sharing->used = calloc(ABI_SPARE_BLOCKS + 1, sizeof(**used));
	*wanted = sharing->wanted = calloc((size_t)sharing->label_count + 1, sizeof(**wanted));
	if (!*used || !*wanted)
		return fail(sharing->report, ENOMEM, "share out spare slots");
	find_wanted(sharing, object, hands);
	return sharing->wanted_count ? find_used(sharing) : 0;
}

int spares_excess(int labels, const struct object *object, const struct hands *hands,
		  struct abi_label_slots *slots, size_t *excess)
{
	autofree bool *used = NULL;
	autofree uint8_t *wanted = NULL;
	struct sharing sharing = {.report = object->report,
				  .label_count = object->header.label_count,
				  .labels = labels,
				  .slots = slots};
	int err = look(&sharing, object, hands, &used, &wanted);
	uint32_t unused = err ? 0 : count_runs(used, 1);

	*excess = sharing.wanted_count > unused ? sharing.wanted_count - unused : 0;
	return err;
}

int spares_assign(int labels, int marks, const struct object *object,
		  const struct abi_slot_key *keys, const struct hands *hands,
		  struct abi_label_slots *slots)
{
	autofree bool *used = NULL;
	autofree uint8_t *wanted = NULL;
	struct sharing sharing = {.report = object->report,
				  .label_count = object->header.label_count,
				  .keys = keys,
				  .labels = labels,
				  .marks = marks,
				  .slots = slots,
				  .next = 1};
	int err = look(&sharing, object, hands, &used, &wanted);

	return err || !sharing.wanted_count ? err : share_out(&sharing);
}

int spares_add(struct report *report, int labels, int marks, const struct abi_slot_key *key,
	       uint8_t flow_classes, struct abi_label_slots *slots)
{
	autofree bool *used = calloc(ABI_SPARE_BLOCKS + 1, sizeof(*used));
	uint8_t wanted = flow_classes;
	struct sharing sharing = {.report = report,
				  .label_count = 1,
				  .keys = key,
				  .labels = labels,
				  .marks = marks,
				  .slots = slots,
				  .used = used,
				  .wanted = &wanted,
				  .next = 1};
	int err;

	if (!used)
		return fail(report, ENOMEM, "share out spare slots");
	for (unsigned int flow_class = 0; flow_class < ABI_FLOW_CLASSES; flow_class++)
		if (ABI_SPARE_BLOCK(slots->slots[flow_class]))
			wanted &= (uint8_t) ~(1u << flow_class);
	sharing.wanted_count = (uint32_t)__builtin_popcount(wanted);
	err = wanted ? find_used(&sharing) : 0;
	return err || !wanted ? err : share_out(&sharing);
}
