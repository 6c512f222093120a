/* The table by which a running program tells the class of an interface. Only what has changed is written, so packets
 * of other interfaces see no change; and an interface that keeps its class always has it. */
#include "load.h"

#include "runtime/base/array.h"
#include "runtime/base/fail.h"
#include "runtime/kernel/interfaces.h"
#include "runtime/object/object.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

void class_table_free(struct class_table *table)
{
	free(table->all);
	*table = (struct class_table){0};
}

static int add_entry(struct class_table *table, struct interface_class entry)
{
	struct interface_class *more = array_grow(table->all, table->count, sizeof(*more));

	if (!more)
		return -ENOMEM;
	table->all = more;
	table->all[table->count++] = entry;
	return 0;
}

int class_table_of(const struct object *object, const struct host_interfaces *interfaces,
		   struct class_table *table)
{
	size_t own = 0;
	int err = 0;

	*table = (struct class_table){0};
	for (size_t i = 0; !err && i < interfaces->count; i++) {
		uint32_t class = object_class(object, interfaces->all[i].name);

		own += class != object_class_other(object);
		err = own <= ABI_INTERFACES_MAX
			      ? add_entry(table, (struct interface_class){interfaces->all[i].number,
									  class})
			      : -E2BIG;
	}
	if (!err)
		return 0;
	class_table_free(table);
	if (err == -E2BIG)
		return refuse(object->report, E2BIG,
			      "more than %d interfaces of this namespace are named by the rules of "
			      "'%s'",
			      ABI_INTERFACES_MAX, object->image->name);
	return fail(object->report, err, "find the classes of interfaces");
}

static int compare_numbers(const void *a, const void *b)
{
	const struct interface_class *first = a, *second = b;

	return first->number < second->number ? -1 : first->number > second->number;
}

/* What the map of interfaces has. -errno without a message. */
static int read_entries(int map, struct class_table *table)
{
	struct interface_class entry;
	const uint32_t *before = NULL;
	uint32_t number;
	int err = 0;

	*table = (struct class_table){0};
	for (; !err && table->count <= ABI_INTERFACES_MAX &&
	       bpf_map_get_next_key(map, before, &number) == 0;
	     before = &entry.number) {
		entry.number = number;
		if (bpf_map_lookup_elem(map, &entry.number, &entry.class) == 0)
			err = add_entry(table, entry);
	}
	if (!err && table->count <= ABI_INTERFACES_MAX && errno != ENOENT)
		err = -errno;
	if (err)
		class_table_free(table);
	else if (table->count)
		qsort(table->all, table->count, sizeof(*table->all), compare_numbers);
	return err;
}

static const struct interface_class *find(const struct class_table *table, uint32_t number)
{
	const struct interface_class wanted = {.number = number};

	return table->count
		       ? bsearch(&wanted, table->all, table->count, sizeof(wanted), compare_numbers)
		       : NULL;
}

uint32_t class_table_find(const struct class_table *table, uint32_t number)
{
	const struct interface_class *entry = find(table, number);

	return entry ? entry->class : ABI_CLASS_NOT_KNOWN;
}

/* Adds the interface if it is of a class of its own. */
static int add_own(struct class_table *table, uint32_t number, uint32_t class, uint32_t other)
{
	return class == other ? 0 : add_entry(table, (struct interface_class){number, class});
}

/* Adds what the program says of interfaces: it looks at the near ones first. These may say otherwise than the map,
 * where what wrote both ended between the two. */
static int add_shown(const uint64_t *near, const struct class_table *map, uint32_t other,
		     struct class_table *table)
{
	int err = 0;

	for (size_t i = 0; !err && i < map->count; i++) {
		const struct interface_class *entry = &map->all[i];
		uint64_t shown = near[entry->number % ABI_NEAR];

		err = add_own(table, entry->number,
			      shown && shown >> 32 == entry->number ? (uint32_t)shown
								    : entry->class,
			      other);
	}
	for (size_t i = 0; !err && i < ABI_NEAR; i++)
		if (near[i] && !find(map, (uint32_t)(near[i] >> 32)))
			err = add_own(table, (uint32_t)(near[i] >> 32), (uint32_t)near[i], other);
	return err;
}

