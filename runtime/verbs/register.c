/* Puts a socket behind a label. The map does not keep a socket alive: when its owner closes it, it
 * is removed from the map. */
#include "fit.h"
#include "registering.h"

#include "runtime/base/fail.h"
#include "runtime/kernel/clock.h"
#include "runtime/load/load.h"
#include "runtime/sockets/sockets.h"
#include "runtime/transaction/transaction.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

bool is_sibling(const struct registering *r, const struct sighting *at)
{
	return r->group && at->found.group == r->group && at->key.cookie != r->cookie &&
	       at->found.fault == FOUND_RIGHT;
}

size_t count_siblings(const struct registering *r)
{
	size_t count = 0;

	for (size_t i = 0; i < r->siblings.count; i++)
		count += is_sibling(r, &r->siblings.all[i]);
	return count;
}

static int read_socket(struct registering *r)
{
	struct report *report = r->label.state.report;
	socklen_t size = sizeof(r->cookie);
	int flow_classes = socket_flow_classes(r->fd, &r->label.state.netns);

	if (flow_classes < 0)
		return flow_classes;
	r->flow_classes = (uint32_t)flow_classes;
	if (getsockopt(r->fd, SOL_SOCKET, SO_COOKIE, &r->cookie, &size))
		return fail(report, errno, "ask for the socket's cookie");
	return socket_endpoint(r->fd, report, &r->endpoint);
}

static int read_label(struct registering *r)
{
	struct applied applied;
	int err = applied_read(&r->label.state, r->label.generation, &applied);

	if (err)
		return err;
	for (uint32_t i = 0; i < applied.object.header.label_count; i++)
		if (strncmp(object_label(&applied.object, i), r->label.name, ABI_LABEL_KEY) == 0)
			r->needed = applied.object.labels[i].flow_classes;
	r->takes_blocks = applied.object.header.version > ABI_VERSION_OLDEST;
	applied_free(&applied);
	return 0;
}

static void warn_unneeded(const struct registering *r)
{
	char words[FLOW_CLASSES_TEXT_MAX];

	if (flow_classes_text(r->flow_classes & ~r->needed, words))
		warn(r->label.state.report, "no rule redirects packets of %s to the label '%s'%s",
		     words, r->label.name,
		     r->flow_classes & r->needed ? "" : ": this socket gets none");
}

static int choose_way(struct registering *r)
{
	const struct runtime_options *options = r->label.options;
	char difference[DIFFERENCE_MAX];
	int fits;

	if (!key_is_declared(&r->label.key)) {
		if (options->override)
			note(options->report,
			     "the rules declare no sockets for '%s': there is nothing to override",
			     r->label.name);
		return 0;
	}
	r->way = options->override ? WAY_OVERRIDE : WAY_DECLARED;
	if (options->override)
		return 0;
	fits = label_fits(&r->label, &r->endpoint, r->cookie, difference);
	if (fits)
		return fits < 0 ? fits : 0;
	return refuse(options->report, RUNTIME_DIFFERENT,
		      "the socket is not what the rules declare for the label '%s': %s; "
		      "`--override` puts it before the declared ones",
		      r->label.name, difference);
}

/* Looks for the other members of its SO_REUSEPORT group. Where they cannot be seen, the socket
 * serves alone. A dual-stack socket is looked for too, since the walk puts it into all its slots. */
static void find_siblings(struct registering *r)
{
	bool may_have = socket_may_have_siblings(r->fd);
	bool is_dual = r->flow_classes & (r->flow_classes - 1);
	struct report silent = report_nothing();
	const struct found *own;
	int err;

	if (!may_have && !(is_dual && r->way == WAY_UNDECLARED))
		return;
	r->netns = r->label.state.netns;
	r->netns.report = &silent;
	err = find_at(&r->netns, &r->endpoint, &r->shared, &r->finder);
	r->netns.report = r->label.state.report;
	if (err) {
		if (may_have)
			warn(r->label.state.report, "the other sockets of its SO_REUSEPORT group "
						    "cannot be seen here: when this "
						    "one is gone, nobody is served");
		return;
	}
	r->siblings = find_of(find_sightings(r->finder), 0);
	own = find_one(find_sightings(r->finder), 0, r->cookie);
	if (own)
		r->group = own->group;
}

int fail_to_look(const struct registering *r, int error)
{
	return fail(r->label.state.report, error, "read which sockets the label '%s' has",
		    r->label.name);
}

static int note_before(struct registering *r)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < ABI_FLOW_CLASSES; i++)
		err = slots_first(r->label.sockets, r->label.slots.slots[i], &r->before[i]);
	return err ? fail_to_look(r, err) : 0;
}

