/* Makes, reads and removes the folders of generations. */
#include "state.h"

#include "runtime/base/array.h"
#include "runtime/base/entries.h"
#include "runtime/base/fail.h"
#include "runtime/labels/labels.h"
#include "runtime/load/load.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { FOLDER_NAME_MAX = 16 };

static void folder_name(char name[FOLDER_NAME_MAX], uint32_t id)
{
	snprintf(name, FOLDER_NAME_MAX, "g%" PRIu32, id);
}

static int read_about(const struct generation *generation, struct about *about)
{
	struct blob blob;
	int err = blob_get(generation->folder, PIN_ABOUT, &blob);

	if (!err && blob.size >= sizeof(*about))
		memcpy(about, blob.bytes, sizeof(*about));
	else if (!err)
		err = -EINVAL;
	blob_close(&blob);
	return err;
}

int generation_open(const struct state *state, uint32_t id, struct generation *generation)
{
	char name[FOLDER_NAME_MAX];
	int err;

	*generation = (struct generation){.report = state->report, .folder = -1};
	folder_name(name, id);
	generation->folder = state_open_folder(state->folder, name);
	err = generation->folder < 0 ? generation->folder
				     : read_about(generation, &generation->about);
	if (!err)
		return 0;
	generation_close(generation);
	return err == -ENOENT ? err : fail(state->report, err, "read generation %" PRIu32, id);
}

int generation_require(const struct state *state, uint32_t id, struct generation *generation)
{
	int err = generation_open(state, id, generation);

	return err == -ENOENT ? refuse(state->report, err,
				       "generation %" PRIu32 " is missing in '%s'", id, state->path)
			      : err;
}

int generation_program(const struct generation *generation, const char *name, int *program)
{
	*program = pin_get(generation->folder, name);
	return *program < 0 ? fail(generation->report, *program,
				   "open the program '%s' of generation %" PRIu32, name,
				   generation->about.generation)
			    : 0;
}

int generation_open_program(const struct state *state, uint32_t id, const char *name, int *program)
{
	struct generation generation;
	int err = generation_require(state, id, &generation);

	if (err)
		return err;
	err = generation_program(&generation, name, program);
	generation_close(&generation);
	return err;
}

void generation_close(struct generation *generation)
{
	close_fd(&generation->folder);
	generation->folder = -1;
}

/* The number in the name of a generation's folder; 0 if it is another name. */
static uint32_t folder_id(const char *name)
{
	unsigned long id;
	char *end;

	if (name[0] != 'g' || !isdigit((unsigned char)name[1]))
		return 0;
	errno = 0;
	id = strtoul(name + 1, &end, 10);
	return *end || errno || id > UINT32_MAX ? 0 : (uint32_t)id;
}

struct ids {
	uint32_t *all;
	size_t count;
};

static int add_id(const char *name, void *argument)
{
	struct ids *ids = argument;
	uint32_t id = folder_id(name);
	uint32_t *more;

	if (!id)
		return 0;
	more = array_grow(ids->all, ids->count, sizeof(*more));
	if (!more)
		return -ENOMEM;
	more[ids->count++] = id;
	ids->all = more;
	return 0;
}

int generation_list(const struct state *state, uint32_t **ids, size_t *count)
{
	struct ids found = {0};
	int err = entries_each(state->folder, add_id, &found);

	if (err) {
		free(found.all);
		found = (struct ids){0};
	}
	*ids = found.all;
	*count = found.count;
	return err ? fail(state->report, err, "read the folder '%s'", state->path) : 0;
}

int generation_read(const struct generation *generation, struct applied *applied)
{
	int err;

	*applied = (struct applied){0};
	snprintf(applied->name, sizeof(applied->name), "generation %" PRIu32,
		 generation->about.generation);
	err = blob_get(generation->folder, ABI_PIN_OBJECT, &applied->blob);
	if (err)
		return fail(generation->report, err, "read the object of %s", applied->name);
	applied->image = (struct object_image){applied->blob.bytes, applied->blob.size,
					       applied->name};
	err = object_read(generation->report, &applied->image, &applied->object);
	if (err)
		applied_free(applied);
	return err;
}

void applied_free(struct applied *applied)
{
	object_free(&applied->object);
	blob_close(&applied->blob);
}

/* Pins a map that holds the bytes. */
static int pin_bytes(int folder, const char *name, const void *bytes, size_t size)
{
	autoclose int map = blob_create(name, bytes, size);

	return map < 0 ? map : pin_put(folder, name, map);
}

static int pin_if_any(int folder, const char *name, int fd)
{
	return fd < 0 ? 0 : pin_put(folder, name, fd);
}

static int pin_names(int folder, const struct object *object)
{
	uint32_t count = object->header.label_count;
	autofree char(*names)[ABI_LABEL_KEY] = calloc((size_t)count + 1, sizeof(*names));

	if (!names)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		snprintf(names[i], sizeof(names[i]), "%s", object_label(object, i));
	return count ? pin_bytes(folder, PIN_NAMES, names, count * sizeof(*names)) : 0;
}

