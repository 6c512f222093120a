/* Finds the phase of each generation, and brings its folder to what the table says. */
#include "life.h"

#include "state.h"
#include "store.h"

#include "runtime/base/entries.h"
#include "runtime/base/fail.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum presence { MUST, MADE, MAY, NEVER };

struct pin_life {
	const char *name;
	enum presence in[PHASE_OLDER + 1];
};

static const struct pin_life pins[] = {
#define PIN_LIFE(name, in_new, on_trial, current, previous, older)                                 \
	{name, {in_new, on_trial, current, previous, older}},
	LIFE(PIN_LIFE)
#undef PIN_LIFE
};

enum { PINS = sizeof(pins) / sizeof(pins[0]) };
_Static_assert(PINS <= 32, "a record has a bit for each pin");

static const char *const namespace_pins[] = {
#define NAME(name) name,
	NAMESPACE_PINS(NAME)
#undef NAME
};

enum { NAMESPACE_PIN_COUNT = sizeof(namespace_pins) / sizeof(namespace_pins[0]) };

static bool is_never(const char *name, enum phase phase)
{
	for (size_t i = 0; i < PINS; i++)
		if (strcmp(pins[i].name, name) == 0)
			return pins[i].in[phase] == NEVER;
	return false;
}

/* The phase of the generation that one of this phase replaced. */
static enum phase phase_before(enum phase phase)
{
	return phase == PHASE_OLDER ? PHASE_OLDER : phase + 1;
}

/* The generations before what is in force have smaller numbers; what has a larger one was never in
 * force, or on a trial that is over. Each says which one it replaced; all others are older ones. */
static int add_lives(const struct state *state, const uint32_t *ids, size_t count, uint32_t newest,
		     enum phase phase, struct lives *lives)
{
	uint32_t next = newest;

	for (size_t i = 0; i < count && lives->count < LIVES_MAX; i++) {
		struct generation generation;
		int err = ids[i] <= newest ? generation_open(state, ids[i], &generation) : -ENOENT;

		if (err == -ENOENT)
			continue;
		if (err)
			return err;
		lives->all[lives->count++] = (struct life){
			.record = generation.record, .phase = ids[i] == next ? phase : PHASE_OLDER};
		if (ids[i] == next) {
			next = generation.record.previous;
			phase = phase_before(phase);
		}
		generation_close(&generation);
	}
	return 0;
}

int lives_read(const struct state *state, const struct standing *standing, struct lives *lives)
{
	bool running = standing->trial == TRIAL_RUNNING;
	uint32_t newest = running ? standing->tried : standing->current;
	autofree uint32_t *ids = NULL;
	size_t count;
	int err;

	lives->count = 0;
	if (!newest)
		return 0;
	err = generation_list(state, &ids, &count);
	return err ? err
		   : add_lives(state, ids, count, newest, running ? PHASE_TRIAL : PHASE_CURRENT,
			       lives);
}

int refuse_missing(const struct state *state, const char *below, const char *pin)
{
	return refuse(
		state->report, ESTALE,
		"'%s%s%s/%s' is missing, which sklc never removes while it is needed: nothing "
		"was changed; the rules stay on the hook until `sklc detach`, which clears all "
		"that is left of them, so that they can be applied again",
		state->path, *below ? "/" : "", below, pin);
}

static int see_pin(const char *name, void *argument)
{
	uint32_t *seen = argument;

	for (size_t i = 0; i < PINS; i++)
		if (strcmp(pins[i].name, name) == 0)
			*seen |= UINT32_C(1) << i;
	return 0;
}

int generation_pins(int folder, uint32_t *seen)
{
	*seen = 0;
	return entries_each(folder, see_pin, seen);
}

static bool has_pin(uint32_t seen, const char *name)
{
	for (size_t i = 0; i < PINS; i++)
		if (strcmp(pins[i].name, name) == 0)
			return seen >> i & 1;
	return false;
}

