/* Prepares the new rules while the old ones are in force, switches by one update of the link, and
 * cleans up. Before the switch, a failure or the end of the process leaves only leftovers, which
 * standing_settle removes. After the switch the new rules are in force, whatever happens. */
#include "transaction.h"

#include "trial.h"

#include "runtime/base/fail.h"
#include "runtime/base/signals.h"
#include "runtime/kernel/clock.h"
#include "runtime/kernel/user.h"
#include "runtime/problems/problems.h"
#include "runtime/runtime.h"
#include "runtime/sockets/sockets.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { EMPTY_LABELS_SHOWN = 20 };

/* Finds the flow classes, as bits, in which rules redirect to a label that has no socket for them. */
static int find_empty(const struct transaction *t, uint32_t label, uint32_t *empty)
{
	*empty = 0;
	for (unsigned int flow_class = 0; flow_class < ABI_FLOW_CLASSES; flow_class++) {
		int is_empty;

		if (!(t->object->labels[label].flow_classes & 1u << flow_class))
			continue;
		is_empty = slots_empty(t->shared.sockets, t->host.slots[label].slots[flow_class]);
		if (is_empty < 0)
			return fail(t->options->report, is_empty,
				    "read whether the label '%s' has a socket",
				    object_label(t->object, label));
		*empty |= (uint32_t)is_empty << flow_class;
	}
	return 0;
}

/* Of these flow classes of a label, those that no other warning tells of: without its declarations'
 * own, unless their sockets are drained. */
static uint32_t untold(const struct transaction *t, uint32_t label, uint32_t flow_classes,
		       uint32_t covered)
{
	struct hands own = hands_of(&t->hands, label_hash(object_label(t->object, label)));

	for (size_t i = 0; i < own.count; i++)
		if (own.all[i].value.flags & HAND_DRAINED)
			covered &= ~(uint32_t)own.all[i].value.flow_classes;
	return flow_classes & ~covered;
}

/* Says of each empty label what it lacks: a warning, or a note to the error to come. */
static int report_empty(const struct transaction *t, const uint32_t *covered, uint32_t *count)
{
	bool required = t->options->require_sockets;
	char lacking[FLOW_CLASSES_TEXT_MAX];
	uint32_t empty;

	*count = 0;
	for (uint32_t i = 0; i < t->object->header.label_count; i++) {
		int err = find_empty(t, i, &empty);

		if (err)
			return err;
		if (!required)
			empty = untold(t, i, empty, covered[i]);
		if (!flow_classes_text(empty, lacking) || (*count)++ >= EMPTY_LABELS_SHOWN)
			continue;
		if (!t->options->quiet || required)
			(required ? note : warn)(t->options->report,
						 "the label '%s' has no socket for %s",
						 object_label(t->object, i), lacking);
	}
	return 0;
}

static int check_sockets(const struct transaction *t)
{
	bool required = t->options->require_sockets;
	autofree uint32_t *covered = problems_covered(t->options->report, t->object);
	uint32_t empty = 0;
	int err = covered ? report_empty(t, covered, &empty) : -ENOMEM;

	if (err)
		return err;
	if ((!t->options->quiet || required) && empty > EMPTY_LABELS_SHOWN)
		(required ? note : warn)(
			t->options->report,
			"%u more labels have no socket for packets that the rules give them",
			empty - EMPTY_LABELS_SHOWN);
	if (empty && required)
		return refuse(t->options->report, RUNTIME_SOCKET_MISSING,
			      "%u %s without a socket, and all are required; nothing was changed",
			      empty, empty == 1 ? "label is" : "labels are");
	return 0;
}

static int load(const struct transaction *t, struct loaded *loaded)
{
	const struct load_options options = {.verbose = t->options->verbose,
					     .guarded = t->record.guarded};

	return load_object(t->object, &t->host, &t->shared, &options, loaded);
}

/* The previous rules lose their slots only for a program that the kernel takes, so where room is
 * lacking it is loaded once before it knows its slots. */
static int make_room(struct transaction *t)
{
	struct loaded tried = LOADED_NONE;
	struct excess excess;
	int err = labels_excess(t->labels, t->object, t->keys, &t->hands, &excess);

	if (err || (!excess.keys && !excess.flow_classes))
		return err;
	err = load(t, &tried);
	loaded_close(&tried);
	if (err)
		return err;
	return standing_make_room(t->state, t->standing, t->keys, t->object->header.label_count,
				  excess.keys);
}

