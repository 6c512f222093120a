/* Documents in JSON, which are made with jansson. Its functions return NULL, or do nothing, where memory runs
 * out and where a text is not UTF-8; what they were to add then lacks in the document. So the first ends the
 * process, and texts that others chose are escaped. */
#ifndef SKLC_BASE_JSON_H
#define SKLC_BASE_JSON_H

#include <jansson.h>
#include <stddef.h>

/* From now on the process exits with ARENA_EXIT_STATUS (arena.h) where jansson cannot allocate. */
void json_start(void);

/* A string, of any bytes but NUL, in which what is unsafe to show is escaped as in messages ("\x1b"; see
 * escape.h); null for NULL. */
json_t *json_text(const char *text);

/* As json_text, for SIZE bytes. */
json_t *json_bytes(const char *bytes, size_t size);

#endif
