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

/* A file that rules call `-` is a file of this name, not the standard input. */
static const char *join_path(const struct finder *f, const char *folder, const char *path)
{
	if (!folder[0] && !strcmp(path, "-"))
		return "./-";
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

/* The part of PATH behind FOLDER, without a slash before it; NULL if PATH is not there. Both are absolute. */
static const char *path_within(const char *path, const char *folder)
{
	size_t length = strlen(folder);

	while (length && folder[length - 1] == '/')
		length--;
	if (strncmp(path, folder, length) != 0 || (path[length] && path[length] != '/'))
		return NULL;
	path += length;
	return *path == '/' ? path + 1 : path;
}

/* A folder without the slash at its end; that of the root stays. */
static const char *without_slash(const struct finder *f, const char *folder)
{
	size_t length = strlen(folder);

	return length > 1 && folder[length - 1] == '/' ? arena_string(f->arena, folder, length - 1)
						       : folder;
}

/* A folder as an absolute path without symbolic links; as it is if there is none. */
static const char *real_folder(const struct finder *f, const char *folder)
{
	char *real = realpath(folder[0] ? folder : ".", NULL);
	const char *copy = real ? arena_string(f->arena, real, strlen(real)) : folder;

	free(real);
	return copy;
}

/* What objects call a folder: what the last --file-prefix-map for it or for one above says; "" without such. */
static const char *stored_folder(const struct finder *f, const char *folder)
{
	size_t i = f->options->prefix_map_count;

	while (i-- > 0) {
		const char *map = f->options->prefix_maps[i], *sign = strchr(map, '=');
		const char *old = arena_string(f->arena, map, (size_t)(sign - map));
		const char *rest = path_within(real_folder(f, folder), real_folder(f, old));

		if (rest)
			return *rest ? join_path(f, without_slash(f, sign + 1), rest)
				     : without_slash(f, sign + 1);
	}
	return "";
}

/* The Nth folder to look in, and what objects call it: the naming file's, then the -I folders; NULL after the last. */
static struct found_file nth_folder(const struct finder *f, const struct source_file *from,
				    size_t n)
{
	const char *folder;

	if (n == 0)
		return (struct found_file){folder_of(f, from->name),
					   folder_of(f, from->stored_name)};
	if (n > f->options->include_folder_count)
		return (struct found_file){NULL, NULL};
	folder = f->options->include_folders[n - 1];
	return (struct found_file){folder, stored_folder(f, folder)};
}

struct found_file given_file(const struct finder *f, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (f->options->memory || !strcmp(path, "-"))
		return (struct found_file){path, path};
	return (struct found_file){
		path, join_path(f, stored_folder(f, folder_of(f, path)), slash ? slash + 1 : path)};
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
static struct found_file *find_all_in_memory(const struct finder *f, const char *pattern,
					     size_t *count)
{
	const struct memory_file *all = f->options->memory, *next = &all[f->memory_next];
	size_t left = f->options->memory_count - f->memory_next, folder, i;
	struct found_file *found = arena_alloc(f->arena, left + 1, sizeof(*found));

	*count = 0;
	folder = left ? folder_in_memory(next, pattern) : SIZE_MAX;
	for (i = 0; folder != SIZE_MAX && i < left; i++)
		if (folder_in_memory(&next[i], pattern) == folder &&
		    !strncmp(next[i].name, next->name, folder))
			found[(*count)++] = (struct found_file){next[i].name, next[i].name};
	return found;
}

static struct found_file join(const struct finder *f, struct found_file folder, const char *path)
{
	return (struct found_file){join_path(f, folder.path, path),
				   join_path(f, folder.stored_name, path)};
}

struct found_file find_file(const struct finder *f, const struct source_file *from,
			    const char *path)
{
	struct found_file folder, candidate;
	struct stat status;
	size_t n;

	if (f->options->memory) {
		path = find_in_memory(f, path);
		return (struct found_file){path, path};
	}
	for (n = 0; folder = nth_folder(f, from, n), folder.path; n++) {
		candidate = join(f, folder, path);
		if (!stat(candidate.path, &status))
			return candidate;
	}
	return join(f, nth_folder(f, from, 0), path);
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

static bool is_folder(const char *path)
{
	struct stat status;

	return !stat(path, &status) && S_ISDIR(status.st_mode);
}

/* The file at a path that the pattern gave in a folder. */
static struct found_file file_in(const struct finder *f, struct found_file folder,
				 const char *pattern, const char *path)
{
	size_t length = pattern[0] == '/' ? 0 : strlen(folder.path);

	path = arena_string(f->arena, path, strlen(path));
	return join(f, folder, length ? path + length + (path[length] == '/') : path);
}

struct found_file *find_files(const struct finder *f, const struct source_file *from,
			      const char *pattern, size_t *count)
{
	struct found_file folder, *files = NULL;
	glob_t found;
	size_t n, i;

	if (f->options->memory)
		return find_all_in_memory(f, pattern, count);
	*count = 0;
	for (n = 0; !*count && (folder = nth_folder(f, from, n), folder.path); n++) {
		if (glob(join_path(f, escape_pattern(f, folder.path), pattern), GLOB_NOSORT, NULL,
			 &found))
			continue;
		qsort(found.gl_pathv, found.gl_pathc, sizeof(*found.gl_pathv), compare_paths);
		files = arena_alloc(f->arena, found.gl_pathc, sizeof(*files));
		for (i = 0; i < found.gl_pathc; i++)
			if (!is_folder(found.gl_pathv[i]))
				files[(*count)++] = file_in(f, folder, pattern, found.gl_pathv[i]);
		globfree(&found);
	}
	return files;
}
