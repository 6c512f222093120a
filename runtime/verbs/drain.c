/* Takes sockets of a label out of its slots until they die, and back in again. What is drained is
 * noted first, so that neither a search nor the follower puts it back. */
#include "label.h"

#include "runtime/base/array.h"
#include "runtime/base/document.h"
#include "runtime/base/fail.h"
#include "runtime/load/load.h"
#include "runtime/sockets/sockets.h"
#include "runtime/status/described.h"
#include "runtime/transaction/transaction.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

struct drained {
	uint64_t cookie;
	uint8_t flow_classes; /* bits: those in which it stands, or that it serves */
	bool grouped;         /* the other members of its group were looked for */
};

struct draining {
	struct opened_label label;
	const char *socket; /* a cookie or an address; NULL: all */
	int protocol;       /* IPPROTO_TCP or IPPROTO_UDP; 0: both */
	bool ends;          /* draining ends */
	bool has_begun;     /* something may have been changed */
	struct shared_maps shared;
	struct known_sockets known;
	struct drained *all;
	size_t count;
};

static struct drained *find_drained(struct draining *d, uint64_t cookie)
{
	for (size_t i = 0; i < d->count; i++)
		if (d->all[i].cookie == cookie)
			return &d->all[i];
	return NULL;
}

static int add(struct draining *d, uint64_t cookie, uint8_t flow_classes)
{
	struct drained *at = find_drained(d, cookie), *more;

	if (at) {
		at->flow_classes |= flow_classes;
		return 0;
	}
	more = array_grow(d->all, d->count, sizeof(*more));
	if (!more)
		return fail(d->label.state.report, ENOMEM, "drain sockets");
	d->all = more;
	more[d->count++] = (struct drained){.cookie = cookie, .flow_classes = flow_classes};
	return 0;
}

static bool has_protocol(const struct draining *d, uint32_t flow_classes)
{
	for (unsigned int i = 0; i < ABI_FLOW_CLASSES; i++)
		if (flow_classes >> i & 1 && (unsigned int)d->protocol == flow_class_ipproto(i))
			return true;
	return !d->protocol;
}

/* Whether SOCKET, as status prints it, is this one, of these flow classes. */
static bool is_meant(const struct draining *d, uint64_t cookie, uint32_t flow_classes)
{
	const struct known_socket *known = sockdiag_find(&d->known, cookie);
	char text[24];

	if (!has_protocol(d, flow_classes))
		return false;
	if (!d->socket)
		return true;
	snprintf(text, sizeof(text), "%" PRIu64, cookie);
	if (strcmp(d->socket, text) == 0)
		return true;
	return known && sockdiag_is_at(known, d->socket);
}

static int look_into_word(struct draining *d, uint32_t word, unsigned int flow_class)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < slot_count(word); i++) {
		uint64_t cookie;

		err = slot_read(d->label.sockets, slot_at(word, i), &cookie);
		if (err)
			fail(d->label.state.report, err, "read which socket is in a slot");
		else if (cookie && is_meant(d, cookie, 1u << flow_class))
			err = add(d, cookie, (uint8_t)(1u << flow_class));
	}
	return err;
}

static int look_into_slots(struct draining *d, const struct abi_label_slots *slots)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < ABI_FLOW_CLASSES; i++)
		err = look_into_word(d, slots->slots[i], i);
	return err;
}

/* Looks into the slots of all keys of the label. */
static int look_into_all(struct draining *d)
{
	autofree struct label_entry *entries = NULL;
	size_t count = 0;
	int err = labels_read(d->label.state.report, d->label.labels, &entries, &count);
	for (size_t i = 0; !err && i < count; i++)
		if (strncmp(entries[i].key.label, d->label.name, ABI_LABEL_KEY) == 0)
			err = look_into_slots(d, &entries[i].slots);
	return err;
}

/* Finds the sockets that are meant: one that is named, wherever it stands, as it is drained for all;
 * else those in the slots of the rules that decide. */
static int find_standing(struct draining *d)
{
	return d->socket ? look_into_all(d) : look_into_slots(d, &d->label.slots);
}

