/* The list. What the compiler begins to write must be added here; tests/e2e/test_object_allowed.py
 * compiles all rules of tests/golden by both back ends and has their objects taken. */
#include "allowed.h"

#include "object.h"

#include <elf.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <string.h>

enum { CODE_FLAGS = SHF_ALLOC | SHF_EXECINSTR, DATA_FLAGS = SHF_ALLOC | SHF_WRITE };

enum { OLDEST = ABI_VERSION_OLDEST, NEWEST = ABI_VERSION };

static const struct allowed_section sections[] = {
	{"license", NULL, SHT_PROGBITS, DATA_FLAGS, OLDEST, NEWEST},
	{".maps", NULL, SHT_PROGBITS, DATA_FLAGS, OLDEST, NEWEST},
	{ABI_MACHINE_2, NULL, SHT_PROGBITS, SHF_ALLOC, 2, 2},
	{ABI_MACHINE_3, NULL, SHT_PROGBITS, DATA_FLAGS, 3, 3},
	{ABI_MACHINE, NULL, SHT_NOBITS, DATA_FLAGS, 4, NEWEST},
	{ABI_TABLES_FROZEN, NULL, SHT_PROGBITS, SHF_ALLOC, OLDEST, NEWEST},
	{ABI_TABLES, NULL, SHT_PROGBITS, DATA_FLAGS, 4, NEWEST},
	{ABI_CALLED_SECTION, NULL, SHT_PROGBITS, CODE_FLAGS, OLDEST, NEWEST},
	{ABI_PROGRAM_SECTION, NULL, SHT_PROGBITS, CODE_FLAGS, OLDEST, NEWEST},
	{".BTF", NULL, SHT_PROGBITS, 0, OLDEST, NEWEST},
	{".BTF.ext", NULL, SHT_PROGBITS, 0, OLDEST, NEWEST},
	{ABI_HEADER_SECTION, NULL, SHT_STRTAB, SHF_ALLOC, OLDEST, NEWEST},
	{ABI_LABELS_SECTION, NULL, SHT_STRTAB, SHF_ALLOC, OLDEST, NEWEST},
	{ABI_INTERFACES_SECTION, NULL, SHT_STRTAB, SHF_ALLOC, OLDEST, NEWEST},
	{ABI_RULES_SECTION, NULL, SHT_STRTAB, SHF_ALLOC, OLDEST, NEWEST},
	{ABI_SOCKETS_SECTION, NULL, SHT_STRTAB, SHF_ALLOC, OLDEST, NEWEST},
	{ABI_EXPECTS_SECTION, NULL, SHT_STRTAB, SHF_ALLOC, OLDEST, NEWEST},
	{ABI_DEFINITIONS_SECTION, NULL, SHT_STRTAB, SHF_ALLOC, OLDEST, NEWEST},
	{ABI_PREFIXES_SECTION, NULL, SHT_STRTAB, SHF_ALLOC, OLDEST, NEWEST},
	{ABI_TEXTS_SECTION, NULL, SHT_STRTAB, SHF_ALLOC, OLDEST, NEWEST},
	{ABI_TEXT_SECTION, NULL, SHT_STRTAB, SHF_ALLOC, OLDEST, NEWEST},
	{ABI_STRINGS_SECTION, NULL, SHT_STRTAB, SHF_ALLOC, OLDEST, NEWEST},
	{".symtab", NULL, SHT_SYMTAB, 0, OLDEST, NEWEST},
	{".rel" ABI_PROGRAM_SECTION, ABI_PROGRAM_SECTION, SHT_REL, SHF_INFO_LINK, OLDEST, NEWEST},
	{".rel" ABI_CALLED_SECTION, ABI_CALLED_SECTION, SHT_REL, SHF_INFO_LINK, OLDEST, NEWEST},
	{".strtab", NULL, SHT_STRTAB, 0, OLDEST, NEWEST},
};

static const int32_t helpers[] = {
	BPF_FUNC_map_lookup_elem,
	BPF_FUNC_sk_release,
	BPF_FUNC_sk_assign,
};

/* Kinds of types, and the names of structs. */
static const unsigned int type_kinds[] = {
	BTF_KIND_INT,   BTF_KIND_PTR,  BTF_KIND_ARRAY, BTF_KIND_STRUCT,     BTF_KIND_FWD,
	BTF_KIND_CONST, BTF_KIND_FUNC, BTF_KIND_VAR,   BTF_KIND_FUNC_PROTO, BTF_KIND_DATASEC,
};
static const char *const struct_names[] = {
	"", "label_count", "prefix_key", "spare_marks", "bpf_sk_lookup",
};

