/* What a command about the sockets of one label found, and takes back where it could not do all that it has
 * begun. */
#include "label.h"

#include "runtime/base/fail.h"
#include "runtime/load/load.h"
#include "runtime/sockets/sockets.h"
#include "runtime/transaction/transaction.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

/* Reads the slots that the label has, without declarations, in all generations. *COUNT is how many
 * these are. Nothing else knows which sockets stand there; those of declarations are found again. */
static int read_shared(const struct opened_label *label, struct abi_label_slots *slots,
		       size_t *count)
{
	struct abi_slot_key key;
	int err;

	*count = 0;
	label_key(label->name, &key);
	err = labels_find(label->labels, &key, slots);
	for (unsigned int i = 0; !err && i < ABI_FLOW_CLASSES; i++)
		*count += slot_count(slots->slots[i]);
	return err == -ENOENT ? 0 : err;
}

static int read_stood(struct opened_label *label)
{
	size_t next = 0;
	int err = read_shared(label, &label->shared, &label->stood_count);

	label->stood = calloc(label->stood_count + 1, sizeof(*label->stood));
	if (!err && !label->stood)
		err = -ENOMEM;
	for (unsigned int i = 0; i < ABI_FLOW_CLASSES; i++)
		for (uint32_t j = 0;
		     !err && next < label->stood_count && j < slot_count(label->shared.slots[i]);
		     j++)
			err = slot_read(label->sockets, slot_at(label->shared.slots[i], j),
					&label->stood[next++]);
	return err;
}

int label_begin(struct opened_label *label)
{
	int err = read_stood(label);

	return err ? fail(label->state.report, err, "read which sockets the label '%s' has",
			  label->name)
		   : 0;
}

/* What stood in the shared slots of a flow class. *COUNT is how many these are. */
static const uint64_t *stood_in(const struct opened_label *label, unsigned int flow_class,
				uint32_t *count)
{
	const uint64_t *stood = label->stood;

	*count = label->stood_count ? slot_count(label->shared.slots[flow_class]) : 0;
	for (unsigned int i = 0; *count && i < flow_class; i++)
		stood += slot_count(label->shared.slots[i]);
	return stood;
}

/* Whether a socket that stood in a shared slot was registered for it. An override has its place in these as
 * in all others. */
static bool was_registered(const struct opened_label *label, unsigned int flow_class,
			   uint64_t cookie)
{
	const struct hand_entry *at = hand_find(&label->hands, label_hash(label->name), cookie);

	return !at || !((hand_before(at) | at->value.leaves) >> flow_class & 1);
}

void label_add_registered(const struct opened_label *label, uint64_t cookie, struct hand *hand)
{
	for (unsigned int i = 0; i < ABI_FLOW_CLASSES; i++) {
		uint32_t count;
		const uint64_t *stood = stood_in(label, i, &count);

		for (uint32_t j = 0; j < count; j++) {
			if (stood[j] != cookie || !was_registered(label, i, cookie))
				continue;
			hand->registered |= (uint8_t)(1u << i);
			hand->first |= (uint8_t)(!j << i);
		}
	}
}

uint64_t label_registered(const struct opened_label *label, unsigned int flow_class)
{
	const struct hands own = hands_of(&label->hands, label_hash(label->name));
	uint32_t count;
	const uint64_t *stood = stood_in(label, flow_class, &count);

	for (uint32_t i = 0; i < count; i++)
		if (stood[i] && was_registered(label, flow_class, stood[i]))
			return stood[i];
	for (size_t i = 0; i < own.count; i++)
		if (hand_awaited(&own.all[i]) >> flow_class & 1)
			return own.all[i].key.cookie;
	return 0;
}

/* Forgets what was noted for the label since it was opened, and notes again what was noted then. */
static int give_back_notes(const struct opened_label *label)
{
	const uint64_t hash = label_hash(label->name);
	struct report *report = label->state.report;
	struct hands now, own = hands_of(&label->hands, hash), noted;
	int err = hands_read(report, label->hand, &now);

	noted = hands_of(&now, hash);
	for (size_t i = 0; i < noted.count; i++) {
		const struct hand_entry *before = hand_find(&own, hash, noted.all[i].key.cookie);

		noted.all[i].value = before ? before->value : (struct hand){0};
	}
	if (!err)
		err = hands_write(report, label->hand, own.all, own.count);
	if (!err)
		err = hands_write(report, label->hand, noted.all, noted.count);
	hands_free(&now);
	return err;
}

/* Plans what stood in the slots of a word, and takes other sockets out of them. */
static int give_back_word(const struct opened_label *label, uint32_t word, const uint64_t *stood,
			  size_t stood_count, struct order *orders, size_t *count)
{
	for (uint32_t i = 0; i < slot_count(word); i++) {
		uint64_t before = i < stood_count ? stood[i] : 0, cookie;
		int err = slot_read(label->sockets, slot_at(word, i), &cookie);

		if (!err && before && before != cookie)
			orders[(*count)++] = order_to(before, word, i, BPF_ANY);
		else if (!err && !before && cookie)
			err = slot_clear(label->sockets, slot_at(word, i));
		if (err < 0)
			return fail(label->state.report, err, "give a slot back");
	}
	return 0;
}

static int put_orders(const struct opened_label *label, struct order *orders, size_t count)
{
	struct shared_maps shared = {.sockets = label->sockets, .spare_marks = -1};
	int err = standing_spare_marks(&label->state, &shared.spare_marks);

	if (!err)
		err = orders_put(&label->state, &shared, orders, count);
	close_fd(&shared.spare_marks);
	return err;
}

static int give_back_shared(const struct opened_label *label)
{
	autofree struct order *orders = calloc(label->stood_count + 1, sizeof(*orders));
	const uint64_t *stood = label->stood;
	struct abi_label_slots slots;
	size_t count = 0, total;
	int err = read_shared(label, &slots, &total);

	if (err || !orders)
		return fail(label->state.report, err ? err : -ENOMEM, "give slots back");
	for (unsigned int i = 0; !err && label->stood_count && i < ABI_FLOW_CLASSES; i++) {
		size_t had = slot_count(label->shared.slots[i]);

		err = give_back_word(label, slots.slots[i], stood, had, orders, &count);
		stood += had;
	}
	return err || !count ? err : put_orders(label, orders, count);
}

int label_undo(struct opened_label *label, int err)
{
	int undone = give_back_notes(label);

	if (!undone)
		undone = give_back_shared(label);
	if (!undone)
		undone = sync_standing(&label->state, &label->standing, true);
	if (undone)
		warn(label->state.report,
		     "the label '%s' may have other sockets than before: `sklc status` shows "
		     "them, and `sklc sync` finds what the rules declare",
		     label->name);
	return err;
}
