/* Makes the maps of declarations. Their content never changes: each apply makes new ones. */
#include "labels.h"

#include "runtime/base/fail.h"
#include "runtime/kernel/caps.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

static int create_hash(struct report *report, const char *name, size_t key_size, size_t value_size,
		       size_t entries)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, name, (uint32_t)key_size, (uint32_t)value_size,
				entries ? (uint32_t)entries : 1, &options);

	return fd < 0 ? caps_fail(report, errno, caps_for_load, "make the map '%s'", name) : fd;
}

static int create_maps(struct report *report, size_t declared, size_t folders,
		       struct declared_maps *maps)
{
	*maps = (struct declared_maps){-1, -1};
	maps->declared = create_hash(report, "declared", sizeof(struct declared_key),
				     sizeof(struct declared), declared);
	if (maps->declared >= 0)
		maps->cgroups = create_hash(report, "cgroups", sizeof(struct cgroup_key),
					    sizeof(uint64_t), folders);
	if (maps->declared >= 0 && maps->cgroups >= 0)
		return 0;
	return maps->declared < 0 ? maps->declared : maps->cgroups;
}

void declared_maps_close(struct declared_maps *maps)
{
	close_fd(&maps->declared);
	close_fd(&maps->cgroups);
	*maps = (struct declared_maps){-1, -1};
}

/* Whether two declarations of one endpoint have the same user, device, cgroup and slots. Their numbers may
 * differ. */
static bool is_same(const struct declared *left, const struct declared *right)
{
	return left->label == right->label && left->has_uid == right->has_uid &&
	       left->uid == right->uid && left->device == right->device &&
	       left->cgroup == right->cgroup &&
	       memcmp(&left->ipv4, &right->ipv4, sizeof(left->ipv4)) == 0 &&
	       memcmp(&left->ipv6, &right->ipv6, sizeof(left->ipv6)) == 0;
}

/* Adds a declaration after others of the same endpoint, at most MAX in all, unless an equal one is
 * there. */
static int add_declared(struct report *report, int map, struct declared_key key,
			const struct declared *value, uint32_t max)
{
	struct declared other;

	for (key.index = 0; key.index < max; key.index++) {
		if (bpf_map_lookup_elem(map, &key, &other) == 0) {
			if (is_same(&other, value))
				return 0;
			continue;
		}
		if (bpf_map_update_elem(map, &key, value, BPF_NOEXIST))
			return fail(report, errno, "write the declared sockets");
		return 0;
	}
	return refuse(report, E2BIG, "port %u of one address is declared for more than %u sockets",
		      key.port, max);
}

enum { FOLDERS_MAX = 1 << 20 };

/* Adds each folder of the path. The last one gets the number that declarations_read gave to the
 * path. */
static int add_cgroup(struct report *report, int map, const char *path)
{
	struct cgroup_key key = {0};
	size_t length;

	for (path += strspn(path, "/"); *path; path += length + strspn(path + length, "/")) {
		uint64_t number;

		length = strcspn(path, "/");
		number = cgroup_number(key.parent, path, length);
		memset(key.name, 0, sizeof(key.name));
		memcpy(key.name, path, length);
		if (bpf_map_update_elem(map, &key, &number, BPF_ANY))
			return fail(report, errno, "write the cgroup '%s'", path);
		key.parent = number;
	}
	return 0;
}

static size_t count_folders(const struct declarations *declarations)
{
	size_t count = 0;

	for (size_t i = 0; i < declarations->count; i++)
		if (declarations->all[i].cgroup)
			count += CGROUP_DEPTH_MAX;
	return count < FOLDERS_MAX ? count : FOLDERS_MAX;
}

int declared_maps_create(const struct declarations *declarations, struct declared_maps *maps)
{
	int err = create_maps(declarations->report, declarations->count,
			      count_folders(declarations), maps);

	for (size_t i = 0; !err && i < declarations->count; i++) {
		const struct declaration *at = &declarations->all[i];

		err = add_declared(declarations->report, maps->declared, at->key, &at->value,
				   DECLARED_SAME_MAX);
		if (!err && at->cgroup)
			err = add_cgroup(declarations->report, maps->cgroups, at->cgroup);
	}
	if (err)
		declared_maps_close(maps);
	return err;
}

/* How many entries the map can have. -errno without a message. */
static int read_capacity(int map, size_t *capacity)
{
	struct bpf_map_info info = {0};
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(map, &info, &size))
		return -errno;
	*capacity = info.max_entries;
	return 0;
}

static int copy_declared(struct report *report, int from, int to)
{
	struct declared_key key, *last = NULL;
	struct declared value;
	size_t left = 0;
	int err = read_capacity(from, &left);

	if (err)
		return fail(report, err, "read the declared sockets");
	for (; !err && left && bpf_map_get_next_key(from, last, &key) == 0; left--) {
		last = &key;
		if (bpf_map_lookup_elem(from, &key, &value))
			err = fail(report, errno, "read the declared sockets");
		else
			err = add_declared(report, to, key, &value, DECLARED_FOLLOWED_MAX);
	}
	return !err && left && errno != ENOENT ? fail(report, errno, "read the declared sockets")
					       : err;
}

