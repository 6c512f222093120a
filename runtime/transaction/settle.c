/* Brings the state's folder in line with the program on the link. The process may be killed after
 * any action; then the next command does all of them again. Their order is such that this loses
 * nothing. */
#include "transaction.h"

#include "compiler/base/lower_bound.h"
#include "runtime/base/fail.h"
#include "runtime/sockets/sockets.h"

#include <errno.h>
#include <string.h>

/* The generations whose labels have slots. */
struct kept {
	uint32_t ids[4];
	size_t count;
};

static void keep(struct kept *kept, uint32_t id)
{
	if (id)
		kept->ids[kept->count++] = id;
}

/* During a trial, also keeps the generation before the previous one: if the trial fails, that is
 * what a rollback goes back to. */
static int find_kept(const struct state *state, const struct standing *standing, struct kept *kept)
{
	struct generation previous;
	int err;

	*kept = (struct kept){.count = 0};
	keep(kept, standing->current);
	keep(kept, standing->previous);
	if (standing->trial != TRIAL_RUNNING || !standing->previous)
		return 0;
	err = generation_require(state, standing->previous, &previous);
	if (err)
		return err;
	keep(kept, previous.record.previous);
	generation_close(&previous);
	return 0;
}

static int take_off(const struct state *state, const struct standing *standing)
{
	int err = attach_detach(state->report, standing->link);

	if (err)
		return err;
	err = pin_remove(state->folder, ABI_PIN_LINK);
	return err ? fail(state->report, err, "remove '%s/%s'", state->path, ABI_PIN_LINK) : 0;
}

int standing_leave_trial(const struct state *state, const struct standing *standing, uint32_t id)
{
	autoclose int trial = -1, program = -1;
	int err = generation_open_program(state, standing->tried, PIN_TRIAL, &trial);

	if (!err)
		err = generation_open_program(state, id, ABI_PIN_PROGRAM, &program);
	return err ? err : attach_update(state->report, standing->link, program, trial);
}

/* Puts the program of the rules before back on the link; if there were none, removes the link. */
static int leave_trial(const struct state *state, const struct standing *standing)
{
	uint32_t before = standing->trial == TRIAL_RUNNING ? standing->previous : standing->current;

	return before ? standing_leave_trial(state, standing, before) : take_off(state, standing);
}

/* Keys of slots, sorted by sort_keys. */
struct keys {
	struct abi_slot_key *all;
	size_t count;
};

static int compare_keys(const void *left, const void *right)
{
	return memcmp(left, right, sizeof(struct abi_slot_key));
}

static bool has_key(const struct keys *keys, const struct abi_slot_key *key)
{
	return keys->count &&
	       bsearch(key, keys->all, keys->count, sizeof(*key), compare_keys) != NULL;
}

static void sort_keys(struct keys *keys)
{
	if (keys->count)
		qsort(keys->all, keys->count, sizeof(*keys->all), compare_keys);
}

static int add_keys(struct report *report, const struct abi_slot_key *added, size_t count,
		    struct keys *keys)
{
	struct abi_slot_key *more = reallocarray(keys->all, keys->count + count + 1, sizeof(*more));

	if (!more)
		return fail(report, ENOMEM, "read the labels");
	memcpy(more + keys->count, added, count * sizeof(*more));
	keys->all = more;
	keys->count += count;
	return 0;
}

static int add_keys_of(const struct state *state, uint32_t id, struct keys *keys)
{
	autofree struct abi_slot_key *added = NULL;
	size_t count;
	int err = generation_keys(state, id, &added, &count);

	return err || !count ? err : add_keys(state->report, added, count, keys);
}

/* Whether one of the keys is of the label, whatever it declares. */
static bool names_label(const struct keys *keys, const char *label)
{
	size_t first = LOWER_BOUND(i, 0, keys->count,
				   memcmp(keys->all[i].label, label, ABI_LABEL_KEY) >= 0);

	return first < keys->count && memcmp(keys->all[first].label, label, ABI_LABEL_KEY) == 0;
}

/* Whether the slots are of what was registered by hand for a label that declared nothing then, and
 * that the rules still name: when they declare nothing again, that socket serves again, unless it is
 * drained. 1: yes; 0; -errno after a message. */
