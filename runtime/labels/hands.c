/* The map of what operators did by hand: sockets put before the declared ones, and sockets that get
 * no new connections. It belongs to the namespace, so no change of rules undoes that. */
#include "labels.h"

#include "whole_map.h"

#include "compiler/base/lower_bound.h"
#include "runtime/base/fail.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

enum { HANDS_MAX = 65536 };

uint64_t label_hash(const char *name)
{
	return cgroup_number(0, name, strnlen(name, ABI_LABEL_NAME_MAX));
}

int hands_create(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "hand", sizeof(struct hand_key),
				sizeof(struct hand), HANDS_MAX, &options);

	return fd < 0 ? -errno : fd;
}

static int compare_hands(const void *left, const void *right)
{
	const struct hand_key *a = &((const struct hand_entry *)left)->key;
	const struct hand_key *b = &((const struct hand_entry *)right)->key;

	if (a->label != b->label)
		return a->label < b->label ? -1 : 1;
	return (a->cookie > b->cookie) - (a->cookie < b->cookie);
}

int hands_read(struct report *report, int map, struct hands *hands)
{
	struct whole_map whole = {0};
	int err = map < 0 ? 0
			  : whole_map_read(map, sizeof(hands->all->key), sizeof(hands->all->value),
					   HANDS_MAX, &whole);

	*hands = (struct hands){0};
	if (!err && whole.count) {
		hands->all = calloc(whole.count, sizeof(*hands->all));
		err = hands->all ? 0 : -ENOMEM;
	}
	for (size_t i = 0; !err && i < whole.count; i++)
		hands->all[hands->count++] = (struct hand_entry){((struct hand_key *)whole.keys)[i],
								 ((struct hand *)whole.values)[i]};
	if (hands->count)
		qsort(hands->all, hands->count, sizeof(*hands->all), compare_hands);
	whole_map_free(&whole);
	return err ? fail(report, err, "read what was done by hand") : 0;
}

void hands_free(struct hands *hands)
{
	free(hands->all);
	*hands = (struct hands){0};
}

struct hands hands_of(const struct hands *hands, uint64_t label)
{
	size_t first = LOWER_BOUND(i, 0, hands->count, hands->all[i].key.label >= label);
	size_t end = first;

	while (end < hands->count && hands->all[end].key.label == label)
		end++;
	return (struct hands){hands->all ? hands->all + first : NULL, end - first};
}

bool hand_is_first(const struct hand_entry *entry, unsigned int flow_class)
{
	return entry->value.flags & HAND_OVERRIDE && entry->value.flow_classes >> flow_class & 1;
}

size_t hands_first(const struct hands *own, unsigned int flow_class)
{
	size_t count = 0;

	for (size_t i = 0; i < own->count; i++)
		count += hand_is_first(&own->all[i], flow_class);
	return count;
}

uint32_t hand_before(const struct hand_entry *entry)
{
	if (entry->value.flags & HAND_DRAINED)
		return entry->value.before;
	return entry->value.flags & HAND_OVERRIDE ? entry->value.flow_classes : 0;
}

void hand_end(struct hand *hand, uint32_t flow_classes)
{
	uint8_t left = (uint8_t)(hand->flow_classes & ~flow_classes);

	if (left)
		hand->flow_classes = left;
	else
		hand->flags = 0;
}

uint32_t hand_awaited(const struct hand_entry *entry)
{
	if (entry->value.flags & HAND_DRAINED)
		return 0;
	return entry->value.registered & ~hand_before(entry);
}

const struct hand_entry *hand_find(const struct hands *hands, uint64_t label, uint64_t cookie)
{
	const struct hand_entry key = {.key = {.cookie = cookie, .label = label}};

	return hands->count ? bsearch(&key, hands->all, hands->count, sizeof(key), compare_hands)
			    : NULL;
}

uint32_t hand_flags(const struct hands *hands, uint64_t label, uint64_t cookie,
		    unsigned int flow_class)
{
	const struct hand_entry *found = hand_find(hands, label, cookie);

	return found && hand_is_for(&found->value, flow_class) ? found->value.flags : 0;
}

bool hand_is_drained(const struct hands *hands, uint64_t label, uint64_t cookie)
{
	const struct hand_entry *found = hand_find(hands, label, cookie);

	return found && found->value.flags & HAND_DRAINED;
}

/* Whether the entry says something. */
static bool is_said(const struct hand_entry *entry)
{
	const struct hand *hand = &entry->value;

	return hand->flow_classes &&
	       (hand->flags || hand->registered || hand->leaves || hand->leaves_declared);
}

/* Writes all entries in one system call, which a signal does not end. What is to be removed is written
 * without flags, which says nothing either. */
static int write_all(struct report *report, int map, const struct hand_entry *entries, size_t count)
{
	autofree struct hand_key *keys = calloc(count, sizeof(*keys));
	autofree struct hand *values = calloc(count, sizeof(*values));
	uint32_t written = (uint32_t)count;

	if (!keys || !values)
		return fail(report, ENOMEM, "note what is done by hand");
	for (size_t i = 0; i < count; i++) {
		keys[i] = entries[i].key;
		if (is_said(&entries[i]))
			values[i] = entries[i].value;
	}
	if (bpf_map_update_batch(map, keys, values, &written, NULL) == 0)
		return 0;
	if (errno == E2BIG)
		return refuse(report, ENOSPC,
			      "no more than %d sockets can be drained or stand before the declared "
			      "ones at a time",
			      HANDS_MAX);
	return fail(report, errno, "note what is done by hand");
}

int hands_write(struct report *report, int map, const struct hand_entry *entries, size_t count)
{
	int err = count ? write_all(report, map, entries, count) : 0;

	for (size_t i = 0; !err && i < count; i++)
		if (!is_said(&entries[i]) && bpf_map_delete_elem(map, &entries[i].key) &&
		    errno != ENOENT)
			err = fail(report, errno, "forget what was done by hand");
	return err;
}