static int copy_cgroups(struct report *report, int from, int to)
{
	struct cgroup_key key, *last = NULL;
	uint64_t number;
	size_t left = 0;
	int err = read_capacity(from, &left);

	if (err)
		return fail(report, err, "read the declared cgroups");
	for (; left && bpf_map_get_next_key(from, last, &key) == 0; left--) {
		last = &key;
		if (bpf_map_lookup_elem(from, &key, &number) ||
		    bpf_map_update_elem(to, &key, &number, BPF_ANY))
			return fail(report, errno, "read the declared cgroups");
	}
	return left && errno != ENOENT ? fail(report, errno, "read the declared cgroups") : 0;
}

static int copy_maps(struct report *report, const struct declared_maps *from,
		     struct declared_maps *to)
{
	int err = copy_declared(report, from->declared, to->declared);

	return err ? err : copy_cgroups(report, from->cgroups, to->cgroups);
}

/* Makes empty maps with room for what is in two others. */
static int create_for_both(struct report *report, const struct declared_maps *first,
			   const struct declared_maps *second, struct declared_maps *joined)
{
	const int maps[] = {first->declared, second->declared, first->cgroups, second->cgroups};
	size_t room[4];

	for (int i = 0; i < 4; i++) {
		int err = read_capacity(maps[i], &room[i]);

		if (err)
			return fail(report, err, "join the declared sockets of two generations");
	}
	return create_maps(report, room[0] + room[1], room[2] + room[3], joined);
}

int declared_maps_join(struct report *report, const struct declared_maps *first,
		       const struct declared_maps *second, struct declared_maps *joined)
{
	int err;

	*joined = (struct declared_maps){-1, -1};
	err = create_for_both(report, first, second, joined);
	if (!err)
		err = copy_maps(report, first, joined);
	if (!err)
		err = copy_maps(report, second, joined);
	if (err)
		declared_maps_close(joined);
	return err;
}

/* Whether a map has an equal declaration of the endpoint, whatever its index: 1, 0, or -errno. */
static int has_declared(int map, struct declared_key key, const struct declared *value)
{
	struct declared other;

	for (key.index = 0; key.index < DECLARED_FOLLOWED_MAX; key.index++) {
		if (bpf_map_lookup_elem(map, &key, &other))
			return errno == ENOENT ? 0 : -errno;
		if (is_same(&other, value))
			return 1;
	}
	return 0;
}

/* Each declaration of a map, until WORK does not return 0; that; -errno. */
static int for_each(int map,
		    int (*work)(struct declared_key key, const struct declared *value,
				void *argument),
		    void *argument)
{
	struct declared_key key, *last = NULL;
	struct declared value;
	size_t left = 0;
	int result = read_capacity(map, &left);

	for (; !result && left && bpf_map_get_next_key(map, last, &key) == 0; left--) {
		last = &key;
		if (bpf_map_lookup_elem(map, &key, &value))
			return -errno;
		result = work(key, &value, argument);
	}
	return !result && left && errno != ENOENT ? -errno : result;
}

struct covering {
	int wanted, followed;
	bool *used;
	bool more;
};

enum { MISLEADS = 1 };

static void mark_range(const struct declared_range *range, bool *used)
{
	for (uint32_t i = 0; i < range->count; i++) {
		uint32_t slot = slot_at(range->word, range->first + i);

		if (slot < ABI_SOCKETS_MAX)
			used[slot] = true;
	}
}

static bool uses(const struct declared_range *range, const bool *used)
{
	for (uint32_t i = 0; i < range->count; i++) {
		uint32_t slot = slot_at(range->word, range->first + i);

		if (slot < ABI_SOCKETS_MAX && used[slot])
			return true;
	}
	return false;
}

static int is_followed(struct declared_key key, const struct declared *value, void *argument)
{
	const struct covering *covering = argument;
	int has = has_declared(covering->followed, key, value);

	mark_range(&value->ipv4, covering->used);
	mark_range(&value->ipv6, covering->used);
	return has > 0 ? 0 : has < 0 ? has : MISLEADS;
}

static int is_harmless(struct declared_key key, const struct declared *value, void *argument)
{
	struct covering *covering = argument;
	int has = covering->wanted < 0 ? 0 : has_declared(covering->wanted, key, value);

	if (has)
		return has < 0 ? has : 0;
	covering->more = true;
	return uses(&value->ipv4, covering->used) || uses(&value->ipv6, covering->used) ? MISLEADS
											: 0;
}

int declared_cover(int wanted, int followed, bool *used)
{
	struct covering covering = {wanted, followed, used, false};
	int err = wanted < 0 ? 0 : for_each(wanted, is_followed, &covering);

	if (!err)
		err = for_each(followed, is_harmless, &covering);
	if (err)
		return err < 0 ? err : DECLARED_OTHER;
	return covering.more ? DECLARED_MORE : DECLARED_SAME;
}
