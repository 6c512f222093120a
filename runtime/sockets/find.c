/* Runs the iterators of bpf/find.bpf.c. An iterator walks the network namespace of the thread that
 * opens it, so a thread in the wanted namespace opens them. */
#include "sockets.h"

#include "compiler/base/lower_bound.h"
#include "runtime/base/array.h"
#include "runtime/base/fail.h"
#include "runtime/base/text.h"
#include "runtime/kernel/caps.h"
#include "runtime/kernel/netns.h"
#include "runtime/labels/labels.h"
#include "runtime/load/load.h"

#include "find.skel.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

enum {
	WALK_READS_MAX = 10000,
	/* Entries of the map `found`. Making a large one takes the kernel longer than a walk of a usual
	 * host, so it is made when the small one is too small. */
	SIGHTINGS_FEW = 1 << 14,
	SIGHTINGS_MAX = 1 << 20,
};

struct finder {
	const struct netns *netns;
	struct find *programs;
	struct bpf_link *tcp, *udp;
	struct sightings sightings;
};

static int load(struct finder *finder, const struct declared_maps *maps,
		const struct shared_maps *shared, uint32_t sightings_max)
{
	int err;

	libbpf_set_print(NULL);
	finder->programs = find__open();
	if (!finder->programs)
		return fail(finder->netns->report, errno, "open the programs that find sockets");
	err = bpf_map__set_max_entries(finder->programs->maps.found, sightings_max);
	if (!err)
		err = bpf_map__reuse_fd(finder->programs->maps.declared, maps->declared);
	if (!err)
		err = bpf_map__reuse_fd(finder->programs->maps.cgroups, maps->cgroups);
	if (!err)
		err = bpf_map__reuse_fd(finder->programs->maps.sockets, shared->sockets);
	if (!err && shared->spare_marks >= 0)
		err = bpf_map__reuse_fd(finder->programs->maps.spare_marks, shared->spare_marks);
	if (!err)
		err = find__load(finder->programs);
	/* So libbpf says that it could not map the variables of the programs. */
	if (!err && !finder->programs->bss)
		err = -EOPNOTSUPP;
	if (err == -ESRCH || err == -ENOENT)
		return refuse(finder->netns->report, err,
			      "this kernel has no BTF, or no iterators of sockets: declared "
			      "sockets cannot be found; put them behind their labels with "
			      "`sklc register`");
	return err ? caps_fail(finder->netns->report, err, caps_for_tracing,
			       "load the programs that find sockets")
		   : 0;
}

static int attach(struct finder *finder)
{
	finder->tcp = bpf_program__attach_iter(finder->programs->progs.find_tcp, NULL);
	finder->udp = bpf_program__attach_iter(finder->programs->progs.find_udp, NULL);
	return finder->tcp && finder->udp
		       ? 0
		       : fail(finder->netns->report, errno, "prepare to walk the sockets");
}