static int refuse_member(const struct draining *d, uint64_t cookie, size_t members)
{
	const struct known_socket *known = sockdiag_find(&d->known, cookie);
	char address[SOCKET_ADDRESS_MAX];

	sockdiag_address(known, address, sizeof(address));
	return refuse(
		d->label.state.report, EINVAL,
		"the socket with the cookie %" PRIu64
		" is one of %zu of a SO_REUSEPORT group at %s, and the kernel spreads over all "
		"of them as long as one stands behind a label: `sklc drain %s %s %s` drains all",
		cookie, members, address, d->label.name, address, ipproto_word(known->protocol));
}

/* Whether a single socket is named, not all at an address. */
static bool is_by_cookie(const struct draining *d)
{
	return d->socket && strspn(d->socket, "0123456789") == strlen(d->socket);
}

/* Whether the command is also for another member of a group: to end draining, for a drained one. */
static bool is_for(const struct draining *d, uint64_t cookie)
{
	return !d->ends || hand_is_drained(&d->label.hands, label_hash(d->label.name), cookie);
}

/* Adds the other members of a group. A single one of them can neither be drained nor come back. */
static int add_group(struct draining *d, const struct sightings *seen, uint64_t cookie)
{
	const struct found *own = find_one(seen, 0, cookie);
	size_t members = 0;
	int err = 0;

	for (size_t i = 0; own && i < seen->count; i++)
		members += seen->all[i].found.group == own->group;
	if (members > 1 && !d->ends && is_by_cookie(d))
		return refuse_member(d, cookie, members);
	for (size_t i = 0; own && !err && i < seen->count; i++) {
		if (seen->all[i].found.group != own->group || !is_for(d, seen->all[i].key.cookie))
			continue;
		err = add(d, seen->all[i].key.cookie,
			  (uint8_t)found_flow_classes(&seen->all[i].found));
		if (!err)
			find_drained(d, seen->all[i].key.cookie)->grouped = true;
	}
	return err;
}

static size_t count_grouped(const struct draining *d)
{
	size_t count = 0;

	for (size_t i = 0; i < d->count; i++)
		count += d->all[i].grouped;
	return count;
}

static int find_group(struct draining *d, uint64_t cookie)
{
	const struct known_socket *known = sockdiag_find(&d->known, cookie);
	struct declared_key endpoint;
	struct finder *finder = NULL;
	int err;

	if (!known)
		return 0;
	endpoint = known_endpoint(known);
	err = find_at(&d->label.state.netns, &endpoint, &d->shared, &finder);
	if (!err)
		err = add_group(d, find_sightings(finder), cookie);
	find_close(finder);
	return err;
}

/* Finds the groups of the sockets that stand behind the label, each once. */
static int find_groups(struct draining *d)
{
	int err = 0;

	for (size_t i = 0; !err && i < d->count; i++)
		if (!d->all[i].grouped)
			err = find_group(d, d->all[i].cookie);
	return err;
}

static int refuse_socket(const struct draining *d, const char *what)
{
	char of[16] = "";

	if (d->protocol)
		snprintf(of, sizeof(of), " of %s", ipproto_word((unsigned int)d->protocol));
	if (d->socket)
		return refuse(d->label.state.report, RUNTIME_NOT_THERE,
			      "the label '%s' has no %s socket '%s'%s; `sklc status` shows them by "
			      "address and cookie",
			      d->label.name, what, d->socket, of);
	return refuse(d->label.state.report, RUNTIME_NOT_THERE, "the label '%s' has no %s socket%s",
		      d->label.name, what, of);
}

/* Finds the flow classes, as bits, in which a socket awaits one of the slots that all generations share,
 * and has none: an override has the only one, or a command that ends draining was killed. */
