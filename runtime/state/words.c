/* Writes slot words into the map that a running program reads them from. A word is stored at once,
 * so the program sees the old one or the new one. */
#include "state.h"

#include "runtime/base/fail.h"
#include "runtime/labels/labels.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <sys/mman.h>

/* The size of the map's value; 0 if the map cannot change, as those of objects of format 2. */
static int read_size(int map, size_t *size)
{
	struct bpf_map_info info = {0};
	uint32_t length = sizeof(info);

	if (bpf_obj_get_info_by_fd(map, &info, &length))
		return -errno;
	*size = info.map_flags & BPF_F_RDONLY_PROG ? 0 : info.value_size;
	return 0;
}

static int write_words(int map, size_t size, int labels, const struct abi_slot_key *keys,
		       size_t count)
{
	uint32_t *words;
	int err = 0;

	if (!size)
		return 0;
	if (size < count * sizeof(struct abi_label_slots))
		return -EINVAL;
	words = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	if (words == MAP_FAILED)
		return -errno;
	for (size_t i = 0; !err && i < count; i++) {
		struct abi_label_slots slots;
		uint32_t *own = &words[i * ABI_FLOW_CLASSES];

		err = labels_find(labels, &keys[i], &slots);
		if (err == -ENOENT) {
			err = 0;
			continue;
		}
		for (unsigned int j = 0; !err && j < ABI_FLOW_CLASSES; j++)
			if (own[j] != slots.slots[j])
				__atomic_store_n(&own[j], slots.slots[j], __ATOMIC_RELEASE);
	}
	munmap(words, size);
	return err;
}

static int tell_generation(const struct state *state, uint32_t id, int labels)
{
	autofree struct abi_slot_key *keys = NULL;
	struct generation generation;
	autoclose int map = -1;
	size_t count, size = 0;
	int err = generation_keys(state, id, &keys, &count);

	if (err || !count)
		return err;
	err = generation_require(state, id, &generation);
	if (err)
		return err;
	map = pin_get(generation.folder, ABI_PIN_MACHINE);
	generation_close(&generation);
	err = map < 0 ? map : read_size(map, &size);
	if (!err)
		err = write_words(map, size, labels, keys, count);
	return err ? fail(state->report, err, "tell generation %" PRIu32 " the slots of its labels",
			  id)
		   : 0;
}

int standing_tell_slots(const struct state *state, const struct standing *standing)
{
	autoclose int sockets = -1, labels = -1;
	int err = standing_maps(state, &sockets, &labels);

	if (!err)
		err = tell_generation(state, standing->current, labels);
	if (!err && standing->trial == TRIAL_RUNNING && standing->previous)
		err = tell_generation(state, standing->previous, labels);
	return err;
}
