/* All that an object may hold. An object is data that root runs, so it is held against what sklc
 * itself writes, and whatever else the kernel and libbpf understand is refused: other helpers, kernel
 * functions, kinds of programs, maps, types and sections. allowed.c is the list. */
#ifndef SKLC_ALLOWED_H
#define SKLC_ALLOWED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bpf_insn;
struct object;

/* Instructions of the program and its subprograms: more are never verified (kernel/bpf/syscall.c,
 * BPF_COMPLEXITY_LIMIT_INSNS). Bytes of tables: a program reaches no more. */
enum { ALLOWED_INSTRUCTIONS = 1000000, ALLOWED_TABLE_BYTES = 512 << 20 };

/* A section of the ELF file. RELOCATED is the section of code that it has the relocations of. */
struct allowed_section {
	const char *name, *relocated;
	uint32_t type;          /* SHT_... */
	uint64_t flags;         /* SHF_... */
	uint32_t first, latest; /* versions of the format that have it */
};

/* NULL: no object has a section of this name. */
const struct allowed_section *allowed_section(const char *name);

/* Whether instructions may refer to the section: it has maps, or is a map of one value. */
bool allowed_reference(const char *section);

/* Whether an instruction is one that sklc writes, as far as the instruction alone can say. */
bool allowed_instruction(const struct bpf_insn *insn);

/* Whether a program may call a helper of the kernel, an enum bpf_func_id. */
bool allowed_helper(int32_t helper);

struct allowed_map {
	const char *name;
	uint32_t type; /* an enum bpf_map_type */
	uint32_t key_bytes, value_bytes;
	uint32_t entries; /* exactly so many; 0: there must be no such map */
	uint32_t flags;   /* BPF_F_... */
};

enum { ALLOWED_MAPS = 9 };

/* The maps that an object must have by its header, and no others. */
void allowed_maps(const struct object *object, struct allowed_map maps[ALLOWED_MAPS]);

/* Whether a type of this kind, a BTF_KIND_..., may be among the object's types; NAME is the type's.
 * Some names of structs have a meaning for the kernel (`bpf_timer`). */
bool allowed_type(unsigned int kind, const char *name);

#endif