static int is_registered(struct report *report, const struct keys *keys, const struct hands *hands,
			 int sockets, const struct label_entry *entry)
{
	struct hands own;
	int is_empty = 1;

	if (key_is_declared(&entry->key) || !names_label(keys, entry->key.label))
		return 0;
	own = hands_of(hands, label_hash(entry->key.label));
	for (size_t i = 0; i < own.count; i++)
		if (own.all[i].value.registered)
			return 1;
	for (unsigned int i = 0; is_empty == 1 && i < ABI_FLOW_CLASSES; i++)
		is_empty = slots_empty(sockets, entry->slots.slots[i]);
	return is_empty < 0 ? fail(report, is_empty, "look for sockets of the label '%s'",
				   entry->key.label)
			    : !is_empty;
}

/* Marks the slots that stay: those of KEYS, and those of registered sockets. Sets STAYS[entry]. */
static int mark_stays(struct report *report, const struct keys *keys, const struct hands *hands,
		      int sockets, const struct label_entry *entries, size_t count, bool *stays,
		      bool *used)
{
	for (size_t i = 0; i < count; i++) {
		int registered = has_key(keys, &entries[i].key)
					 ? 1
					 : is_registered(report, keys, hands, sockets, &entries[i]);

		if (registered < 0)
			return registered;
		stays[i] = registered;
		if (registered)
			slots_mark(&entries[i].slots, used);
	}
	return 0;
}

/* Frees the slots of all keys but KEYS. Two keys can have the same slots, which
 * are free only when both keys are gone. */
static int drop_others(struct report *report, const struct keys *keys, const struct hands *hands,
		       int sockets, int map)
{
	autofree struct label_entry *entries = NULL;
	autofree bool *used = calloc(ABI_SOCKETS_MAX, sizeof(*used));
	autofree bool *stays = NULL;
	bool waited = false;
	size_t count = 0;
	int err = used ? labels_read(report, map, &entries, &count)
		       : fail(report, ENOMEM, "read the labels");

	stays = err ? NULL : calloc(count + 1, sizeof(*stays));
	if (!err)
		err = stays ? mark_stays(report, keys, hands, sockets, entries, count, stays, used)
			    : fail(report, ENOMEM, "read the labels");
	for (size_t i = 0; !err && i < count; i++) {
		if (stays[i])
			continue;
		if (!waited)
			wait_for_programs();
		waited = true;
		err = labels_drop(report, map, sockets, &entries[i], used);
	}
	return err;
}

static int keep_slots_of(const struct state *state, const struct keys *keys)
{
	autoclose int sockets = -1, map = -1;
	struct hands hands = {0};
	int err = standing_maps(state, &sockets, &map);

	if (!err)
		err = standing_hands(state, &hands);
	if (!err)
		err = drop_others(state->report, keys, &hands, sockets, map);
	hands_free(&hands);
	return err;
}

/* Frees the slots of all keys that no kept generation has. */
static int clear_slots(const struct state *state, const struct kept *kept)
{
	struct keys keys = {0};
	int err = 0;

	for (size_t i = 0; !err && i < kept->count; i++)
		err = add_keys_of(state, kept->ids[i], &keys);
	sort_keys(&keys);
	if (!err)
		err = keep_slots_of(state, &keys);
	free(keys.all);
	return err;
}

/* Without a link, everything in the folder is a leftover, also the pin of a severed link. */
static int settle_nothing(const struct state *state)
{
	autoclose int link = pin_get(state->folder, ABI_PIN_LINK);
	int err;

	err = follow_forget(state->report, state->root, state->netns.cookie);
	if (!err)
		err = folder_clear(state->report, state->folder);
	if (!err && link >= 0)
		warn(state->report,
		     "the rules of %s were detached and their state was left, by somebody else or "
		     "by a `sklc detach` that could not finish; it is cleared now",
		     state->netns.words);
	return err;
}

