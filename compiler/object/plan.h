/* The maps and data sections of an object file. They are planned once, for the writer of sections
 * and symbols and for the writer of types. */
#ifndef SKLC_OBJECT_PLAN_H
#define SKLC_OBJECT_PLAN_H

#include "compiler/bytecode/bytecode.h"

#include <stddef.h>
#include <stdint.h>

struct arena;
struct layout_object;

/* The values of a map. */
enum object_value {
	OBJECT_U64,
	OBJECT_LABEL_COUNT /* struct abi_label_count */,
	OBJECT_U32,
	OBJECT_SPARE_MARKS /* struct abi_spare_marks */
};

/* A map. Its keys are u32, or struct abi_prefix_key for a trie. */
struct object_map {
	enum bytecode_symbol symbol;
	const char *name;
	uint32_t type; /* an enum bpf_map_type */
	uint32_t entries;
	enum object_value value;
	uint32_t flags;
};

/* A definition in .maps is five pointers, all zero: libbpf reads only its type. */
enum { OBJECT_MAPS_MAX = 5, OBJECT_MAP_BYTES = 40 };

/* The words of .rodata.machine: slots, then interfaces. */
struct object_machine {
	uint32_t *words;
	size_t slot_count, interface_count;
};

struct object_plan {
	struct object_map maps[OBJECT_MAPS_MAX];
	size_t map_count;
	const unsigned char *tables; /* .rodata; there is no such section if table_bytes is 0 */
	size_t table_bytes;
	struct object_machine machine;
};

/* Names of the variables in the data sections, for BTF and symbols. */
#define OBJECT_TABLES     "tables"
#define OBJECT_SLOTS      "slots"
#define OBJECT_INTERFACES "interfaces"

struct object_plan object_plan_of(struct arena *arena, const struct layout_object *layout);

static inline size_t object_machine_bytes(const struct object_machine *machine)
{
	return (machine->slot_count + machine->interface_count) * sizeof(uint32_t);
}

#endif