/* Gives slots to those labels that have none yet for what they declare. */
static int assign_slots(struct transaction *t)
{
	int err = declarations_read(t->object, t->numbers.all, host_users(t->object, &t->numbers),
				    &t->declarations);

	if (!err)
		err = label_keys(t->object, &t->declarations, &t->keys);
	if (!err)
		err = make_room(t);
	if (!err)
		err = labels_assign(t->labels, t->shared.spare_marks, t->object, t->keys, &t->hands,
				    t->host.slots);
	return err ? err : declarations_place(t->object, t->host.slots, &t->declarations);
}

static int load_new(struct transaction *t)
{
	int err = standing_prepare(t->state, &t->shared, &t->labels);

	if (!err)
		err = standing_since(t->state, &t->since);
	if (!err)
		err = standing_hands(t->state, &t->hands);
	if (!err)
		err = assign_slots(t);
	if (!err && t->declarations.count)
		err = declared_maps_create(&t->declarations, &t->declared);
	if (!err)
		err = load(t, &t->loaded);
	return err;
}

/* The program on the link; -1 if there is no link. */
static int open_current(const struct transaction *t, int *program)
{
	if (t->standing->link < 0)
		return 0;
	return generation_open_program(t->state, t->standing->current, ABI_PIN_PROGRAM, program);
}

static int prepare_trial(struct transaction *t, int current)
{
	int err;

	if (!t->confirm_seconds)
		return 0;
	err = boot_time(t->options->report, &t->record.trial_deadline);
	if (err)
		return err;
	t->record.trial_deadline += t->confirm_seconds * UINT64_C(1000000000);
	err = trial_create(t->options->report, current, t->loaded.program, t->record.trial_deadline,
			   &t->trial);
	if (err)
		return err;
	t->record.trial_program = program_id(t->trial.program);
	return t->record.trial_program ? 0
				       : fail(t->options->report, errno,
					      "ask for the number of the trial's program");
}

static int pin_new(struct transaction *t, int current)
{
	const struct generation_parts parts = {
		.record = &t->record,
		.object = t->object,
		.keys = t->keys,
		.loaded = &t->loaded,
		.numbers = &t->numbers,
		.declared = &t->declared,
		.trial = t->confirm_seconds ? &t->trial : NULL,
	};
	int err;

	t->record.program = program_id(t->loaded.program);
	if (!t->record.program)
		return fail(t->options->report, errno, "ask for the program's number");
	t->record.previous = t->standing->current;
	t->record.same_as = t->same_as;
	t->record.user = login_user();
	t->record.applied = real_time() / 1000000000;
	t->record.rules = (uint32_t)t->object->rule_count;
	t->record.labels = t->object->header.label_count;
	t->record.sockets = (uint32_t)t->object->socket_count;
	err = prepare_trial(t, current);
	if (!err)
		err = generation_number(t->state, &t->record.generation);
	return err ? err : generation_pin(t->state, &parts);
}

/* What came before may have taken long: it waits for locks. */
static int check_trial_lasts(const struct transaction *t)
{
	uint64_t now;
	int err = t->confirm_seconds ? boot_time(t->options->report, &now) : 0;

	if (err || !t->confirm_seconds || now < t->record.trial_deadline)
		return err;
	return refuse(t->options->report, ETIME,
		      "the trial of %" PRIu32
		      " second%s would be over before it begins: to prepare "
		      "the rules took longer; nothing was changed",
		      t->confirm_seconds, t->confirm_seconds == 1 ? "" : "s");
}

/* Puts the new program on the link: from then on the new rules decide. If a new link cannot be
 * pinned, closing its descriptor detaches it. */
static int swap(const struct transaction *t, int current)
{
	int program = t->confirm_seconds ? t->trial.program : t->loaded.program;
	autoclose int link = -1;
	int err;

	if (t->standing->link >= 0)
		return attach_update(t->options->report, t->standing->link, program, current);
	link = attach_create(&t->state->netns, program);
	if (link < 0)
		return link;
	err = pin_put(t->state->folder, ABI_PIN_LINK, link);
	return err ? fail(t->options->report, err, "keep the link in '%s'", t->state->path) : 0;
}

static int report_problems(const struct transaction *t)
{
	autofree uint64_t *present = NULL;
	struct inspection inspected = {
		.object = t->object,
		.declarations = &t->declarations,
		.sightings = find_sightings(t->finder),
		.slots = t->host.slots,
		.netns = &t->state->netns,
		.hands = &t->hands,
	};
	int err = slots_look(t->object->report, t->shared.sockets, t->host.slots,
			     t->object->header.label_count, &present);

	inspected.present = present;
	return err ? err : problems_warn(&inspected);
}

/* Starts the follower before the search, so that neither misses a socket that starts to listen
 * meanwhile. Where the old rules have the same slots, they declare the same; so the slots can be
 * filled before the switch, for both. */