static int settle_applied(const struct state *state, struct standing *standing)
{
	struct kept kept;
	int err = find_kept(state, standing, &kept);

	/* Folding reads the counters of a trial and of the previous generation. While a trial runs,
	 * they still change. */
	if (!err && standing->trial == TRIAL_NONE)
		err = counters_fold(state, standing->current);
	if (!err)
		err = standing_tell_slots(state, standing);
	if (!err)
		err = by_hand_clear(state);
	if (!err)
		err = follow_standing(state, standing, &standing->unfollowed);
	if (!err)
		err = clear_slots(state, &kept);
	if (!err)
		err = lives_settle(state, standing);
	if (!err)
		err = part_slots(state, standing);
	return err;
}

static int read_again(const struct state *state, struct standing *standing)
{
	standing_close(standing);
	return standing_read(state, standing);
}

/* How many keys the previous generation has that are not among KEYS and have slots: they may have been
 * given up before. */
static int count_previous(const struct state *state, const struct standing *standing,
			  const struct keys *keys, size_t *count)
{
	autoclose int sockets = -1, map = -1;
	struct abi_label_slots slots;
	struct keys previous = {0};
	int err = standing_maps(state, &sockets, &map);

	if (!err)
		err = add_keys_of(state, standing->previous, &previous);
	*count = 0;
	for (size_t i = 0; !err && i < previous.count; i++) {
		int found = has_key(keys, &previous.all[i])
				    ? -ENOENT
				    : labels_find(map, &previous.all[i], &slots);

		if (found && found != -ENOENT)
			err = fail(state->report, found, "read the label '%s'",
				   previous.all[i].label);
		*count += !found;
	}
	free(previous.all);
	return err;
}

static int give_up_previous(const struct state *state, const struct standing *standing,
			    const struct keys *keys)
{
	int err = keep_slots_of(state, keys);

	if (!err)
		warn(state->report,
		     "the labels of generation %u lost their slots, to make room: a rollback to it "
		     "has to find room again",
		     standing->previous);
	return err;
}

int standing_make_room(const struct state *state, const struct standing *standing,
		       const struct abi_slot_key *wanted, size_t wanted_count, size_t lacking)
{
	struct keys keys = {0};
	size_t count = 0;
	int err = 0;

	if (!standing->previous)
		return 0;
	err = add_keys_of(state, standing->current, &keys);
	if (!err)
		err = add_keys(state->report, wanted, wanted_count, &keys);
	sort_keys(&keys);
	if (!err)
		err = count_previous(state, standing, &keys, &count);
	if (!err && count && count >= lacking)
		err = give_up_previous(state, standing, &keys);
	free(keys.all);
	return err;
}

/* What holds after a trial; BEFORE is the generation before it, 0: there was none. */
static const char *words_after_trial(uint32_t before)
{
	return before ? "the rules before are back" : "no rules are applied, as before";
}

int standing_end_trial(const struct state *state, struct standing *standing)
{
	const char *done = words_after_trial(standing->previous);
	int err = leave_trial(state, standing);

	standing_close(standing);
	if (!err)
		standing_settle_behind(state, standing, done);
	return err;
}

void standing_settle_behind(const struct state *state, struct standing *standing, const char *done)
{
	struct state mild_state = *state;
	struct mild_report mild;

	report_mildly(&mild, state->report);
	mild_state.report = mild_state.netns.report = &mild.report;
	if (standing_settle(&mild_state, standing))
		warn(state->report, "%s; the next sklc command clears up behind them", done);
}

int standing_settle(const struct state *state, struct standing *standing)
{
	int err;

	*standing = (struct standing){.link = -1};
	if (state->folder < 0)
		return 0;
	err = state_migrate(state);
	if (!err)
		err = standing_read(state, standing);
	if (!err && standing->link >= 0)
		err = lives_check(state, standing);
	if (!err && standing->trial == TRIAL_OVER) {
		note(state->report, "the trial of generation %u was not confirmed in time: %s",
		     standing->tried, words_after_trial(standing->current));
		err = leave_trial(state, standing);
		if (!err)
			err = read_again(state, standing);
		standing->trial_settled = !err;
	}
	if (!err)
		err = standing->link < 0 ? settle_nothing(state) : settle_applied(state, standing);
	if (err)
		standing_close(standing);
	return err;
}

int standing_begin(const struct state *state, struct standing *standing)
{
	int err = standing_settle(state, standing);

	if (!err)
		follow_warn(state->report, standing->unfollowed);
	return err;
}