uint64_t registered_behind(const struct registering *r, unsigned int flow_class)
{
	uint64_t cookie = r->way != WAY_DECLARED && r->flow_classes >> flow_class & 1
				  ? label_registered(&r->label, flow_class)
				  : 0;

	return cookie && !is_of_group(r, cookie) ? cookie : 0;
}

/* The flow classes, as bits, in which slots of a key need spare ones: for the siblings, or for a socket that is
 * registered, also if it is drained now, and serves again as soon as the one that is put before it is gone. */
static uint8_t need_blocks(const struct registering *r, const struct abi_slot_key *key)
{
	const struct hands own = hands_of(&r->label.hands, label_hash(r->label.name));
	uint32_t needed = 0;

	if (count_siblings(r))
		return (uint8_t)r->flow_classes;
	if (r->way != WAY_OVERRIDE || key_is_declared(key))
		return 0;
	for (unsigned int i = 0; i < ABI_FLOW_CLASSES; i++)
		needed |= (uint32_t)(registered_behind(r, i) != 0) << i;
	for (size_t i = 0; i < own.count; i++)
		if (!is_of_group(r, own.all[i].key.cookie))
			needed |= own.all[i].value.registered & r->flow_classes;
	return (uint8_t)needed;
}

/* Gives the label spare slots for the siblings, in each of its keys, and for what is registered. */
static int give_blocks(struct registering *r)
{
	struct opened_label *label = &r->label;
	autofree struct label_entry *entries = NULL;
	size_t count = 0, siblings = count_siblings(r);
	int err = 0;

	if (r->way == WAY_DECLARED || (r->way == WAY_UNDECLARED && !siblings))
		return 0;
	if (!r->takes_blocks && r->way == WAY_UNDECLARED) {
		warn(label->state.report,
		     "%zu more socket%s of its SO_REUSEPORT group %s no slot: rules of an older "
		     "sklc can use one alone; when this socket is gone, nobody is served",
		     siblings, siblings == 1 ? "" : "s", siblings == 1 ? "has" : "have");
		return 0;
	}
	if (!r->takes_blocks)
		return 0;
	err = labels_read(label->state.report, label->labels, &entries, &count);
	for (size_t i = 0; !err && i < count; i++) {
		bool same = memcmp(&entries[i].key, &label->key, sizeof(label->key)) == 0;

		if (!same && (r->way == WAY_UNDECLARED ||
			      strncmp(entries[i].key.label, label->name, ABI_LABEL_KEY) != 0))
			continue;
		err = spares_add(label->state.report, label->labels, r->shared.spare_marks,
				 &entries[i].key, need_blocks(r, &entries[i].key),
				 &entries[i].slots);
		if (same)
			label->slots = entries[i].slots;
	}
	return err ? err : standing_tell_slots(&label->state, &label->standing);
}

static int put_before_declared(struct registering *r)
{
	int err = replace_noted(r);

	return err < 0 ? err : sync_standing(&r->label.state, &r->label.standing, true);
}

static int put_as_declared(struct registering *r)
{
	struct opened_label *label = &r->label;
	int err = replace_noted(r);

	if (err >= 0)
		err = sync_standing(&label->state, &label->standing, true);
	if (!err)
		err = take_out_ended(r);
	if (err > 0) /* one that is declared too gets a slot again */
		err = sync_standing(&label->state, &label->standing, true);
	if (!err && label_is_resting(label)) {
		note(label->state.report,
		     "the rules before look for the declared sockets of '%s' when they come back, "
		     "and find it then",
		     label->name);
		return 0;
	}
	for (unsigned int i = 0; !err && i < ABI_FLOW_CLASSES; i++) {
		int has = slots_have(label->sockets, label->slots.slots[i], r->cookie);

		if (has > 0)
			return 0;
		err = has ? fail_to_look(r, has) : 0;
	}
	return err ? err
		   : refuse(label->state.report, ENOSPC,
			    "the slots of the label '%s' are full of other sockets that the rules "
			    "declare for it; `sklc drain` takes one out",
			    label->name);
}

/* Plans the first slot of a flow class for the socket, and spare ones for its siblings. */
static void plan_slots(const struct registering *r, unsigned int flow_class, struct order *orders,
		       size_t *count)
{
	uint32_t word = r->label.slots.slots[flow_class], next = 1;

	orders[(*count)++] = order_to(r->cookie, word, 0, BPF_ANY);
	for (size_t i = 0; i < r->siblings.count && next < slot_count(word); i++) {
		const struct sighting *at = &r->siblings.all[i];

		if (is_sibling(r, at) && found_flow_classes(&at->found) >> flow_class & 1)
			orders[(*count)++] = order_to(at->key.cookie, word, next++, BPF_ANY);
	}
}

/* Puts the socket itself into a slot, by its descriptor: this needs no walk through the namespace's
 * sockets. */
