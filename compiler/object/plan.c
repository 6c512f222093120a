/* Plans the maps and data sections of the object by what the layout needs. Maps without entries are
 * left out: the kernel refuses them. */
#include "plan.h"

#include "compiler/base/arena.h"
#include "compiler/layout/layout.h"

#include "runtime/abi.h"

static void plan_maps(struct object_plan *plan, const struct layout_object *layout)
{
	const struct object_map maps[OBJECT_MAPS_MAX] = {
		{SYMBOL_SOCKETS, ABI_SOCKETS, BPF_MAP_TYPE_SOCKMAP, ABI_SLOT_CAPACITY, OBJECT_U64,
		 0},
		{SYMBOL_RULE_COUNTERS, ABI_RULE_COUNTERS, BPF_MAP_TYPE_PERCPU_ARRAY,
		 (uint32_t)layout->counter_count, OBJECT_U64, 0},
		{SYMBOL_LABEL_COUNTERS, ABI_LABEL_COUNTERS, BPF_MAP_TYPE_PERCPU_ARRAY,
		 (uint32_t)layout->label_count * ABI_FLOW_CLASSES, OBJECT_LABEL_COUNT, 0},
		{SYMBOL_PREFIXES, ABI_PREFIXES, BPF_MAP_TYPE_LPM_TRIE,
		 (uint32_t)layout->prefix_count, OBJECT_U32, BPF_F_NO_PREALLOC},
		{SYMBOL_SPARE_MARKS, ABI_SPARE_MARKS, BPF_MAP_TYPE_ARRAY,
		 layout->tries_spares ? ABI_SPARE_BLOCKS + 1 : 0, OBJECT_SPARE_MARKS, 0},
	};
	size_t i;

	for (i = 0; i < OBJECT_MAPS_MAX; i++)
		if (maps[i].entries)
			plan->maps[plan->map_count++] = maps[i];
}

/* The defaults, with which any loader can load the object: slots are numbered in order, and the
 * host has none of the interfaces. */
static void plan_machine(struct arena *arena, struct object_machine *machine,
			 const struct layout_object *layout)
{
	size_t i;

	machine->slot_count = layout->label_count * ABI_FLOW_CLASSES;
	machine->interface_count = layout->interface_count;
	if (!machine->slot_count && !machine->interface_count)
		machine->slot_count = 1; /* a map needs a value */
	machine->words = arena_alloc(arena, machine->slot_count + machine->interface_count,
				     sizeof(*machine->words));
	for (i = 0; i < machine->slot_count; i++)
		machine->words[i] = (uint32_t)i;
	for (i = 0; i < machine->interface_count; i++)
		machine->words[machine->slot_count + i] = ABI_INTERFACE_UNKNOWN;
}

struct object_plan object_plan_of(struct arena *arena, const struct layout_object *layout)
{
	struct object_plan plan = {
		.tables = layout->tables,
		.table_bytes = layout->table_bytes,
	};

	plan_maps(&plan, layout);
	plan_machine(arena, &plan.machine, layout);
	return plan;
}
