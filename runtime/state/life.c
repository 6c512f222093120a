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

enum presence { MUST, MAY, NEVER };

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

static bool is_never(const char *name, enum phase phase)
{
	for (size_t i = 0; i < sizeof(pins) / sizeof(pins[0]); i++)
		if (strcmp(pins[i].name, name) == 0)
			return pins[i].in[phase] == NEVER;
	return false;
}

/* The phase of the generation that one of this phase replaced. */
static enum phase phase_before(enum phase phase)
{
	return phase == PHASE_OLDER ? PHASE_OLDER : phase + 1;
}

int lives_read(const struct state *state, const struct standing *standing, struct lives *lives)
{
	bool running = standing->trial == TRIAL_RUNNING;
	uint32_t id = running ? standing->tried : standing->current;
	enum phase phase = running ? PHASE_TRIAL : PHASE_CURRENT;

	lives->count = 0;
	while (id && lives->count < sizeof(lives->all) / sizeof(lives->all[0])) {
		struct generation generation;
		int err = generation_open(state, id, &generation);

		if (err)
			return err == -ENOENT ? 0 : err;
		lives->all[lives->count++] = (struct life){generation.record, phase};
		id = generation.record.previous;
		phase = phase_before(phase);
		generation_close(&generation);
	}
	return 0;
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

int generation_retire(const struct state *state, uint32_t id)
{
	const struct life life = {.record.generation = id, .phase = PHASE_OLDER};
	size_t bytes;

	return settle_life(state, &life, &bytes);
}

static void note_forgotten(const struct state *state, uint32_t id, bool too_many)
{
	if (state->quiet)
		return;
	if (too_many)
		note(state->report,
		     "generation %" PRIu32 " is no longer kept: there are %d newer ones that are "
		     "not in force",
		     id, OLDER_MAX);
	else
		note(state->report,
		     "generation %" PRIu32 " is no longer kept: with the newer ones that are not "
		     "in force it has more than %d MB",
		     id, OLDER_BYTES_MAX >> 20);
}

/* Brings all folders to their phases, and ends the list before the first older generation that is
 * too much. */
static int settle_lives(const struct state *state, struct lives *lives)
{
	size_t older = 0, total = 0, kept = 0, bytes;

	for (size_t i = 0; i < lives->count; i++) {
		const struct life *life = &lives->all[i];
		bool is_older = life->phase == PHASE_OLDER;
		int err = settle_life(state, life, &bytes);

		if (err)
			return err;
		older += is_older;
		total += is_older ? bytes : 0;
		if (older <= OLDER_MAX && total <= OLDER_BYTES_MAX)
			kept = i + 1;
		else
			note_forgotten(state, life->record.generation, older > OLDER_MAX);
	}
	lives->count = kept;
	return 0;
}

static bool is_kept(const struct lives *lives, uint32_t id)
{
	for (size_t i = 0; i < lives->count; i++)
		if (lives->all[i].record.generation == id)
			return true;
	return false;
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

int generation_remove(const struct state *state, uint32_t id)
{
	char name[GENERATION_FOLDER_MAX];
	autoclose int folder = -1;
	int err;

	generation_folder_name(name, id);
	folder = state_open_folder(state->folder, name);
	if (folder == -ENOENT)
		return 0;
	if (folder < 0)
		return fail(state->report, folder, "open the folder '%s/%s'", state->path, name);
	let_trial_end(folder);
	err = pin_remove(folder, PIN_RECORD);
	err = err ? fail(state->report, err, "remove '%s/%s/%s'", state->path, name, PIN_RECORD)
		  : folder_clear(state->report, folder);
	if (!err && unlinkat(state->folder, name, AT_REMOVEDIR) && errno != ENOENT)
		err = fail(state->report, errno, "remove the folder '%s/%s'", state->path, name);
	return err;
}

static int remove_folder(struct report *report, int folder, const char *name)
{
	autoclose int below = state_open_folder(folder, name);
	int err;

	if (below < 0)
		return fail(report, below, "open the folder '%s'", name);
	err = folder_clear(report, below);
	if (!err && unlinkat(folder, name, AT_REMOVEDIR) && errno != ENOENT)
		err = fail(report, errno, "remove the folder '%s'", name);
	return err;
}

static int clear_entry(const char *name, void *argument)
{
	struct clearing *clearing = argument;
	int err = 0;

	if (unlinkat(clearing->folder, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno == EISDIR || errno == EPERM)
		err = remove_folder(clearing->report, clearing->folder, name);
	else
		err = fail(clearing->report, errno, "remove the pin '%s'", name);
	clearing->told = err != 0;
	return err;
}

int folder_clear(struct report *report, int folder)
{
	struct clearing clearing = {.report = report, .folder = folder};
	int err = entries_each(folder, clear_entry, &clearing);

	return err && !clearing.told ? fail(report, err, "read a folder of the state") : err;
}