static int pin_all(int folder, const struct about *about, const struct object *object,
		   const struct loaded *loaded, const struct trial *trial)
{
	int err = pin_bytes(folder, ABI_PIN_OBJECT, object->image->bytes, object->image->size);

	if (!err)
		err = pin_names(folder, object);
	if (!err)
		err = pin_put(folder, ABI_PIN_PROGRAM, loaded->program);
	if (!err)
		err = pin_if_any(folder, ABI_PIN_RULE_COUNTERS, loaded->rule_counters);
	if (!err)
		err = pin_if_any(folder, ABI_PIN_LABEL_COUNTERS, loaded->label_counters);
	if (!err)
		err = pin_put(folder, ABI_PIN_MACHINE, loaded->machine);
	if (!err && trial)
		err = pin_put(folder, PIN_CHOICES, trial->choices);
	if (!err && trial)
		err = pin_put(folder, PIN_TRIAL, trial->program);
	if (!err)
		err = pin_bytes(folder, PIN_ABOUT, about, sizeof(*about));
	return err;
}

int generation_pin(const struct state *state, const struct about *about,
		   const struct object *object, const struct loaded *loaded,
		   const struct trial *trial)
{
	char name[FOLDER_NAME_MAX];
	autoclose int folder = -1;
	int err;

	folder_name(name, about->generation);
	if (mkdirat(state->folder, name, S_IRWXU))
		return fail(state->report, errno, "make the folder '%s/%s'", state->path, name);
	folder = state_open_folder(state->folder, name);
	err = folder < 0 ? folder : pin_all(folder, about, object, loaded, trial);
	return err ? fail(state->report, err, "keep the new rules in '%s/%s'", state->path, name)
		   : 0;
}

int generation_pin_declared(const struct state *state, uint32_t id,
			    const struct declared_maps *maps)
{
	char name[FOLDER_NAME_MAX];
	autoclose int folder = -1;
	int err;

	folder_name(name, id);
	folder = state_open_folder(state->folder, name);
	err = folder < 0 ? folder : pin_put(folder, PIN_CGROUPS, maps->cgroups);
	if (!err)
		err = pin_put(folder, PIN_DECLARED, maps->declared);
	return err ? fail(state->report, err, "keep the declared sockets in '%s/%s'", state->path,
			  name)
		   : 0;
}

int generation_declared(const struct state *state, uint32_t id, struct declared_maps *maps)
{
	struct generation generation;
	int err = id ? generation_open(state, id, &generation) : -ENOENT;

	*maps = (struct declared_maps){-1, -1};
	if (err)
		return err;
	maps->declared = pin_get(generation.folder, PIN_DECLARED);
	maps->cgroups = pin_get(generation.folder, PIN_CGROUPS);
	generation_close(&generation);
	if (maps->declared >= 0 && maps->cgroups >= 0)
		return 0;
	declared_maps_close(maps);
	return -ENOENT;
}

static int remove_pins(const struct state *state, uint32_t id, const char *const *pins,
		       size_t count)
{
	char name[FOLDER_NAME_MAX];
	autoclose int folder = -1;

	folder_name(name, id);
	folder = state_open_folder(state->folder, name);
	if (folder == -ENOENT)
		return 0;
	for (size_t i = 0; folder >= 0 && i < count; i++) {
		int err = pin_remove(folder, pins[i]);

		if (err)
			return fail(state->report, err, "remove '%s/%s/%s'", state->path, name,
				    pins[i]);
	}
	return folder < 0
		       ? fail(state->report, folder, "open the folder '%s/%s'", state->path, name)
		       : 0;
}

int generation_forget_trial(const struct state *state, uint32_t id)
{
	static const char *const pins[] = {PIN_TRIAL, PIN_CHOICES};

	return remove_pins(state, id, pins, sizeof(pins) / sizeof(pins[0]));
}

int generation_thin(const struct state *state, uint32_t id)
{
	static const char *const pins[] = {PIN_TRIAL,
					   PIN_CHOICES,
					   ABI_PIN_PROGRAM,
					   PIN_BASE,
					   ABI_PIN_RULE_COUNTERS,
					   ABI_PIN_LABEL_COUNTERS,
					   PIN_DECLARED,
					   PIN_CGROUPS};

	return remove_pins(state, id, pins, sizeof(pins) / sizeof(pins[0]));
}

int generation_remove(const struct state *state, uint32_t id)
{
	char name[FOLDER_NAME_MAX];
	autoclose int folder = -1;
	int err;

	folder_name(name, id);
	folder = state_open_folder(state->folder, name);
	if (folder == -ENOENT)
		return 0;
	if (folder < 0)
		return fail(state->report, folder, "open the folder '%s/%s'", state->path, name);
	err = folder_clear(state->report, folder);
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

struct clearing {
	struct report *report;
	int folder;
	bool told; /* the error was reported */
};

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
	struct clearing clearing = {report, folder, false};
	int err = entries_each(folder, clear_entry, &clearing);

	return err && !clearing.told ? fail(report, err, "read a folder of the state") : err;
}
