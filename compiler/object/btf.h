/* Type information of an object file: the types of its maps, data and program, and the line of the
 * rules that each instruction comes from. */
#ifndef SKLC_OBJECT_BTF_H
#define SKLC_OBJECT_BTF_H

#include <stddef.h>

struct arena;
struct bytecode;
struct object_plan;
struct sources;

struct object_btf {
	const void *types; /* .BTF */
	size_t type_bytes;
	const void *lines; /* .BTF.ext */
	size_t line_bytes;
};

/* Returns NULL, or what went wrong. */
const char *object_btf_make(struct arena *arena, const struct object_plan *plan,
			    const struct bytecode *code, const struct sources *sources,
			    struct object_btf *btf);

#endif
