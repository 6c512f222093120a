/* Finds the files that rules name, in `include` and in the `file` lines of sets and maps. */
#ifndef SKLC_AST_FIND_FILES_H
#define SKLC_AST_FIND_FILES_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct compile_options;
struct source_file;

struct finder {
	struct arena *arena;
	const struct compile_options *options; /* of them, the -I folders and the files in memory */
	size_t memory_next;                    /* the file in memory that is read next */
};

/* The path in the first folder that has the file, else the path in the folder of FROM, the naming file. */
const char *find_file(const struct finder *f, const struct source_file *from, const char *path);

/* Whether a path has wildcards. */
bool is_pattern(const char *path);

/* The paths that match a pattern in the first folder where any does, in the order of their bytes. */
const char **find_files(const struct finder *f, const struct source_file *from, const char *pattern,
			size_t *count);

#endif