static int find_lacking(const struct draining *d, const struct hand_entry *at, uint32_t *lacking)
{
	struct abi_label_slots shared;
	struct abi_slot_key key;
	int err = -ENOENT;

	*lacking = 0;
	label_key(d->label.name, &key);
	if (hand_awaited(at))
		err = labels_find(d->label.labels, &key, &shared);
	for (unsigned int i = 0; !err && i < ABI_FLOW_CLASSES; i++) {
		int has = slots_have(d->label.sockets, shared.slots[i], at->key.cookie);

		err = has < 0 ? has : 0;
		*lacking |= hand_awaited(at) & (uint32_t)!has << i;
	}
	return !err || err == -ENOENT
		       ? 0
		       : fail(d->label.state.report, err,
			      "read whether the label '%s' has a socket", d->label.name);
}

/* Whether a socket that need not have a slot is one of the label all the same: it is drained, and to drain it
 * again changes nothing; or it is to have slots, and a command that was killed gave it none. *NOTED is not set where
 * this fails. */
static int is_noted(const struct draining *d, const struct hands *own, const struct hand_entry *at,
		    bool *noted)
{
	uint32_t lacking, first = 0;
	int err = find_lacking(d, at, &lacking);

	for (unsigned int i = 0; i < ABI_FLOW_CLASSES; i++)
		first |= (uint32_t)(hands_first(own, i) > 0) << i;
	if (!err && d->ends)
		*noted = at->value.flags & HAND_DRAINED || lacking & ~first;
	else if (!err)
		*noted = !is_hand_absent(&d->known, at) &&
			 (at->value.flags & (HAND_DRAINED | HAND_OVERRIDE) ||
			  (lacking && (d->socket || !key_is_declared(&d->label.key))));
	return err;
}

/* Finds the sockets that are meant of those that need not have a slot. A dead one may still be noted: its
 * draining can end, but it cannot be drained. */
static int find_noted(struct draining *d)
{
	struct hands own = hands_of(&d->label.hands, label_hash(d->label.name));
	int err = 0;

	for (size_t i = 0; !err && i < own.count; i++) {
		const struct hand_entry *at = &own.all[i];
		bool noted = false;

		err = is_noted(d, &own, at, &noted);
		if (!err && noted &&
		    is_meant(d, at->key.cookie, at->value.flow_classes | at->value.registered))
			err = add(d, at->key.cookie, at->value.flow_classes);
	}
	return err;
}

/* What was done by hand with a socket of the label so far. */
static struct hand hand_of(const struct draining *d, uint64_t cookie)
{
	const struct hand_entry *at = hand_find(&d->label.hands, label_hash(d->label.name), cookie);

	return at ? at->value : (struct hand){0};
}

static struct hand drained_hand(const struct draining *d, const struct drained *drained)
{
	struct hand hand = hand_of(d, drained->cookie);

	if (hand.flags & HAND_OVERRIDE)
		hand.before = hand.flow_classes;
	hand.flags = HAND_DRAINED | (hand.flags & HAND_CHOSEN);
	hand.flow_classes |= drained->flow_classes;
	label_add_registered(&d->label, drained->cookie, &hand);
	hand.leaves = hand.leaves_declared = 0; /* it leaves all slots now */
	return hand;
}

/* An override is one again; what was registered waits for its slots until by_hand_settle gives it
 * these. */
static struct hand undrained_hand(const struct draining *d, const struct drained *drained)
{
	struct hand hand = hand_of(d, drained->cookie);

	if (!(hand.flags & HAND_DRAINED))
		return hand;
	hand.flags = hand.before ? HAND_OVERRIDE | (hand.flags & HAND_CHOSEN) : 0;
	if (hand.before)
		hand.flow_classes = hand.before;
	hand.before = 0;
	return hand;
}

static int note_all(struct draining *d)
{
	autofree struct hand_entry *entries = calloc(d->count, sizeof(*entries));

	if (!entries)
		return fail(d->label.state.report, ENOMEM, "drain sockets");
	for (size_t i = 0; i < d->count; i++)
		entries[i] = (struct hand_entry){
			.key = {.cookie = d->all[i].cookie, .label = label_hash(d->label.name)},
			.value = d->ends ? undrained_hand(d, &d->all[i])
					 : drained_hand(d, &d->all[i]),
		};
	return hands_write(d->label.state.report, d->label.hand, entries, d->count);
}

