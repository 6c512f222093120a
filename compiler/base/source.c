/* The files of a compilation, kept whole in memory. Positions begin at 1, so that 0 can mean "no position". A
 * file takes one position more than its length, so that its end is a position of its own. */
#include "source.h"

#include "arena.h"
#include "lower_bound.h"
#include "utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_CHUNK = 1 << 16 };

struct sources *sources_new(struct arena *arena)
{
	struct sources *sources = arena_alloc(arena, 1, sizeof(*sources));

	sources->arena = arena;
	return sources;
}

/* Adds a file without copying TEXT, which must live in the arena and end in NUL. */
static struct source_file *add_file(struct sources *sources, const char *name, const char *text,
				    size_t length, struct span included)
{
	const struct source_file *last = sources->count ? sources->files[sources->count - 1] : NULL;
	size_t base = last ? (size_t)last->base + last->length + 1 : 1;
	struct source_file *file;

	if (base > UINT32_MAX || length >= UINT32_MAX - base)
		return NULL;
	file = arena_alloc(sources->arena, 1, sizeof(*file));
	name = arena_string(sources->arena, name, strlen(name));
	*file = (struct source_file){
		.name = name,
		.stored_name = name,
		.text = text,
		.length = length,
		.base = (uint32_t)base,
		.included = included,
	};
	*ARENA_PUSH(sources->arena, sources->files, sources->count, sources->capacity) = file;
	return file;
}

struct source_file *source_add(struct sources *sources, const char *name, const char *text,
			       size_t length, struct span included)
{
	if (length >= UINT32_MAX)
		return NULL;
	return add_file(sources, name, arena_string(sources->arena, text, length), length,
			included);
}

struct source_file *source_add_line(struct sources *sources, const char *name, unsigned number,
				    const char *text)
{
	struct span included = {0, 0};
	struct source_file *file;
	size_t i;

	for (i = 0; i < sources->count; i++)
		if (!strcmp(sources->files[i]->stored_name, name)) {
			included = sources->files[i]->included;
			name = sources->files[i]->name;
			break;
		}
	file = source_add(sources, name, text, strlen(text), included);
	if (file)
		file->lines_before = number - 1;
	return file;
}

/* What is kept of a text with NULs at least: as many bytes as tell in which encoding it is. */
enum { KEPT_MIN = 4 };

/* Cuts a text behind its first NUL byte, or behind KEPT_MIN bytes if that is more; *LENGTH becomes the new length.
 * False if there is no NUL. The first SEEN bytes are known to have none. */
static bool cut_at_nul(const char *text, size_t seen, size_t *length)
{
	const char *nul;
	size_t kept;

	if (seen < KEPT_MIN)
		seen = 0;
	nul = memchr(text + seen, '\0', *length - seen);
	if (!nul || *length < KEPT_MIN)
		return false;
	kept = (size_t)(nul - text) + 1;
	*length = kept < KEPT_MIN ? KEPT_MIN : kept;
	return true;
}

/* Reads until the end, whatever size was expected: a pipe has size 0, and a file may grow. Reads no further than to a
 * NUL, which no rules have, so that a device that never ends is not read until memory is full. NULL with errno set.
 * Arena memory is zeroed, so the text ends in NUL. */
