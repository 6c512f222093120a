/* Lines of the rules, from the text that travels in the object: what messages show. */
#ifndef SKLC_EXCERPT_H
#define SKLC_EXCERPT_H

#include "report.h"

struct object;

struct rules_line {
	struct excerpt excerpt; /* the whole line */
	char *text;
};

/* A line, from 1, of the FILE-th of the object's texts; empty where there is none. To be freed; -errno
 * after a message. */
int rules_line_read(const struct object *object, uint32_t file, uint32_t line,
		    struct rules_line *rules_line);
void rules_line_free(struct rules_line *rules_line);

/* Narrows an excerpt to WORDS; to the line without its indent where they are not on it as a whole. */
void excerpt_mark(struct excerpt *excerpt, const char *words);

#endif