static int see_namespace_pin(const char *name, void *argument)
{
	bool *seen = argument;

	for (size_t i = 0; i < NAMESPACE_PIN_COUNT; i++)
		seen[i] = seen[i] || strcmp(namespace_pins[i], name) == 0;
	return 0;
}

static int check_namespace(const struct state *state)
{
	bool seen[NAMESPACE_PIN_COUNT] = {false};
	int err = entries_each(state->folder, see_namespace_pin, seen);

	if (err)
		return fail(state->report, err, "read the folder '%s'", state->path);
	for (size_t i = 0; i < NAMESPACE_PIN_COUNT; i++)
		if (!seen[i])
			return refuse_missing(state, "", namespace_pins[i]);
	return 0;
}

/* Checks a generation that was opened. *SEEN become its pins. */
static int check_pins(const struct state *state, const struct generation *generation,
		      enum phase phase, uint32_t *seen)
{
	char name[GENERATION_FOLDER_MAX];
	int err = generation_pins(generation->folder, seen);

	generation_folder_name(name, generation->record.generation);
	if (err)
		return fail(state->report, err, "read the folder '%s/%s'", state->path, name);
	for (size_t i = 0; i < PINS; i++) {
		enum presence presence = pins[i].in[phase];

		if (presence == MADE)
			presence = generation->record.pins >> i & 1 ? MUST : MAY;
		if (presence == MUST && !(*seen >> i & 1))
			return refuse_missing(state, name, pins[i].name);
	}
	return 0;
}

/* Older generations are only kept to be looked at and applied again, so without the object there is
 * nothing to keep. */
static int check_older(const struct state *state, uint32_t id)
{
	struct generation generation;
	uint32_t seen;
	int err = generation_open(state, id, &generation);

	if (err)
		return err == -ENOENT ? 0 : err;
	err = check_pins(state, &generation, PHASE_OLDER, &seen);
	generation_close(&generation);
	return err;
}

/* Settling writes the base of a generation before it takes the program from the one before. */
static int check_base(const struct state *state, uint32_t id, uint32_t seen, uint32_t seen_before)
{
	char name[GENERATION_FOLDER_MAX];

	if (!id || has_pin(seen, PIN_BASE) || has_pin(seen_before, ABI_PIN_PROGRAM))
		return 0;
	generation_folder_name(name, id);
	return refuse_missing(state, name, PIN_BASE);
}

int lives_check(const struct state *state, const struct standing *standing)
{
	bool tried = standing->trial != TRIAL_NONE;
	uint32_t id = tried ? standing->tried : standing->current, oldest = id, current = 0;
	uint32_t seen = 0, seen_current = 0;
	autofree uint32_t *ids = NULL;
	size_t count = 0;
	int err = check_namespace(state);

	for (enum phase phase = tried ? PHASE_TRIAL : PHASE_CURRENT;
	     !err && id && phase <= PHASE_PREVIOUS; phase++) {
		struct generation generation;

		err = generation_require(state, id, &generation);
		if (err)
			break;
		err = check_pins(state, &generation, phase, &seen);
		if (!err && phase == PHASE_PREVIOUS)
			err = check_base(state, current, seen_current, seen);
		current = id;
		seen_current = seen;
		oldest = id;
		id = generation.record.previous;
		generation_close(&generation);
	}
	if (!err)
		err = generation_list(state, &ids, &count);
	for (size_t i = 0; !err && i < count; i++)
		if (ids[i] < oldest)
			err = check_older(state, ids[i]);
	return err;
}

struct clearing {
	struct report *report;
	int folder;
	enum phase phase; /* for clear_never */
	bool told;        /* the error was reported */
};

static int clear_never(const char *name, void *argument)
{
	struct clearing *clearing = argument;

	if (!is_never(name, clearing->phase) || unlinkat(clearing->folder, name, 0) == 0 ||
	    errno == ENOENT)
		return 0;
	clearing->told = true;
	return fail(clearing->report, errno, "remove the pin '%s'", name);
}