/* Whether two sockets may be of one group. */
static bool are_at_one_address(const struct draining *d, uint64_t left, uint64_t right)
{
	const struct known_socket *a = sockdiag_find(&d->known, left);
	const struct known_socket *b = sockdiag_find(&d->known, right);

	return a && b && a->protocol == b->protocol && a->port == b->port &&
	       a->family == b->family && a->interface == b->interface &&
	       memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

/* Refuses a socket that has no slot, but gets packets by another member of its group that has one, or
 * none as that one is drained. */
static int refuse_by_group(const struct draining *d, struct draining *label)
{
	const uint64_t cookie = strtoull(d->socket, NULL, 10);
	size_t count = 0, i;
	int err = look_into_all(label);

	if (!err)
		err = find_noted(label);
	for (i = 0; !err && i < label->count; i++)
		if (are_at_one_address(d, label->all[i].cookie, cookie))
			break;
	if (err || i == label->count)
		return err;
	count = label->count;
	err = find_group(label, cookie);
	for (i = 0; !err && i < count; i++)
		if (label->all[i].grouped)
			return refuse_member(d, cookie, count_grouped(label));
	return err;
}

static int refuse_none(const struct draining *d)
{
	struct draining label = *d;
	int err;

	if (!is_by_cookie(d))
		return refuse_socket(d, "such");
	label.socket = NULL;
	label.all = NULL;
	label.count = 0;
	err = refuse_by_group(d, &label);
	free(label.all);
	return err ? err : refuse_socket(d, "such");
}

static int carry_out(struct draining *d)
{
	struct opened_label *label = &d->label;
	int err = label_begin(label);

	if (err)
		return err;
	d->has_begun = true;
	err = note_all(d);
	if (!err && !d->ends)
		err = by_hand_clear(&label->state);
	return err ? err : sync_standing(&label->state, &label->standing, true);
}

static int drain(struct draining *d)
{
	int err = find_standing(d);

	if (!err)
		err = find_noted(d);
	if (!err && !d->count)
		return refuse_none(d);
	if (!err)
		err = find_groups(d);
	return err ? err : carry_out(d);
}

/* Finds the flow classes, as bits, in which the label has the socket in a slot. */
static int find_stands(const struct draining *d, uint64_t cookie, uint32_t *stands)
{
	*stands = 0;
	for (unsigned int i = 0; i < ABI_FLOW_CLASSES; i++) {
		int has = slots_have(d->label.sockets, d->label.slots.slots[i], cookie);

		if (has < 0)
			return fail(d->label.state.report, has,
				    "read whether the label '%s' has a socket", d->label.name);
		*stands |= (uint32_t)has << i;
	}
	return 0;
}

/* Says which sockets of a label without declarations were drained and stand nowhere now, themselves or
 * by another one of their group: another socket was registered meanwhile. */
static int warn_of_replaced(const struct draining *d)
{
	autofree uint32_t *stands = calloc(d->count, sizeof(*stands));
	char words[FLOW_CLASSES_TEXT_MAX];
	int err = stands ? 0 : fail(d->label.state.report, ENOMEM, "look for sockets");

	for (size_t i = 0; !err && i < d->count; i++)
		err = find_stands(d, d->all[i].cookie, &stands[i]);
	for (size_t i = 0; !err && i < d->count; i++) {
		uint32_t lost = d->all[i].flow_classes;

		for (size_t j = 0; j < d->count; j++)
			if (i == j || are_at_one_address(d, d->all[i].cookie, d->all[j].cookie))
				lost &= ~stands[j];
		if (sockdiag_find(&d->known, d->all[i].cookie) && flow_classes_text(lost, words))
			warn(d->label.state.report,
			     "the socket with the cookie %" PRIu64 " is not registered for the "
			     "label '%s' and gets no packets of %s there: `sklc register` puts it "
			     "in the place of others",
			     d->all[i].cookie, d->label.name, words);
	}
	return err;
}

static int undrain(struct draining *d)
{
	int err = find_noted(d);

	if (!err && !d->count)
		return refuse_socket(d, "drained");
	if (!err && d->socket)
		err = find_groups(d);
	if (!err)
		err = carry_out(d);
	return err || key_is_declared(&d->label.key) ? err : warn_of_replaced(d);
}

/* The flow classes, as bits, in which the label has no socket any more. */
static int find_empty(const struct draining *d, uint32_t *empty)
{
	uint32_t served = 0;

	*empty = 0;
	for (size_t i = 0; i < d->count; i++)
		served |= d->all[i].flow_classes;
	for (unsigned int i = 0; i < ABI_FLOW_CLASSES; i++) {
		int is_empty = served >> i & 1
				       ? slots_empty(d->label.sockets, d->label.slots.slots[i])
				       : 0;

		if (is_empty < 0)
			return fail(d->label.state.report, is_empty,
				    "read whether the label '%s' has a socket", d->label.name);
		*empty |= (uint32_t)is_empty << i;
	}
	return 0;
}

static int print_json(const struct draining *d, const char *result, const struct described *sockets,
		      uint32_t empty, FILE *out)
{
	json_t *all = json_array();

	for (size_t i = 0; i < d->count; i++)
		json_array_append_new(all, described_to_json(&sockets[i]));
	return document_print(d->label.state.report,
			      json_pack("{s:i, s:s, s:o, s:o, s:o}", "version", 1, "result", result,
					"label", json_text(d->label.name), "sockets", all, "empty",
					flow_classes_to_json(empty)),
			      out);
}

static int print(const struct draining *d, const char *result, FILE *out)
{
	const struct runtime_options *options = d->label.options;
	autofree struct described *sockets = calloc(d->count + 1, sizeof(*sockets));
	uint32_t empty = 0;
	int err = sockets ? find_empty(d, &empty)
			  : fail(options->report, ENOMEM, "say which sockets were %s", result);

	if (err)
		return err;
	for (size_t i = 0; i < d->count; i++)
		sockets[i].cookie = d->all[i].cookie;
	err = describe(options->report, &d->known, sockets, d->count);
	if (err)
		return err;
	for (unsigned int i = 0; i < ABI_FLOW_CLASSES; i++)
		if (empty >> i & 1)
			warn(options->report, "no %ssocket serves %s of the label '%s'",
			     d->ends ? "" : "other ", flow_class_name(i), d->label.name);
	if (options->json)
		return print_json(d, result, sockets, empty, out);
	for (size_t i = 0; !options->quiet && i < d->count; i++) {
		fprintf(out, "%s: %s: ", d->label.name, result);
		described_print(&sockets[i], out);
		fputc('\n', out);
	}
	return 0;
}

static int run(const char *name, const char *socket, int protocol, bool ends,
	       const struct runtime_options *options, FILE *out)
{
	struct draining d = {
		.socket = socket, .protocol = protocol, .ends = ends, .shared = {-1, -1}};
	int err = label_open(name, options, &d.label);

	if (err)
		return err;
	d.shared.sockets = d.label.sockets;
	err = standing_spare_marks(&d.label.state, &d.shared.spare_marks);
	if (!err)
		err = sockdiag_read_bound(&d.label.state.netns, &d.known);
	if (!err)
		err = ends ? undrain(&d) : drain(&d);
	if (!err)
		err = print(&d, ends ? "no longer drained" : "drained", out);
	if (err && d.has_begun)
		err = label_undo(&d.label, err);
	free(d.all);
	sockdiag_free(&d.known);
	close_fd(&d.shared.spare_marks);
	label_close(&d.label);
	return err;
}

int runtime_drain(const char *label, const char *socket, int protocol,
		  const struct runtime_options *options, FILE *out)
{
	return run(label, socket, protocol, false, options, out);
}

int runtime_undrain(const char *label, const char *socket, int protocol,
		    const struct runtime_options *options, FILE *out)
{
	return run(label, socket, protocol, true, options, out);
}
