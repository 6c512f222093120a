/* Writes slot words into the map that a running program reads them from. A word is stored at once,
 * so the program sees the old one or the new one. */
#include "state.h"

#include "runtime/base/fail.h"
#include "runtime/labels/labels.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

/* The size of the map's value, 0 if the map cannot change, as those of objects of format 2; and whether it has words as
 * objects of format 3 have them, which libbpf named after their section. */
static int read_shape(int map, size_t *size, bool *is_of_3)
{
	struct bpf_map_info info = {0};
	uint32_t length = sizeof(info);

	if (bpf_obj_get_info_by_fd(map, &info, &length))
		return -errno;
	*size = info.map_flags & BPF_F_RDONLY_PROG ? 0 : info.value_size;
	*is_of_3 = strcmp(info.name, ABI_MACHINE_3) == 0;
	return 0;
}

/* Writes the slot words of a label, whose label indices begin at FIRST. */
static void write_label(uint32_t *own, const struct abi_label_slots *slots, size_t first,
			bool is_of_3)
{
	for (unsigned int j = 0; j < ABI_FLOW_CLASSES; j++) {
		uint32_t word = slots->slots[j];

		if (!is_of_3)
			word = ABI_HOST_WORD(word, first + j);
		if (own[j] != word)
			__atomic_store_n(&own[j], word, __ATOMIC_RELEASE);
	}
}

static int write_words(int map, int labels, const struct abi_slot_key *keys, size_t count)
{
	bool is_of_3 = false;
	uint32_t *words;
	size_t size = 0;
	int err = read_shape(map, &size, &is_of_3);

	if (err || !size)
		return err;
	if (size < count * sizeof(struct abi_label_slots))
		return -EINVAL;
	words = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	if (words == MAP_FAILED)
		return -errno;
	for (size_t i = 0; !err && i < count; i++) {
		struct abi_label_slots slots;
		size_t first = i * ABI_FLOW_CLASSES;

		err = labels_find(labels, &keys[i], &slots);
		if (err == -ENOENT) {
			err = 0;
			continue;
		}
		if (!err)
			write_label(&words[first], &slots, first, is_of_3);
	}
	munmap(words, size);
	return err;
}

static int tell_generation(const struct state *state, uint32_t id, int labels)
{
	autofree struct abi_slot_key *keys = NULL;
	struct generation generation;
	autoclose int map = -1;
	size_t count;
	int err = generation_keys(state, id, &keys, &count);

	if (err || !count)
		return err;
	err = generation_require(state, id, &generation);
	if (err)
		return err;
	map = pin_get(generation.folder, ABI_PIN_MACHINE);
	generation_close(&generation);
	err = map < 0 ? map : write_words(map, labels, keys, count);
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
