/* Which line of the rules an instruction is from, by the object's .BTF.ext. */
#ifndef SKLC_LINE_INFO_H
#define SKLC_LINE_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct btf;
struct object;

struct line_info {
	uint32_t file;    /* index of the object's texts */
	uint32_t line;    /* from 1 */
	const char *text; /* how the rule begins; as long as TYPES */
};

/* Of the instruction with that number in the program; false for what serves all rules, for functions that the
 * program calls, and where the object does not say. */
bool line_info_find(const struct object *object, const struct btf *types, size_t instruction,
		    struct line_info *info);

#endif
