/* Shares out blocks of spare slots. A place keeps what it has from one apply to the next: the program that runs knows
 * it by that, and so a place is never given more, or less. */
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

_Static_assert(1 << DOUBLINGS_MAX == ABI_SPARE_RUN_MAX, "so many blocks has a place at most");

/* What is shared out, to whom. */
struct sharing {
	const struct object *object;
	int labels, marks;
	struct abi_label_slots *slots;
	bool *used;            /* by block, from 1 */
	uint8_t *wanted;       /* bits 1 << flow_class of each label: those that have none */
	uint32_t wanted_count; /* bits in these */
	uint32_t doublings;    /* of blocks for each */
	uint32_t next;         /* block: none before it begins a row that is free */
	uint32_t unserved;     /* of the wanted ones */
};

/* An IPv6 socket may serve IPv4 too. */
static bool may_serve(const struct abi_socket *socket, unsigned int flow_class)
{
	return socket->protocol == flow_class_protocol(flow_class) &&
	       (socket->family != AF_INET || flow_class_family(flow_class) == AF_INET);
}

static void find_wanted(struct sharing *sharing)
{
	for (size_t i = 0; i < sharing->object->socket_count; i++) {
		const struct abi_socket *socket = &sharing->object->sockets[i];

		for (unsigned int flow_class = 0; flow_class < ABI_FLOW_CLASSES; flow_class++)
			if (may_serve(socket, flow_class) &&
			    !ABI_SPARE_BLOCK(sharing->slots[socket->label].slots[flow_class]))
				sharing->wanted[socket->label] |= (uint8_t)(1u << flow_class);
	}
	for (uint32_t i = 0; i < sharing->object->header.label_count; i++)
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
	int err = labels_read(sharing->object->report, sharing->labels, &entries, &count);

	for (size_t i = 0; !err && i < count; i++)
		for (unsigned int flow_class = 0; flow_class < ABI_FLOW_CLASSES; flow_class++)
			mark_word(sharing->used, entries[i].slots.slots[flow_class]);
	return err;
}

/* The first row of so many free blocks, none before FIRST; 0: there is none. */
static uint32_t find_row(const bool *used, uint32_t first, uint32_t blocks)
{
	uint32_t length = 0;

	for (uint32_t block = first; block <= ABI_SPARE_BLOCKS; block++) {
		length = used[block] ? 0 : length + 1;
		if (length == blocks)
			return block - blocks + 1;
	}
	return 0;
}

static uint32_t count_rows(const bool *used, uint32_t blocks)
{
	uint32_t count = 0, first = find_row(used, 1, blocks);

	for (; first; count++)
		first = find_row(used, first + blocks, blocks);
	return count;
}

static uint32_t choose_doublings(const struct sharing *sharing)
{
	uint32_t doublings = DOUBLINGS_MAX;

	while (doublings && count_rows(sharing->used, 1u << doublings) < 2 * sharing->wanted_count)
		doublings--;
	return doublings;
}

/* Nobody was ever in the blocks, as far as their new place is concerned. */
static int clear_marks(const struct sharing *sharing, uint32_t block)
{
	const struct abi_spare_marks none = {0};

	return bpf_map_update_elem(sharing->marks, &block, &none, BPF_ANY)
		       ? fail(sharing->object->report, errno, "clear the marks of spare slots")
		       : 0;
}

static int give_row(struct sharing *sharing, uint32_t *word)
{
	uint32_t blocks = 1u << sharing->doublings;
	uint32_t block = find_row(sharing->used, sharing->next, blocks);

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
	const char *name = object_label(sharing->object, label);
	char key[ABI_LABEL_KEY];
	int err = 0;

	for (unsigned int flow_class = 0; !err && flow_class < ABI_FLOW_CLASSES; flow_class++)
		if (sharing->wanted[label] >> flow_class & 1)
			err = give_row(sharing, &slots->slots[flow_class]);
	label_key(key, name);
	if (!err && bpf_map_update_elem(sharing->labels, key, slots, BPF_EXIST))
		err = fail(sharing->object->report, errno, "give the label '%s' its slots", name);
	return err;
}

static int share_out(struct sharing *sharing)
{
	int err = find_used(sharing);

	sharing->doublings = choose_doublings(sharing);
	for (uint32_t i = 0; !err && i < sharing->object->header.label_count; i++)
		if (sharing->wanted[i])
			err = give_label(sharing, i);
	if (!err && sharing->unserved)
		warn(sharing->object->report,
		     "for %u families and protocols of labels there are no spare slots: of a group "
		     "of sockets one stands behind the label, and nobody is served when that is "
		     "gone; labels of rules that were applied before may have the slots, until "
		     "`sklc detach`",
		     sharing->unserved);
	return err;
}

int spares_assign(int labels, int marks, const struct object *object, struct abi_label_slots *slots)
{
	autofree bool *used = calloc(ABI_SPARE_BLOCKS + 1, sizeof(*used));
	autofree uint8_t *wanted = calloc((size_t)object->header.label_count + 1, sizeof(*wanted));
	struct sharing sharing = {.object = object,
				  .labels = labels,
				  .marks = marks,
				  .slots = slots,
				  .used = used,
				  .wanted = wanted,
				  .next = 1};

	if (!used || !wanted)
		return fail(object->report, ENOMEM, "share out spare slots");
	find_wanted(&sharing);
	return sharing.wanted_count ? share_out(&sharing) : 0;
}