static uint64_t *map_near(int near, int protection)
{
	return mmap(NULL, ABI_NEAR * sizeof(uint64_t), protection, MAP_SHARED, near, 0);
}

int class_table_read(const struct object *object, const struct class_maps *maps,
		     struct class_table *table)
{
	uint64_t *near = map_near(maps->near, PROT_READ);
	struct class_table map = {0};
	int err = near == MAP_FAILED ? -errno : read_entries(maps->interfaces, &map);

	*table = (struct class_table){0};
	if (!err)
		err = add_shown(near, &map, object_class_other(object), table);
	if (near != MAP_FAILED)
		munmap(near, ABI_NEAR * sizeof(*near));
	class_table_free(&map);
	if (err)
		class_table_free(table);
	else if (table->count)
		qsort(table->all, table->count, sizeof(*table->all), compare_numbers);
	return err;
}

/* The class of an interface, if it is not OTHER. */
static uint32_t own_class(const struct class_table *table, uint32_t number, uint32_t other)
{
	uint32_t class = class_table_find(table, number);

	return class == other ? ABI_CLASS_NOT_KNOWN : class;
}

/* Only classes that are not OTHER stand in the map. */
static int put_entries(int map, const struct class_table *now, const struct class_table *before,
		       uint32_t other)
{
	for (size_t i = 0; i < now->count; i++) {
		const struct interface_class *entry = &now->all[i];

		if (entry->class != other &&
		    class_table_find(before, entry->number) != entry->class &&
		    bpf_map_update_elem(map, &entry->number, &entry->class, BPF_ANY))
			return -errno;
	}
	return 0;
}

static int remove_entries(int map, const struct class_table *now, const struct class_table *before,
			  uint32_t other)
{
	for (size_t i = 0; i < before->count; i++)
		if (!own_class(now, before->all[i].number, other) &&
		    bpf_map_delete_elem(map, &before->all[i].number) && errno != ENOENT)
			return -errno;
	return 0;
}

/* Where both do not fit, what is gone makes room for what is new. */
static int write_entries(int map, const struct class_table *now, const struct class_table *before,
			 uint32_t other)
{
	int err = put_entries(map, now, before, other);
	int removed = !err || err == -E2BIG ? remove_entries(map, now, before, other) : 0;

	if (err == -E2BIG && !removed)
		err = put_entries(map, now, before, other);
	return err ? err : removed;
}

/* All interfaces that the map does not have are of the class CLASS now. The word is stored at once. */
static int write_other(int machine, size_t index, uint32_t class)
{
	size_t size = (index + 1) * sizeof(uint32_t);
	uint32_t *words = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, machine, 0);

	if (words == MAP_FAILED)
		return -errno;
	__atomic_store_n(&words[index], class, __ATOMIC_RELEASE);
	munmap(words, size);
	return 0;
}

/* Of interfaces with the same place, the one with the smallest number has it. */
static int write_near(int near, const struct class_table *table)
{
	autofree uint64_t *entries = calloc(ABI_NEAR, sizeof(*entries));
	uint64_t *shown;

	if (!entries)
		return -ENOMEM;
	for (size_t i = table->count; i-- > 0;)
		entries[table->all[i].number % ABI_NEAR] = ABI_NEAR_ENTRY(table->all[i].number,
									  table->all[i].class);
	shown = map_near(near, PROT_READ | PROT_WRITE);
	if (shown == MAP_FAILED)
		return -errno;
	for (size_t i = 0; i < ABI_NEAR; i++)
		if (shown[i] != entries[i])
			__atomic_store_n(&shown[i], entries[i], __ATOMIC_RELEASE);
	munmap(shown, ABI_NEAR * sizeof(*shown));
	return 0;
}

int class_table_write(const struct object *object, const struct class_table *table,
		      const struct class_maps *maps)
{
	struct class_table before;
	int err = read_entries(maps->interfaces, &before);

	if (!err)
		err = write_entries(maps->interfaces, table, &before, object_class_other(object));
	class_table_free(&before);
	if (!err)
		err = write_other(maps->machine,
				  ABI_FLOW_CLASSES * (size_t)object->header.label_count,
				  object_class_other(object));
	if (!err)
		err = write_near(maps->near, table);
	return err ? fail(object->report, err, "tell the program of '%s' the interfaces",
			  object->image->name)
		   : 0;
}