static int find_sockets(struct transaction *t)
{
	int err = by_hand_settle(t->state);

	hands_free(&t->hands); /* those of sockets that died are gone now */
	if (!err)
		err = standing_hands(t->state, &t->hands);
	if (!err && t->declarations.count)
		err = follow_also(t->state, t->standing, &t->declared);
	if (!err && t->declarations.count)
		err = find_open(&t->state->netns, &t->declared, &t->shared, &t->finder);
	if (!err && t->finder)
		err = fill_slots(t->finder, &t->declarations, &t->hands, t->shared.sockets,
				 t->since);
	if (!err && t->finder && !t->options->quiet)
		err = report_problems(t);
	return err ? err : check_sockets(t);
}

/* Finds out what the object is, and the numbers of this host that it stands for. */
static int identify(struct transaction *t)
{
	int err = object_hash(t->object, &t->record.hash);

	t->record.guarded = t->guarded || t->options->guarded;
	if (!err)
		err = host_new(t->object, &t->host);
	if (!err)
		err = host_find_interfaces(t->object, &t->state->netns, t->strict, &t->host);
	return err ? err : host_numbers_read(t->object, t->host.interfaces, &t->numbers);
}

/* Compares the object with the one that decides now. */
static int find_unchanged(struct transaction *t)
{
	struct generation current;
	int err, same;

	if (t->standing->link < 0)
		return 0;
	err = generation_require(t->state, t->standing->current, &current);
	if (err)
		return err;
	same = memcmp(current.record.hash.identity, t->record.hash.identity,
		      sizeof(t->record.hash.identity)) == 0
		       ? generation_has_numbers(&current, &t->numbers)
		       : 0;
	t->unchanged = same > 0;
	if (t->unchanged)
		t->record = current.record;
	generation_close(&current);
	return same < 0 ? same : 0;
}

/* Instead of an apply of what decides already. */
static int stay(struct transaction *t)
{
	int err = sync_all(t->state, t->standing, t->options->quiet);

	if (!err)
		err = standing_hands(t->state, &t->hands);
	if (!err)
		err = standing_maps(t->state, &t->shared.sockets, &t->labels);
	if (!err)
		err = generation_slots(t->state, t->standing->current, t->labels, t->object,
				       t->host.slots);
	if (!err)
		err = check_sockets(t);
	if (!err && t->confirm_seconds)
		err = untried_note(t->state);
	return err;
}

static int run_held(struct transaction *t)
{
	autoclose int current = -1;
	int err = identify(t);

	if (!err)
		err = find_unchanged(t);
	if (!err && t->unchanged)
		return stay(t);
	if (!err && t->confirm_seconds)
		err = standing_follow_interfaces(t->state, t->standing);
	if (!err)
		err = load_new(t);
	if (!err)
		err = open_current(t, &current);
	if (!err)
		err = pin_new(t, current);
	if (!err)
		err = find_sockets(t);
	if (!err && signals_came())
		err = refuse(t->options->report, EINTR, "interrupted; nothing was changed");
	if (!err) /* as late as can be, since to load and to search may take long */
		err = generation_follow_interfaces(t->state, t->record.generation, t->object);
	if (!err)
		err = check_trial_lasts(t);
	if (!err)
		err = generation_give_number(t->state, t->record.generation);
	if (!err)
		err = swap(t, current);
	return err;
}

static void close_transaction(struct transaction *t)
{
	trial_close(&t->trial);
	find_close(t->finder);
	hands_free(&t->hands);
	declared_maps_close(&t->declared);
	declarations_free(&t->declarations);
	free(t->keys);
	close_fd(&t->since);
	loaded_close(&t->loaded);
	host_numbers_free(&t->numbers);
	host_free(&t->host);
	close_fd(&t->shared.sockets);
	close_fd(&t->shared.spare_marks);
	close_fd(&t->labels);
}

int transaction_run(struct transaction *t)
{
	struct held_signals held;
	int err;

	t->declarations = (struct declarations){0};
	t->declared = (struct declared_maps){-1, -1};
	t->finder = NULL;
	t->hands = (struct hands){0};
	t->keys = NULL;
	t->since = -1;
	t->loaded = LOADED_NONE;
	t->trial = (struct trial){-1, -1};
	t->record = (struct record){0};
	t->unchanged = false;
	t->host = (struct host){0};
	t->numbers = (struct host_numbers){0};
	t->shared = (struct shared_maps){-1, -1};
	t->labels = -1;
	signals_hold(&held);
	err = run_held(t);
	close_transaction(t);
	standing_close(t->standing);
	if (err)
		standing_settle(t->state, t->standing);
	else
		standing_settle_behind(t->state, t->standing,
				       t->unchanged ? "the rules are unchanged"
						    : "the new rules are in force");
	if (err)
		signals_release(&held);
	return err;
}