void allowed_maps(const struct object *object, struct allowed_map maps[ALLOWED_MAPS])
{
	const struct abi_header *header = &object->header;
	const struct allowed_map all[ALLOWED_MAPS] = {
		{ABI_SOCKETS, BPF_MAP_TYPE_SOCKMAP, 4, 8, ABI_SLOT_CAPACITY, 0},
		{ABI_RULE_COUNTERS, BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, header->counter_count, 0},
		{ABI_LABEL_COUNTERS, BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct abi_label_count),
		 ABI_FLOW_CLASSES * header->label_count, 0},
		{ABI_SPARE_MARKS, BPF_MAP_TYPE_ARRAY, 4, sizeof(struct abi_spare_marks),
		 header->tries_spares ? ABI_SPARE_BLOCKS + 1 : 0, 0},
		{ABI_PREFIXES, BPF_MAP_TYPE_LPM_TRIE, sizeof(struct abi_prefix_key), 4,
		 (uint32_t)object->prefix_count, BPF_F_NO_PREALLOC},
		{ABI_INTERFACES, BPF_MAP_TYPE_HASH, 4, 4,
		 header->asks_interface ? ABI_INTERFACES_MAX : 0, BPF_F_NO_PREALLOC},
		{ABI_NEAR_INTERFACES, BPF_MAP_TYPE_ARRAY, 4, 8,
		 header->asks_interface ? ABI_NEAR : 0, 0},
		{object_tables(object), BPF_MAP_TYPE_ARRAY, 4, (uint32_t)object->tables_bytes,
		 object->tables_bytes > 0, header->tables_frozen ? BPF_F_RDONLY_PROG : 0},
		{object_machine(object), BPF_MAP_TYPE_ARRAY, 4, (uint32_t)object->machine_bytes, 1,
		 header->version == 2 ? BPF_F_RDONLY_PROG : 0},
	};

	memcpy(maps, all, sizeof(all));
}

/* Arithmetic, comparisons, loads and stores of memory, and calls. Not: arithmetic with a sign or on
 * arenas (an offset that is not 0), atomic operations, loads of packets, jumps to a register. */
bool allowed_instruction(const struct bpf_insn *insn)
{
	unsigned int class = BPF_CLASS(insn->code), op = BPF_OP(insn->code);

	switch (class) {
	case BPF_ALU:
	case BPF_ALU64:
		return op <= (class == BPF_ALU ? BPF_END : BPF_ARSH) && !insn->off;
	case BPF_JMP:
		if (op == BPF_JA || op == BPF_CALL || op == BPF_EXIT)
			return BPF_SRC(insn->code) == BPF_K;
		return op <= BPF_JSLE;
	case BPF_JMP32:
		return op != BPF_JA && op != BPF_CALL && op != BPF_EXIT && op <= BPF_JSLE;
	case BPF_LDX:
	case BPF_ST:
	case BPF_STX:
		return BPF_MODE(insn->code) == BPF_MEM;
	default:
		return insn->code == (BPF_LD | BPF_IMM | BPF_DW) && !insn->src_reg;
	}
}

const struct allowed_section *allowed_section(const char *name)
{
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		if (strcmp(sections[i].name, name) == 0)
			return &sections[i];
	return NULL;
}

bool allowed_reference(const char *section)
{
	static const char *const names[] = {".maps",       ABI_MACHINE, ABI_MACHINE_3,
					    ABI_MACHINE_2, ABI_TABLES,  ABI_TABLES_FROZEN};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], section) == 0)
			return true;
	return false;
}

bool allowed_helper(int32_t helper)
{
	for (size_t i = 0; i < sizeof(helpers) / sizeof(helpers[0]); i++)
		if (helpers[i] == helper)
			return true;
	return false;
}

static bool is_struct_name(const char *name)
{
	for (size_t i = 0; i < sizeof(struct_names) / sizeof(struct_names[0]); i++)
		if (strcmp(struct_names[i], name) == 0)
			return true;
	return false;
}

bool allowed_type(unsigned int kind, const char *name)
{
	if (kind == BTF_KIND_STRUCT || kind == BTF_KIND_FWD)
		return is_struct_name(name);
	for (size_t i = 0; i < sizeof(type_kinds) / sizeof(type_kinds[0]); i++)
		if (type_kinds[i] == kind)
			return true;
	return false;
}
