/* Makes, reads and removes the folders of generations. */
#include "state.h"

#include "store.h"

#include "runtime/base/array.h"
#include "runtime/base/entries.h"
#include "runtime/base/fail.h"
#include "runtime/labels/labels.h"
#include "runtime/load/load.h"

#include <bpf/bpf.h>
#include <ctype.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

void generation_folder_name(char name[GENERATION_FOLDER_MAX], uint32_t id)
{
	snprintf(name, GENERATION_FOLDER_MAX, "g%" PRIu32, id);
}

static int read_record(const struct generation *generation, struct record *record)
{
	struct blob blob;
	int err = blob_get(generation->folder, PIN_RECORD, &blob);

	if (!err && blob.size >= sizeof(*record))
		memcpy(record, blob.bytes, sizeof(*record));
	else if (!err)
		err = -EINVAL;
	blob_close(&blob);
	return err;
}

/* Whether what state_open_folder could not open is none, is no folder, or has no record. */
static bool is_no_generation(int parent, const char *name, int error)
{
	char record[GENERATION_FOLDER_MAX + sizeof(PIN_RECORD)];
	struct stat status;

	if (error == -ENOENT || error == -ENOTDIR || error == -ELOOP)
		return true;
	snprintf(record, sizeof(record), "%s/" PIN_RECORD, name);
	return error == -EPERM && fstatat(parent, record, &status, AT_SYMLINK_NOFOLLOW) &&
	       errno == ENOENT;
}

int generation_open(const struct state *state, uint32_t id, struct generation *generation)
{
	char name[GENERATION_FOLDER_MAX];
	int err;

	*generation = (struct generation){.report = state->report, .folder = -1};
	generation_folder_name(name, id);
	generation->folder = state_open_folder(state->folder, name);
	if (generation->folder < 0)
		return is_no_generation(state->folder, name, generation->folder)
			       ? -ENOENT
			       : state_refuse_folder(state->report, generation->folder,
						     state->folder, name);
	err = read_record(generation, &generation->record);
	if (!err)
		return 0;
	generation_close(generation);
	return err == -ENOENT ? err : fail(state->report, err, "read generation %" PRIu32, id);
}

int generation_require(const struct state *state, uint32_t id, struct generation *generation)
{
	int err = generation_open(state, id, generation);

	char name[GENERATION_FOLDER_MAX];

	generation_folder_name(name, id);
	return err == -ENOENT ? refuse_missing(state, name, PIN_RECORD) : err;
}

