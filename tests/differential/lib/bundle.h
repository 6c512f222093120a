/* A rules file and the files that it reads, as one text: before each of those stands a line "### NAME". So a failure
 * can be shrunk over all of them at once. */
#ifndef SKLC_BUNDLE_H
#define SKLC_BUNDLE_H

#include "compiler/pipeline.h"

#define BUNDLE_MARK "### "
enum { BUNDLE_FILES_MAX = 32, BUNDLE_NAME_MAX = 64 };

struct bundle {
	struct memory_file files[BUNDLE_FILES_MAX]; /* the rules first */
	size_t count;
	char names[BUNDLE_FILES_MAX][BUNDLE_NAME_MAX];
};

/* The files of a text. Their texts point into it. */
void bundle_split(struct bundle *bundle, const char *text);

/* Compiles a text with the files that its rules read; the compilation must have been started. */
bool bundle_compile(struct compilation *c, const char *text, struct compile_options options,
		    enum stage last);

/* Writes the files into a folder, the rules as "rules.conf" with a comment before them. False with errno. */
bool bundle_write(const char *text, const char *folder, const char *comment);

#endif
