/* Rules files in memory. Every byte of every file has one position in a common 32-bit space, so that a span is
 * two numbers whatever file it is in. */
#ifndef SKLC_SOURCE_H
#define SKLC_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

/* The bytes [first, end) of the position space; {0, 0} is no span. */
struct span {
	uint32_t first, end;
};

struct source_file {
	const char *name;        /* the path by which it was found, "<stdin>" or "<command line>" */
	const char *stored_name; /* what objects call it: see struct found_file in find_files.h */
	const char *text;        /* NUL-terminated; may hold any byte */
	size_t length;
	uint32_t base;        /* the position of text[0]; a file ends at base + length */
	struct span included; /* the `include` or `file` statement that named it */
	/* Where each line begins; NULL until a location in the file is first needed. */
	const uint32_t *line_starts;
	size_t line_count;
	unsigned lines_before; /* where text is one line of a file: the lines before it */
};

struct sources {
	struct arena *arena;
	struct source_file **files; /* in the order of their bases */
	size_t count, capacity;
};

/* A position as people count: line and column from 1, the column in characters of UTF-8. */
struct source_location {
	const struct source_file *file;
	unsigned line, column;
};

struct sources *sources_new(struct arena *arena);

/* Adds a text under a name; both are copied. NULL when the 4 GiB of positions are used up. */
struct source_file *source_add(struct sources *sources, const char *name, const char *text,
			       size_t length, struct span included);

/* Reads and adds a file ("-": standard input). Reading ends behind the first NUL, but not before the fourth byte. NULL
 * with errno set: EFBIG when the positions are used up; ESPIPE if it was INCLUDED and is a pipe, a socket or a
 * device. */
struct source_file *source_read(struct sources *sources, const char *path, struct span included);

/* Adds one line of a file that was read elsewhere, with its line number. If a file of that stored name was added
 * before, the line has that one's name, and counts as included from the same span. NULL when the positions are used
 * up. */
struct source_file *source_add_line(struct sources *sources, const char *name, unsigned number,
				    const char *text);

const struct source_file *source_of(const struct sources *sources, struct span span);
struct source_location source_location(const struct sources *sources, uint32_t position);

/* The line that holds a position, without its end (LF or CR LF). */
const char *source_line(const struct sources *sources, uint32_t position, size_t *length);

/* The text under a span, not NUL-terminated; its length is span.end - span.first. */
const char *source_text(const struct sources *sources, struct span span);

static inline struct span span_join(struct span a, struct span b)
{
	return (struct span){a.first, b.end};
}

#endif
