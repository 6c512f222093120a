/* The pin `count`: the number of the generation that was made last, and the same number again where
 * an apply on trial has found since that its rules decide already. The next number ends that note by
 * itself: a trial has a number of its own, so a confirm is never told of a note from before it. */
#include "state.h"

#include "migrate.h"

#include "runtime/base/fail.h"

#include <bpf/bpf.h>
#include <errno.h>

enum { COUNT_LAST, COUNT_UNTRIED, COUNTS };

static int put(int map, uint32_t key, uint32_t number)
{
	return bpf_map_update_elem(map, &key, &number, BPF_ANY) ? -errno : 0;
}

static int get(int map, uint32_t key, uint32_t *number)
{
	return bpf_map_lookup_elem(map, &key, number) ? -errno : 0;
}

int count_create(uint32_t last)
{
	autoclose int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, PIN_COUNT, sizeof(uint32_t),
					   sizeof(uint32_t), COUNTS, NULL);
	int err = map < 0 ? -errno : put(map, COUNT_LAST, last);

	return err ? err : take_fd(&map);
}

/* -errno after a message. */
static int open_count(const struct state *state)
{
	autoclose int map = pin_get(state->folder, PIN_COUNT);

	if (map == -ENOENT)
		return refuse_missing(state, "", PIN_COUNT);
	return map < 0 ? fail(state->report, map, "open '%s/%s'", state->path, PIN_COUNT)
		       : take_fd(&map);
}

static int fail_read(const struct state *state, int err)
{
	return fail(state->report, err, "read '%s/%s'", state->path, PIN_COUNT);
}

static int fail_write(const struct state *state, int err)
{
	return fail(state->report, err, "write '%s/%s'", state->path, PIN_COUNT);
}

/* Opens the map, and reads the number that was given last. -errno after a message. */
static int open_last(const struct state *state, uint32_t *last)
{
	autoclose int map = open_count(state);
	int err = map < 0 ? map : get(map, COUNT_LAST, last);

	if (map >= 0 && err)
		return fail_read(state, err);
	return err ? err : take_fd(&map);
}

/* A folder that a killed process left may have a larger number than the map. */
int generation_number(const struct state *state, uint32_t *number)
{
	uint32_t last;
	autoclose int map = open_last(state, &last);
	autofree uint32_t *ids = NULL;
	size_t count;
	int err = map < 0 ? map : generation_list(state, &ids, &count);

	if (err)
		return err;
	*number = (count && ids[0] > last ? ids[0] : last) + 1;
	return 0;
}

/* Opens the map and writes one of its numbers. */
static int write_number(const struct state *state, uint32_t key, uint32_t number)
{
	autoclose int map = open_count(state);
	int err = map < 0 ? map : put(map, key, number);

	return map >= 0 && err ? fail_write(state, err) : err;
}

int generation_give_number(const struct state *state, uint32_t number)
{
	return write_number(state, COUNT_LAST, number);
}

int untried_note(const struct state *state)
{
	uint32_t last;
	autoclose int map = open_last(state, &last);

	return map < 0 ? map : write_number(state, COUNT_UNTRIED, last);
}

int untried_take(const struct state *state)
{
	uint32_t last, untried;
	autoclose int map = open_last(state, &last);
	int err;

	if (map < 0)
		return map;
	err = get(map, COUNT_UNTRIED, &untried);
	if (err)
		return fail_read(state, err);
	if (!untried || untried != last)
		return 0;
	err = put(map, COUNT_UNTRIED, 0);
	return err ? fail_write(state, err) : 1;
}
