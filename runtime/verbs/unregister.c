/* Takes the sockets of a label out of its slots. */
#include "label.h"

#include "runtime/base/document.h"
#include "runtime/base/fail.h"
#include "runtime/sockets/sockets.h"
#include "runtime/status/described.h"

#include <errno.h>
#include <sys/socket.h>

static bool is_asked_for(unsigned int flow_class, int protocol, int family)
{
	return (protocol == 0 || (unsigned int)protocol == flow_class_ipproto(flow_class)) &&
	       (family == AF_UNSPEC || (unsigned int)family == flow_class_af(flow_class));
}

/* What is left of what was done by hand with a socket. What is drained stays so, and is then no more than
 * any other; *ENDED are the flow classes in which that is new. */
static struct hand left_of(const struct opened_label *label, const struct hand_entry *at,
			   uint32_t asked, uint32_t *ended)
{
	struct hand hand = at->value;

	const uint8_t before = (uint8_t)(hand_before(at) & asked);

	*ended = before;
	if (!key_is_declared(&label->key)) {
		*ended |= hand.registered & asked;
		hand.registered &= (uint8_t)~asked;
		hand.first &= (uint8_t)~asked;
	}
	if (hand.flags & HAND_DRAINED) {
		hand.before &= (uint8_t)~asked;
	} else {
		hand_end(&hand, before);
		hand.leaves |= before & (uint8_t)~hand.registered;
		hand.leaves_declared |= before;
	}
	return hand;
}

/* Ends what was put before the declared sockets, in all generations; *ENDED are the flow classes. */
static int end_overrides(struct opened_label *label, int protocol, int family, uint32_t *ended)
{
	struct hands own = hands_of(&label->hands, label_hash(label->name));
	autofree struct hand_entry *entries = calloc(own.count + 1, sizeof(*entries));
	uint32_t asked = 0;
	size_t count = 0;
	int err;

	if (!entries)
		return fail(label->options->report, ENOMEM, "unregister sockets");
	for (unsigned int i = 0; i < ABI_FLOW_CLASSES; i++)
		if (is_asked_for(i, protocol, family))
			asked |= 1u << i;
	for (size_t i = 0; i < own.count; i++) {
		uint32_t own_ended;
		struct hand left = left_of(label, &own.all[i], asked, &own_ended);

		if (own_ended)
			entries[count++] = (struct hand_entry){own.all[i].key, left};
		*ended |= own_ended;
	}
	err = hands_write(label->options->report, label->hand, entries, count);
	return err || !count ? err : by_hand_settle(&label->state);
}

/* Empties slots; *EMPTIED are the flow classes of those that had a socket. */
static int empty_flow_classes(struct opened_label *label, int protocol, int family,
			      uint32_t *emptied)
{
	int err = end_overrides(label, protocol, family, emptied);

	if (err)
		return err;
	for (unsigned int flow_class = 0; flow_class < ABI_FLOW_CLASSES; flow_class++) {
		int cleared = is_asked_for(flow_class, protocol, family)
				      ? slots_clear(label->sockets, label->slots.slots[flow_class])
				      : 0;

		if (cleared < 0)
			return fail(label->options->report, cleared,
				    "take the socket of the label '%s' (%s) away", label->name,
				    flow_class_name(flow_class));
		if (cleared)
			*emptied |= 1u << flow_class;
	}
	return 0;
}

static int print(const struct opened_label *label, uint32_t emptied, FILE *out)
{
	const struct runtime_options *options = label->options;

	if (!emptied && !options->quiet)
		note(options->report, "the label '%s' has no such socket", label->name);
	if (options->json)
		return document_print(options->report,
				      json_pack("{s:i, s:s, s:o, s:o}", "version", 1, "result",
						"unregistered", "label", json_text(label->name),
						"flow_classes", flow_classes_to_json(emptied)),
				      out);
	for (unsigned int i = 0; !options->quiet && i < ABI_FLOW_CLASSES; i++)
		if (emptied >> i & 1)
			fprintf(out, "%s: %s unregistered\n", label->name, flow_class_name(i));
	return 0;
}

static int unregister(struct opened_label *label, int protocol, int family, uint32_t *emptied,
		      FILE *out)
{
	int err = empty_flow_classes(label, protocol, family, emptied);

	if (!err)
		err = print(label, *emptied, out);
	return err ? label_undo(label, err) : 0;
}

int runtime_unregister(const char *name, int protocol, int family,
		       const struct runtime_options *options, FILE *out)
{
	struct opened_label label;
	uint32_t emptied = 0;
	int err = label_open(name, options, &label);

	if (err)
		return err;
	err = label_begin(&label);
	if (!err)
		err = unregister(&label, protocol, family, &emptied, out);
	label_close(&label);
	return err;
}