/* The programs print nothing, so a read ends at the last socket, or with EAGAIN after a million. */
static int walk_kind(const struct bpf_link *link)
{
	autoclose int walk = bpf_iter_create(bpf_link__fd(link));
	char nothing[64];

	if (walk < 0)
		return -errno;
	for (int i = 0; i < WALK_READS_MAX; i++) {
		ssize_t size = read(walk, nothing, sizeof(nothing));

		if (size == 0)
			return 0;
		if (size < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
	}
	return -EOVERFLOW;
}

static int walk_both(void *argument)
{
	const struct finder *finder = argument;
	int err = walk_kind(finder->tcp);

	return err ? err : walk_kind(finder->udp);
}

static int walk(const struct finder *finder)
{
	int err = netns_run_in(finder->netns, walk_both, (void *)(uintptr_t)finder);

	return err ? caps_fail(finder->netns->report, err, caps_for_namespace,
			       "walk the sockets of %s", finder->netns->words)
		   : 0;
}

static int compare_sightings(const void *left, const void *right)
{
	const struct found_key *a = &((const struct sighting *)left)->key;
	const struct found_key *b = &((const struct sighting *)right)->key;

	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return (a->cookie > b->cookie) - (a->cookie < b->cookie);
}

static int add_sighting(struct report *report, struct sightings *sightings,
			const struct sighting *sighting)
{
	struct sighting *more = array_grow(sightings->all, sightings->count, sizeof(*more));

	if (!more)
		return fail(report, ENOMEM, "read what was found");
	sightings->all = more;
	sightings->all[sightings->count++] = *sighting;
	return 0;
}

static int forget_sightings(struct finder *finder)
{
	int map = bpf_map__fd(finder->programs->maps.found);

	for (size_t i = 0; i < finder->sightings.count; i++)
		if (bpf_map_delete_elem(map, &finder->sightings.all[i].key) && errno != ENOENT)
			return fail(finder->netns->report, errno, "forget what was found");
	free(finder->sightings.all);
	finder->sightings = (struct sightings){0};
	return 0;
}

static int read_sightings(struct finder *finder)
{
	int map = bpf_map__fd(finder->programs->maps.found);
	struct found_key *last = NULL;
	struct sighting sighting;
	int err = 0;

	while (!err && finder->sightings.count < SIGHTINGS_MAX &&
	       bpf_map_get_next_key(map, last, &sighting.key) == 0) {
		last = &sighting.key;
		if (bpf_map_lookup_elem(map, &sighting.key, &sighting.found))
			err = fail(finder->netns->report, errno, "read what was found");
		else
			err = add_sighting(finder->netns->report, &finder->sightings, &sighting);
	}
	if (!err && finder->sightings.count < SIGHTINGS_MAX && errno != ENOENT)
		err = fail(finder->netns->report, errno, "read what was found");
	if (!err && finder->sightings.count)
		qsort(finder->sightings.all, finder->sightings.count,
		      sizeof(*finder->sightings.all), compare_sightings);
	return err;
}

static void close_programs(const struct finder *finder)
{
	bpf_link__destroy(finder->tcp);
	bpf_link__destroy(finder->udp);
	find__destroy(finder->programs);
}

int find_open(const struct netns *netns, const struct declared_maps *maps,
	      const struct shared_maps *shared, struct finder **out)
{
	struct finder *finder = calloc(1, sizeof(*finder));
	int err;

	if (!finder)
		return fail(netns->report, ENOMEM, "find sockets");
	finder->netns = netns;
	err = load(finder, maps, shared, SIGHTINGS_FEW);
	if (!err)
		err = attach(finder);
	if (err)
		find_close(finder);
	else
		*out = finder;
	return err;
}

/* Loads the programs again, with the same maps but for the largest map of sightings. */
static int enlarge(struct finder *finder)
{
	struct finder small = *finder;
	const struct find *programs = small.programs;
	const struct declared_maps maps = {bpf_map__fd(programs->maps.declared),
					   bpf_map__fd(programs->maps.cgroups)};
	const struct shared_maps shared = {bpf_map__fd(programs->maps.sockets),
					   bpf_map__fd(programs->maps.spare_marks)};
	int err;

	finder->programs = NULL;
	finder->tcp = finder->udp = NULL;
	err = load(finder, &maps, &shared, SIGHTINGS_MAX);
	if (!err)
		err = attach(finder);
	close_programs(&small);
	return err;
}

/* Walks into an empty map of sightings. *LOST becomes whether that was too small. */
static int look(struct finder *finder, bool *lost)
{
	int err;

	finder->programs->bss->lost = 0;
	err = walk(finder);
	*lost = finder->programs->bss->lost;
	return err;
}

int find_look(struct finder *finder)
{
	bool lost;
	int err = forget_sightings(finder);

	if (!err)
		err = look(finder, &lost);
	if (!err && lost && bpf_map__max_entries(finder->programs->maps.found) < SIGHTINGS_MAX) {
		err = enlarge(finder);
		if (!err)
			err = look(finder, &lost);
	}
	if (!err && lost)
		err = refuse(finder->netns->report, E2BIG,
			     "more than %d sockets are at declared places, or the kernel has no "
			     "memory to list them",
			     SIGHTINGS_MAX);
	return err ? err : read_sightings(finder);
}

const struct sightings *find_sightings(const struct finder *finder)
{
	return &finder->sightings;
}

void find_close(struct finder *finder)
{
	if (!finder)
		return;
	close_programs(finder);
	free(finder->sightings.all);
	free(finder);
}

struct sightings find_of(const struct sightings *sightings, uint32_t number)
{
	size_t first = LOWER_BOUND(i, 0, sightings->count, sightings->all[i].key.number >= number);
	size_t end = first;

	while (end < sightings->count && sightings->all[end].key.number == number)
		end++;
	return (struct sightings){sightings->all ? sightings->all + first : NULL, end - first};
}

const struct found *find_one(const struct sightings *sightings, uint32_t number, uint64_t cookie)
{
	const struct sighting key = {.key = {.cookie = cookie, .number = number}};
	const struct sighting *found = sightings->count
					       ? bsearch(&key, sightings->all, sightings->count,
							 sizeof(key), compare_sightings)
					       : NULL;

	return found ? &found->found : NULL;
}

bool found_serves(const struct found *found, int family)
{
	if (family == AF_INET6)
		return found->family == AF_INET6;
	return found->family == AF_INET || !found->ipv6_only;
}

uint32_t found_flow_classes(const struct found *found)
{
	uint32_t flow_classes = 0;

	for (unsigned int i = 0; i < ABI_FLOW_CLASSES; i++)
		if (found->protocol == flow_class_ipproto(i) &&
		    found_serves(found, (int)flow_class_af(i)))
			flow_classes |= 1u << i;
	return flow_classes;
}

int find_at(const struct netns *netns, const struct declared_key *endpoint,
	    const struct shared_maps *shared, struct finder **finder)
{
	struct declaration at = {.key = *endpoint};
	const struct declarations one = {.report = netns->report, .all = &at, .count = 1};
	struct declared_maps maps;
	int err = declared_maps_create(&one, &maps);

	if (err)
		return err;
	err = find_open(netns, &maps, shared, finder);
	declared_maps_close(&maps);
	if (err)
		return err;
	err = find_look(*finder);
	if (!err)
		return 0;
	find_close(*finder);
	*finder = NULL;
	return err;
}

static int compare_orders(const void *left, const void *right)
{
	const struct order *a = left, *b = right;

	if (a->key.cookie != b->key.cookie)
		return a->key.cookie < b->key.cookie ? -1 : 1;
	return (a->value.slot > b->value.slot) - (a->value.slot < b->value.slot);
}

/* Numbers the orders of each socket from 0. */
static int number_orders(struct report *report, struct order *orders, size_t count)
{
	qsort(orders, count, sizeof(*orders), compare_orders);
	for (size_t i = 0; i < count; i++) {
		bool same = i && orders[i].key.cookie == orders[i - 1].key.cookie;

		orders[i].key.index = same ? orders[i - 1].key.index + 1 : 0;
		if (orders[i].key.index == FOUND_PLACEMENTS_MAX)
			return refuse(report, E2BIG,
				      "one socket is declared for more than %d labels",
				      FOUND_PLACEMENTS_MAX);
	}
	return 0;
}

int find_put(struct finder *finder, struct order *orders, size_t count)
{
	int map = bpf_map__fd(finder->programs->maps.placements);
	int err = number_orders(finder->netns->report, orders, count);

	for (size_t i = 0; !err && i < count; i++)
		if (bpf_map_update_elem(map, &orders[i].key, &orders[i].value, BPF_ANY))
			err = fail(finder->netns->report, errno,
				   "say which sockets to put behind labels");
	if (err || !count)
		return err;
	finder->programs->bss->placing = 1;
	err = walk(finder);
	finder->programs->bss->placing = 0;
	for (size_t i = 0; !err && i < count; i++) {
		if (bpf_map_lookup_elem(map, &orders[i].key, &orders[i].value))
			err = fail(finder->netns->report, errno,
				   "read which sockets are behind labels");
		bpf_map_delete_elem(map, &orders[i].key);
	}
	return err;
}

void found_address(const struct netns *netns, const struct found *found, char *text, size_t size)
{
	char name[16] = "";
	bool named = found->device && netns_interface_name(netns, found->device, name) >= 0;

	text_address(found->family, found->address, named ? name : NULL, found->port, text, size);
}
