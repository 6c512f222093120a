/* The maps and data sections of an object file. They are planned once, since both the sections and
 * symbols (bytecode_to_elf.c) and the types (btf.c) are written by this plan. */
#ifndef SKLC_OBJECT_PLAN_H
#define SKLC_OBJECT_PLAN_H

#include "compiler/bytecode/bytecode.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct layout_object;

/* The type of a map's values. */
enum object_value {
	OBJECT_U64,
	OBJECT_LABEL_COUNT /* struct abi_label_count */,
	OBJECT_U32,
	OBJECT_SPARE_MARKS /* struct abi_spare_marks */
};

/* A map. Its keys are u32, or struct abi_prefix_key if it is an LPM trie. */
struct object_map {
	enum bytecode_symbol symbol;
	const char *name;
	uint32_t type;    /* an enum bpf_map_type */
	uint32_t entries; /* as many as it has room for */
	enum object_value value;
	uint32_t flags; /* BPF_F_... */
};

/* A definition in .maps is five pointers, all zero: libbpf reads only its type. */
enum { OBJECT_MAPS_MAX = 7, OBJECT_MAP_BYTES = 40 };

/* How many words of the host there are: a slot word for each label and flow class; then, where the
 * program asks for interfaces, the class of those that the map of interfaces does not have. */
struct object_host {
	size_t slot_count, class_count; /* class_count: 0 or 1 */
};

struct object_plan {
	struct object_map maps[OBJECT_MAPS_MAX];
	size_t map_count;
	const unsigned char *tables; /* there is no section of tables if table_bytes is 0 */
	const char *tables_section;
	bool tables_frozen;
	size_t table_bytes;
	struct object_host host;
};

#define OBJECT_LICENSE_SECTION "license"

/* Names of the variables in the data sections, for BTF and symbols. */
#define OBJECT_LICENSE "_license"
#define OBJECT_TABLES  "tables"
#define OBJECT_SLOTS   "slots"
#define OBJECT_CLASS   "other_interfaces"

struct object_plan object_plan_of(const struct layout_object *layout);

#endif