static char *read_all(struct arena *arena, int fd, size_t expected, size_t *length)
{
	size_t capacity = expected + 2, more, seen;
	char *text = arena_alloc(arena, capacity, 1);
	ssize_t got;
	bool done;

	*length = 0;
	for (;;) {
		got = read(fd, text + *length, capacity - *length - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return NULL;
		seen = *length;
		*length += (size_t)got;
		done = cut_at_nul(text, seen, length);
		text[*length] = '\0';
		if (got == 0 || done)
			return text;
		if (*length >= UINT32_MAX) {
			errno = EFBIG;
			return NULL;
		}
		if (*length + 1 == capacity) {
			more = capacity + READ_CHUNK + *length;
			text = arena_resize(arena, text, capacity, more, 1);
			capacity = more;
		}
	}
}

static struct source_file *read_descriptor(struct sources *sources, int fd, const char *name,
					   struct span included)
{
	struct source_file *file;
	struct stat status;
	size_t length;
	char *text;

	if (fstat(fd, &status))
		return NULL;
	if (status.st_size >= UINT32_MAX) {
		errno = EFBIG;
		return NULL;
	}
	text = read_all(sources->arena, fd, S_ISREG(status.st_mode) ? (size_t)status.st_size : 0,
			&length);
	if (!text)
		return NULL;
	file = add_file(sources, name, text, length, included);
	if (!file)
		errno = EFBIG;
	return file;
}

/* Whether the path may be read; errno says why not. The command line may name a file, a pipe or a device; rules may
 * name files only. The path is not opened to find out: opening a pipe would wake its writer. */
static bool check_kind(const char *path, struct span included)
{
	struct stat status;

	if (stat(path, &status))
		return false;
	if (S_ISREG(status.st_mode) || (!included.end && !S_ISDIR(status.st_mode)))
		return true;
	errno = S_ISDIR(status.st_mode) ? EISDIR : ESPIPE;
	return false;
}

struct source_file *source_read(struct sources *sources, const char *path, struct span included)
{
	struct source_file *file;
	int fd, error;

	if (!strcmp(path, "-"))
		return read_descriptor(sources, STDIN_FILENO, "<stdin>", included);
	if (!check_kind(path, included))
		return NULL;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (included.end ? O_NONBLOCK : 0));
	if (fd < 0)
		return NULL;
	file = read_descriptor(sources, fd, path, included);
	error = errno;
	close(fd);
	errno = error;
	return file;
}

static struct source_file *file_at(const struct sources *sources, uint32_t position)
{
	size_t next = LOWER_BOUND(i, 0, sources->count, sources->files[i]->base > position);

	return next ? sources->files[next - 1] : NULL;
}

const struct source_file *source_of(const struct sources *sources, struct span span)
{
	return file_at(sources, span.first);
}

const char *source_text(const struct sources *sources, struct span span)
{
	const struct source_file *file = file_at(sources, span.first);

	return file ? file->text + (span.first - file->base) : "";
}

/* Fills the table of where each line begins, in bytes of the file. */
static void find_lines(struct arena *arena, struct source_file *file)
{
	const char *end = file->text + file->length, *at;
	uint32_t *starts;
	size_t count = 1;

	for (at = file->text; (at = memchr(at, '\n', (size_t)(end - at))); at++)
		count++;
	starts = arena_alloc(arena, count, sizeof(*starts));
	file->line_count = count;
	count = 1;
	for (at = file->text; (at = memchr(at, '\n', (size_t)(end - at))); count++)
		starts[count] = (uint32_t)(++at - file->text);
	file->line_starts = starts;
}

/* The index of the line that holds a byte: the last line that begins at or before it. */
static size_t line_index(const struct source_file *file, uint32_t offset)
{
	return LOWER_BOUND(i, 1, file->line_count, file->line_starts[i] > offset) - 1;
}

/* Makes the table of lines when it is first needed. */
struct source_location source_location(const struct sources *sources, uint32_t position)
{
	struct source_file *file = file_at(sources, position);
	struct source_location location = {file, 0, 0};
	uint32_t offset, at;
	size_t line;

	if (!file)
		return location;
	if (!file->line_starts)
		find_lines(sources->arena, file);
	offset = position - file->base;
	line = line_index(file, offset);
	location.line = file->lines_before + (unsigned)line + 1;
	location.column = 1;
	for (at = file->line_starts[line]; at < offset; at++)
		location.column += !utf8_is_continuation(file->text[at]);
	return location;
}

const char *source_line(const struct sources *sources, uint32_t position, size_t *length)
{
	struct source_file *file = file_at(sources, position);
	const char *start, *end;
	size_t line;

	*length = 0;
	if (!file)
		return "";
	if (!file->line_starts)
		find_lines(sources->arena, file);
	line = line_index(file, position - file->base);
	start = file->text + file->line_starts[line];
	end = file->text + file->length;
	if (line + 1 < file->line_count)
		end = file->text + file->line_starts[line + 1] - 1;
	if (end > start && end[-1] == '\r')
		end--;
	*length = (size_t)(end - start);
	return start;
}