/* Replaces the stored object by one with the tables in it, by a rename. *SIZE becomes its size. */
static int store_whole(const struct generation *generation, size_t *size)
{
	struct applied applied;
	autofree void *bytes = NULL;
	autoclose int map = -1;
	int err = generation_read(generation, &applied);

	if (err)
		return err;
	err = store_pack(&applied.object, false, &bytes, size);
	applied_free(&applied);
	if (err)
		return err;
	map = blob_create(ABI_PIN_OBJECT, bytes, *size);
	err = map < 0 ? map : pin_remove(generation->folder, PIN_NEW_OBJECT);
	if (!err)
		err = pin_put(generation->folder, PIN_NEW_OBJECT, map);
	if (!err &&
	    renameat(generation->folder, PIN_NEW_OBJECT, generation->folder, ABI_PIN_OBJECT))
		err = -errno;
	return err ? fail(generation->report, err, "keep generation %" PRIu32,
			  generation->record.generation)
		   : 0;
}

/* A trial's program that still runs needs the map of programs, which the kernel empties when its pin
 * goes: the packet that it looks at would then be for neither of the two programs. */
static void let_trial_end(int folder)
{
	autoclose int choices = pin_get(folder, PIN_CHOICES);

	if (choices != -ENOENT)
		wait_for_programs();
}

/* Brings a folder to its phase. *BYTES becomes the size of its stored object. */
static int enter_phase(const struct generation *generation, enum phase phase, size_t *bytes)
{
	struct clearing clearing = {generation->report, generation->folder, phase, false};
	struct blob blob;
	int err = blob_get(generation->folder, ABI_PIN_OBJECT, &blob);
	bool apart;

	if (err)
		return fail(generation->report, err, "read the object of generation %" PRIu32,
			    generation->record.generation);
	*bytes = blob.size;
	apart = store_is_apart(blob.bytes, blob.size);
	blob_close(&blob);
	err = apart && is_never(PIN_TABLES, phase) ? store_whole(generation, bytes) : 0;
	if (err)
		return err;
	if (is_never(PIN_CHOICES, phase))
		let_trial_end(generation->folder);
	err = entries_each(generation->folder, clear_never, &clearing);
	return err && !clearing.told ? fail(generation->report, err, "read a folder of the state")
				     : err;
}

static int settle_life(const struct state *state, const struct life *life, size_t *bytes)
{
	struct generation generation;
	int err = generation_require(state, life->record.generation, &generation);

	if (err)
		return err;
	err = enter_phase(&generation, life->phase, bytes);
	generation_close(&generation);
	return err;
}

/* The oldest other generation with the rules of this one; the index itself: there is none. */
static size_t find_twin(const struct lives *lives, size_t index)
{
	const struct object_hash *hash = &lives->all[index].record.hash;

	for (size_t i = lives->count; i-- > 0;)
		if (i != index && memcmp(lives->all[i].record.hash.content, hash->content,
					 sizeof(hash->content)) == 0)
			return i;
	return index;
}

/* The older generation that is needed least: the oldest one that has the rules of a still older one;
 * else the oldest one whose rules a newer one has; else the oldest. So rollbacks back and forth do not
 * push other rules out, and what a copy is said to be a copy of stays. */
static size_t find_needless(const struct lives *lives)
{
	size_t needless = lives->count;

	for (size_t i = lives->count; i-- > 0;) {
		size_t twin = find_twin(lives, i);

		if (lives->all[i].phase != PHASE_OLDER || twin == i)
			continue;
		if (twin > i)
			return i;
		if (needless == lives->count)
			needless = i;
	}
	return needless < lives->count ? needless : lives->count - 1;
}