static int put_itself(const struct registering *r, uint32_t slot, int since_map)
{
	struct since since = {.cookie = r->cookie};
	uint64_t value = (uint64_t)r->fd;
	int err = boot_time(r->label.state.report, (uint64_t *)&since.boot_time);

	if (err)
		return err;
	if (bpf_map_update_elem(r->label.sockets, &slot, &value, BPF_ANY))
		return fail(r->label.state.report, errno,
			    "put the socket behind the label '%s' (%s)", r->label.name,
			    flow_class_name(slot % ABI_FLOW_CLASSES));
	/* If that fails, the status shows no time. */
	bpf_map_update_elem(since_map, &slot, &since, BPF_ANY);
	return 0;
}

/* Where the sockets can be walked, all slots of the socket are filled at once: a process that is killed
 * leaves a dual-stack socket in those of both families, or in none. */
static int put_planned(const struct registering *r, struct order *orders, size_t count, int since)
{
	int err = r->finder
			  ? orders_carry_out(r->label.state.report, r->finder, orders, count, since)
			  : 0;

	for (size_t i = 0; !err && i < count; i++)
		if (orders[i].key.cookie == r->cookie && orders[i].value.error > 0)
			err = put_itself(r, orders[i].value.slot, since);
	return err;
}

/* Takes other sockets out of the spare slots, now that the first slot has the new one. */
static int clear_spares(const struct registering *r, uint32_t word)
{
	int err = 0;

	for (uint32_t i = 1; err >= 0 && i < slot_count(word); i++) {
		uint64_t cookie;

		err = slot_read(r->label.sockets, slot_at(word, i), &cookie);
		if (!err && cookie && !is_of_group(r, cookie))
			err = slot_clear(r->label.sockets, slot_at(word, i));
	}
	return err < 0 ? fail(r->label.state.report, err, "take a socket out of a slot") : 0;
}

static int put_undeclared(struct registering *r)
{
	size_t count = 0, most = (count_siblings(r) + 1) * ABI_FLOW_CLASSES;
	autofree struct order *orders = calloc(most, sizeof(*orders));
	struct report *report = r->label.state.report;
	autoclose int since = -1;
	int err = orders ? standing_since(&r->label.state, &since)
			 : fail(report, ENOMEM, "register the socket");
	int noted = 0;

	for (unsigned int i = 0; !err && i < ABI_FLOW_CLASSES; i++)
		if (r->flow_classes >> i & 1)
			plan_slots(r, i, orders, &count);
	if (!err)
		noted = replace_noted(r);
	if (noted < 0)
		err = noted;
	if (!err)
		err = put_planned(r, orders, count, since);
	for (unsigned int i = 0; !err && i < ABI_FLOW_CLASSES; i++)
		if (r->flow_classes >> i & 1)
			err = clear_spares(r, r->label.slots.slots[i]);
	if (!err)
		err = take_out_ended(r);
	if (err > 0) /* one that the rules before a trial declare gets a slot there again */
		err = sync_standing(&r->label.state, &r->label.standing, true);
	else if (!err && noted)
		err = by_hand_settle(&r->label.state);
	return err;
}

static int put(struct registering *r)
{
	switch (r->way) {
	case WAY_DECLARED:
		return put_as_declared(r);
	case WAY_OVERRIDE:
		return put_before_declared(r);
	default:
		return put_undeclared(r);
	}
}

static int run(struct registering *r, FILE *out)
{
	int err;

	r->fd = socket_from_process(r->label.state.report, r->pid, r->fd);
	err = r->fd < 0 ? r->fd : read_socket(r);
	if (!err)
		err = read_label(r);
	if (!err)
		err = choose_way(r);
	if (err)
		return err;
	find_siblings(r);
	err = note_before(r);
	if (!err)
		err = label_begin(&r->label);
	if (err)
		return err;
	err = give_blocks(r);
	if (!err)
		err = put(r);
	if (!err)
		err = registered_members(r);
	if (!err)
		err = registered_print(r, out);
	if (err)
		return label_undo(&r->label, err);
	warn_unneeded(r);
	registered_warn_of_room(r);
	return 0;
}

int runtime_register(const char *name, pid_t pid, int fd, const struct runtime_options *options,
		     FILE *out)
{
	struct registering r = {.pid = pid, .fd = fd, .shared = {-1, -1}};
	int err = label_open(name, options, &r.label);

	if (err)
		return err;
	r.shared.sockets = r.label.sockets;
	err = standing_spare_marks(&r.label.state, &r.shared.spare_marks);
	if (!err)
		err = run(&r, out);
	else
		r.fd = -1;
	find_close(r.finder);
	close_fd(&r.fd);
	close_fd(&r.shared.spare_marks);
	label_close(&r.label);
	return err;
}
