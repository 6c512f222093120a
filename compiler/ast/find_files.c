/* Looks for a path in the folder of the naming file, then in the -I folders. */
#include "find_files.h"

#include "compiler/base/arena.h"
#include "compiler/base/source.h"
#include "compiler/pipeline.h"

#include <fnmatch.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *join_path(const struct finder *f, const char *folder, const char *path)
{
	if (path[0] == '/' || !folder[0])
		return path;
	return arena_printf(f->arena, "%s/%s", folder, path);
}

/* The folder of a file as a prefix for paths; "" for the working directory. */
static const char *folder_of(const struct finder *f, const char *name)
{
	const char *slash = strrchr(name, '/');

	if (!slash)
		return "";
	return slash == name ? "/" : arena_string(f->arena, name, (size_t)(slash - name));
}

/* The Nth folder to look in: the naming file's, then the -I folders; NULL after the last. */
static const char *nth_folder(const struct finder *f, const struct source_file *from, size_t n)
{
	if (n == 0)
		return folder_of(f, from->name);
	return n <= f->options->include_folder_count ? f->options->include_folders[n - 1] : NULL;
}

/* The length of the folder, with its slash, in the name of a file in memory that PATH, which may have wildcards, names
 * from some folder; SIZE_MAX if it is another file. */
static size_t folder_in_memory(const struct memory_file *file, const char *path)
{
	const char *at = file->name + strlen(file->name);
	size_t slashes = 0, i;

	for (i = 0; path[i]; i++)
		slashes += path[i] == '/';
	while (at > file->name && (at[-1] != '/' || slashes))
		slashes -= *--at == '/';
	if (path[0] == '/')
		at = file->name;
	return fnmatch(path, at, FNM_PATHNAME | FNM_PERIOD) ? SIZE_MAX : (size_t)(at - file->name);
}

/* The next file in memory, if a path may name it. */
static const char *find_in_memory(const struct finder *f, const char *path)
{
	const struct memory_file *next = &f->options->memory[f->memory_next];

	return f->memory_next < f->options->memory_count && folder_in_memory(next, path) != SIZE_MAX
		       ? next->name
		       : path;
}

/* The files in memory from the next one on that match a pattern in the folder where the next one does. */
static const char **find_all_in_memory(const struct finder *f, const char *pattern, size_t *count)
{
	const struct memory_file *all = f->options->memory, *next = &all[f->memory_next];
	size_t left = f->options->memory_count - f->memory_next, folder, i;
	const char **paths = arena_alloc(f->arena, left + 1, sizeof(*paths));

	*count = 0;
	folder = left ? folder_in_memory(next, pattern) : SIZE_MAX;
	for (i = 0; folder != SIZE_MAX && i < left; i++)
		if (folder_in_memory(&next[i], pattern) == folder &&
		    !strncmp(next[i].name, next->name, folder))
			paths[(*count)++] = next[i].name;
	return paths;
}

const char *find_file(const struct finder *f, const struct source_file *from, const char *path)
{
	const char *folder, *candidate;
	struct stat status;
	size_t n;

	if (f->options->memory)
		return find_in_memory(f, path);
	for (n = 0; (folder = nth_folder(f, from, n)); n++) {
		candidate = join_path(f, folder, path);
		if (!stat(candidate, &status))
			return candidate;
	}
	return join_path(f, nth_folder(f, from, 0), path);
}

bool is_pattern(const char *path)
{
	return strpbrk(path, "*?[");
}

/* The name of a folder as a glob pattern that matches only that folder. */
static const char *escape_pattern(const struct finder *f, const char *folder)
{
	char *escaped = arena_alloc(f->arena, 2 * strlen(folder) + 1, 1);
	char *to = escaped;

	for (; *folder; *to++ = *folder++)
		if (strchr("*?[\\", *folder))
			*to++ = '\\';
	return escaped;
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

const char **find_files(const struct finder *f, const struct source_file *from, const char *pattern,
			size_t *count)
{
	const char *folder, **paths = NULL;
	glob_t found;
	size_t n, i;

	if (f->options->memory)
		return find_all_in_memory(f, pattern, count);
	*count = 0;
	for (n = 0; !*count && (folder = nth_folder(f, from, n)); n++) {
		if (glob(join_path(f, escape_pattern(f, folder), pattern), GLOB_NOSORT, NULL,
			 &found))
			continue;
		qsort(found.gl_pathv, found.gl_pathc, sizeof(*found.gl_pathv), compare_paths);
		paths = arena_alloc(f->arena, found.gl_pathc, sizeof(*paths));
		for (i = 0; i < found.gl_pathc; i++)
			paths[i] = arena_string(f->arena, found.gl_pathv[i],
						strlen(found.gl_pathv[i]));
		*count = found.gl_pathc;
		globfree(&found);
	}
	return paths;
}
