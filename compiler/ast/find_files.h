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

/* A file, and its name in objects, which depends neither on the folder that holds the rules nor on how its path was
 * typed. That of a file on the command line is its base name. That of a file that rules name is the path that they have
 * for it, within the folder of the naming file as its name in objects has it, or within the -I folder. Of folders that
 * --file-prefix-map names, files have the whole path. */
struct found_file {
	const char *path, *stored_name;
};

/* A file of the command line. */
struct found_file given_file(const struct finder *f, const char *path);

/* The path in the first folder that has the file, else the path in the folder of FROM, the naming file. */
struct found_file find_file(const struct finder *f, const struct source_file *from,
			    const char *path);

/* Whether a path has wildcards. */
bool is_pattern(const char *path);

/* The paths that match a pattern in the first folder where any does, in the order of their bytes. */
struct found_file *find_files(const struct finder *f, const struct source_file *from,
			      const char *pattern, size_t *count);

#endif