static void note_forgotten(const struct state *state, const struct lives *lives, size_t index,
			   bool too_many)
{
	uint32_t id = lives->all[index].record.generation;
	size_t twin = find_twin(lives, index);
	char why[64] = "";

	if (state->quiet)
		return;
	if (twin != index)
		snprintf(why, sizeof(why), "generation %" PRIu32 " has the same rules, and ",
			 lives->all[twin].record.generation);
	if (too_many)
		note(state->report,
		     "generation %" PRIu32
		     " is no longer kept: %smore than %d would be kept that are "
		     "not in force",
		     id, why, OLDER_MAX);
	else
		note(state->report,
		     "generation %" PRIu32
		     " is no longer kept: %sthose that are not in force would "
		     "have more than %d MB",
		     id, why, OLDER_BYTES_MAX >> 20);
}

/* How many older generations there are, and the size of their objects. */
static size_t count_older(const struct lives *lives, size_t *bytes)
{
	size_t count = 0;

	*bytes = 0;
	for (size_t i = 0; i < lives->count; i++) {
		bool is_older = lives->all[i].phase == PHASE_OLDER;

		count += is_older;
		*bytes += is_older ? lives->all[i].bytes : 0;
	}
	return count;
}

/* Brings all folders to their phases, and takes from the list those that are not to be kept. */
static int settle_lives(const struct state *state, struct lives *lives)
{
	size_t older, bytes;
	int err = 0;

	for (size_t i = 0; !err && i < lives->count; i++)
		err = settle_life(state, &lives->all[i], &lives->all[i].bytes);
	while (!err &&
	       ((older = count_older(lives, &bytes)) > OLDER_MAX || bytes > OLDER_BYTES_MAX)) {
		size_t index = find_needless(lives);

		note_forgotten(state, lives, index, older > OLDER_MAX);
		lives->count--;
		memmove(&lives->all[index], &lives->all[index + 1],
			(lives->count - index) * sizeof(lives->all[0]));
	}
	return err;
}

static bool is_kept(const struct lives *lives, uint32_t id)
{
	for (size_t i = 0; i < lives->count; i++)
		if (lives->all[i].record.generation == id)
			return true;
	return false;
}

/* Removes what has the name of a generation, and is no folder of sklc; but not what somebody put into
 * a folder there. ERROR is why it could not be opened. */
static int remove_strange(const struct state *state, const char *name, int error)
{
	bool is_folder = error != -ENOTDIR && error != -ELOOP;

	if (error == -ENOENT || unlinkat(state->folder, name, is_folder ? AT_REMOVEDIR : 0) == 0 ||
	    errno == ENOENT)
		return 0;
	if (!is_folder || errno != ENOTEMPTY)
		return fail(state->report, errno, "remove '%s/%s'", state->path, name);
	state_warn_strange(state->report, state->folder, name, 0);
	return 0;
}

/* Removes the folder. -errno after a message. */
static int generation_remove(const struct state *state, uint32_t id)
{
	char name[GENERATION_FOLDER_MAX];
	autoclose int folder = -1;
	int err;

	generation_folder_name(name, id);
	folder = state_open_needless(state->folder, name);
	if (folder < 0)
		return remove_strange(state, name, folder);
	let_trial_end(folder);
	err = pin_remove(folder, PIN_RECORD);
	err = err ? fail(state->report, err, "remove '%s/%s/%s'", state->path, name, PIN_RECORD)
		  : folder_clear(state->report, folder);
	if (!err && unlinkat(state->folder, name, AT_REMOVEDIR) && errno != ENOENT &&
	    errno != ENOTEMPTY) /* what is left there was named */
		err = fail(state->report, errno, "remove the folder '%s/%s'", state->path, name);
	return err;
}

int lives_settle(const struct state *state, const struct standing *standing)
{
	autofree uint32_t *ids = NULL;
	struct lives lives;
	size_t count;
	int err = lives_read(state, standing, &lives);

	if (!err)
		err = settle_lives(state, &lives);
	if (!err)
		err = generation_list(state, &ids, &count);
	for (size_t i = 0; !err && i < count; i++)
		if (!is_kept(&lives, ids[i]))
			err = generation_remove(state, ids[i]);
	return err;
}