static int generation_program(const struct generation *generation, const char *name, int *program)
{
	*program = pin_get(generation->folder, name);
	return *program < 0 ? fail(generation->report, *program,
				   "open the program '%s' of generation %" PRIu32, name,
				   generation->record.generation)
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

uint32_t generation_of_folder(const char *name)
{
	unsigned long id;
	char *end;

	if (name[0] != 'g' || name[1] == '0' || !isdigit((unsigned char)name[1]))
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
	uint32_t id = generation_of_folder(name);
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

static int compare_ids(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return (a < b) - (a > b);
}

int generation_list(const struct state *state, uint32_t **ids, size_t *count)
{
	struct ids found = {0};
	int err = entries_each(state->folder, add_id, &found);

	if (err) {
		free(found.all);
		found = (struct ids){0};
	}
	if (found.count)
		qsort(found.all, found.count, sizeof(*found.all), compare_ids);
	*ids = found.all;
	*count = found.count;
	return err ? fail(state->report, err, "read the folder '%s'", state->path) : 0;
}

/* State that an older sklc left has the object as it is. */
static bool is_elf(const struct blob *blob)
{
	return blob->size >= SELFMAG && memcmp(blob->bytes, ELFMAG, SELFMAG) == 0;
}

static int read_bare(struct report *report, const struct blob *blob, struct applied *applied)
{
	applied->bytes = malloc(blob->size);
	if (!applied->bytes)
		return fail(report, ENOMEM, "read the object of %s", applied->name);
	memcpy(applied->bytes, blob->bytes, blob->size);
	applied->image.size = blob->size;
	return 0;
}

/* Reads the pinned object. If its tables are apart, and their map is gone when this comes to it,
 * somebody has just put the whole object there. */
static int read_stored(const struct generation *generation, struct applied *applied)
{
	autoclose int tables = -1;
	struct blob blob;
	int err = blob_get(generation->folder, ABI_PIN_OBJECT, &blob);

	if (!err && store_is_apart(blob.bytes, blob.size)) {
		tables = pin_get(generation->folder, PIN_TABLES);
		if (tables == -ENOENT) {
			blob_close(&blob);
			err = blob_get(generation->folder, ABI_PIN_OBJECT, &blob);
		} else if (tables < 0) {
			blob_close(&blob);
			err = tables;
		}
	}
	if (err)
		return fail(generation->report, err, "read the object of %s", applied->name);
	err = is_elf(&blob) ? read_bare(generation->report, &blob, applied)
			    : store_unpack(generation->report, blob.bytes, blob.size, tables,
					   applied->name, &applied->bytes, &applied->image.size);
	blob_close(&blob);
	return err;
}

int generation_read(const struct generation *generation, struct applied *applied)
{
	int err;

	*applied = (struct applied){0};
	snprintf(applied->name, sizeof(applied->name), "generation %" PRIu32,
		 generation->record.generation);
	err = read_stored(generation, applied);
	if (err)
		return err;
	applied->image.bytes = applied->bytes;
	applied->image.name = applied->name;
	err = object_read(generation->report, &applied->image, &applied->object);
	if (err)
		applied_free(applied);
	return err;
}

int applied_read(const struct state *state, uint32_t id, struct applied *applied)
{
	struct generation generation;
	int err = generation_require(state, id, &generation);

	if (err)
		return err;
	err = generation_read(&generation, applied);
	generation_close(&generation);
	return err;
}

void applied_free(struct applied *applied)
{
	object_free(&applied->object);
	free(applied->bytes);
	applied->bytes = NULL;
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

static int pin_keys(int folder, const struct object *object, const struct abi_slot_key *keys)
{
	size_t count = object->header.label_count;

	return count ? pin_bytes(folder, ABI_PIN_KEYS, keys, count * sizeof(*keys)) : 0;
}

/* Pins the object; its tables are kept by the program's own map. */
static int pin_object(int folder, const struct generation_parts *parts)
{
	bool apart = store_has_tables(parts->object, parts->loaded->tables);
	autofree void *bytes = NULL;
	size_t size;
	int err = apart ? pin_put(folder, PIN_TABLES, parts->loaded->tables) : 0;

	if (!err)
		err = store_pack(parts->object, apart, &bytes, &size);
	return err ? err : pin_bytes(folder, ABI_PIN_OBJECT, bytes, size);
}

static int pin_host(int folder, const struct host_numbers *numbers)
{
	autoclose int map = host_numbers_create(numbers);

	return map < 0 ? map : pin_put(folder, PIN_HOST, map);
}

static int pin_declared(int folder, const struct declared_maps *maps)
{
	int err = pin_if_any(folder, PIN_CGROUPS, maps->cgroups);

	return err ? err : pin_if_any(folder, PIN_DECLARED, maps->declared);
}

static int pin_record(int folder, const struct record *given)
{
	struct record record = *given;
	int err = generation_pins(folder, &record.pins);

	return err ? err : pin_bytes(folder, PIN_RECORD, &record, sizeof(record));
}

/* Pins the record last: without it, the folder is a leftover. */
static int pin_all(int folder, const struct generation_parts *parts)
{
	const struct loaded *loaded = parts->loaded;
	int err = pin_object(folder, parts);

	if (!err)
		err = pin_host(folder, parts->numbers);
	if (!err)
		err = pin_keys(folder, parts->object, parts->keys);
	if (!err)
		err = pin_put(folder, ABI_PIN_PROGRAM, loaded->program);
	if (!err)
		err = pin_if_any(folder, ABI_PIN_RULE_COUNTERS, loaded->rule_counters);
	if (!err)
		err = pin_if_any(folder, ABI_PIN_LABEL_COUNTERS, loaded->label_counters);
	if (!err)
		err = pin_put(folder, ABI_PIN_MACHINE, loaded->machine);
	if (!err)
		err = pin_if_any(folder, ABI_PIN_INTERFACES, loaded->interfaces);
	if (!err)
		err = pin_if_any(folder, ABI_PIN_NEAR_INTERFACES, loaded->near);
	if (!err && parts->trial)
		err = pin_put(folder, PIN_CHOICES, parts->trial->choices);
	if (!err && parts->trial)
		err = pin_put(folder, PIN_TRIAL, parts->trial->program);
	if (!err)
		err = pin_declared(folder, parts->declared);
	return err ? err : pin_record(folder, parts->record);
}

int generation_pin(const struct state *state, const struct generation_parts *parts)
{
	char name[GENERATION_FOLDER_MAX];
	autoclose int folder = -1;
	int err;

	generation_folder_name(name, parts->record->generation);
	if (mkdirat(state->folder, name, S_IRWXU))
		return fail(state->report, errno, "make the folder '%s/%s'", state->path, name);
	folder = state_open_folder(state->folder, name);
	if (folder < 0)
		return state_refuse_folder(state->report, folder, state->folder, name);
	err = pin_all(folder, parts);
	return err ? fail(state->report, err, "keep the new rules in '%s/%s'", state->path, name)
		   : 0;
}

/* Copies the keys from the pin. */
static int read_keys(const struct generation *generation, struct abi_slot_key **keys, size_t *count)
{
	struct blob blob;
	int err = blob_get(generation->folder, ABI_PIN_KEYS, &blob);

	if (!err && blob.size != generation->record.labels * sizeof(**keys))
		err = -EINVAL;
	*keys = err ? NULL : malloc(blob.size);
	if (!err && !*keys)
		err = -ENOMEM;
	if (!err) {
		memcpy(*keys, blob.bytes, blob.size);
		*count = generation->record.labels;
	}
	blob_close(&blob);
	return err;
}

int generation_keys(const struct state *state, uint32_t id, struct abi_slot_key **keys,
		    size_t *count)
{
	struct generation generation;
	char name[GENERATION_FOLDER_MAX];
	int err = id ? generation_require(state, id, &generation) : 0;

	*keys = NULL;
	*count = 0;
	if (err || !id)
		return err;
	generation_folder_name(name, id);
	if (generation.record.labels)
		err = read_keys(&generation, keys, count);
	generation_close(&generation);
	if (err == -ENOENT)
		return refuse_missing(state, name, ABI_PIN_KEYS);
	return err ? fail(state->report, err, "read the labels of generation %" PRIu32, id) : 0;
}

int generation_slots(const struct state *state, uint32_t id, int labels,
		     const struct object *object, struct abi_label_slots *slots)
{
	autofree struct abi_slot_key *keys = NULL;
	size_t count;
	int err = generation_keys(state, id, &keys, &count);

	if (!err && count < object->header.label_count)
		err = refuse(state->report, EINVAL,
			     "generation %" PRIu32 " in '%s' has %zu of its %" PRIu32 " labels", id,
			     state->path, count, object->header.label_count);
	return err ? err : labels_look_up(labels, object, keys, slots);
}

static int open_declared(const struct state *state, const struct generation *generation,
			 const char *name, int *map)
{
	char below[GENERATION_FOLDER_MAX];

	generation_folder_name(below, generation->record.generation);
	*map = pin_get(generation->folder, name);
	if (*map == -ENOENT)
		return refuse_missing(state, below, name);
	return *map < 0 ? fail(state->report, *map,
			       "open the declared sockets of generation %" PRIu32,
			       generation->record.generation)
			: 0;
}

int generation_declared(const struct state *state, uint32_t id, struct declared_maps *maps)
{
	struct generation generation;
	int err = id ? generation_require(state, id, &generation) : -ENOENT;

	*maps = (struct declared_maps){-1, -1};
	if (err)
		return err;
	err = generation.record.sockets ? 0 : -ENOENT;
	if (!err)
		err = open_declared(state, &generation, PIN_DECLARED, &maps->declared);
	if (!err)
		err = open_declared(state, &generation, PIN_CGROUPS, &maps->cgroups);
	generation_close(&generation);
	if (err)
		declared_maps_close(maps);
	return err;
}
