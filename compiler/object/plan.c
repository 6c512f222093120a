/* Plans the maps and data sections of the object by what the layout needs. Maps that would have no
 * entries are left out: the kernel refuses such maps. */
#include "plan.h"

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
		 layout->label_count ? ABI_SPARE_BLOCKS + 1 : 0, OBJECT_SPARE_MARKS, 0},
		{SYMBOL_INTERFACES, ABI_INTERFACES, BPF_MAP_TYPE_HASH,
		 layout->asks_interface ? ABI_INTERFACES_MAX : 0, OBJECT_U32, BPF_F_NO_PREALLOC},
		{SYMBOL_NEAR, ABI_NEAR_INTERFACES, BPF_MAP_TYPE_ARRAY,
		 layout->asks_interface ? ABI_NEAR : 0, OBJECT_U64, BPF_F_MMAPABLE},
	};
	size_t i;

	for (i = 0; i < OBJECT_MAPS_MAX; i++)
		if (maps[i].entries)
			plan->maps[plan->map_count++] = maps[i];
}

static void plan_host(struct object_host *host, const struct layout_object *layout)
{
	host->slot_count = layout->label_count * ABI_FLOW_CLASSES;
	host->class_count = layout->asks_interface;
	if (!host->slot_count && !host->class_count)
		host->slot_count = 1; /* the section becomes a map, whose value cannot be empty */
}

struct object_plan object_plan_of(const struct layout_object *layout)
{
	struct object_plan plan = {
		.tables = layout->tables,
		.table_bytes = layout->table_bytes,
		.tables_section = layout->tables_frozen ? ABI_TABLES_FROZEN : ABI_TABLES,
		.tables_frozen = layout->tables_frozen,
	};

	plan_maps(&plan, layout);
	plan_host(&plan.host, layout);
	return plan;
}
