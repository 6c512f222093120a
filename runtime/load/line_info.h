/* Finds the line of the rules that an instruction was compiled from, in the object's .BTF.ext. */
#ifndef SKLC_LINE_INFO_H
#define SKLC_LINE_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct btf;
struct object;

struct line_info {
	uint32_t file;    /* index into the object's texts */
	uint32_t line;    /* from 1 */
	const char *text; /* the beginning of the rule; lives as long as TYPES */
};

/* INSTRUCTION is an index into the program. False for code that serves all rules, for subprograms,
 * and if the object has no such information. */
bool line_info_find(const struct object *object, const struct btf *types, size_t instruction,
		    struct line_info *info);

#endif
