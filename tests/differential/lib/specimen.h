/* Rules and packets that fail: found in a child process, seen again, made small, and written to a file. */
#ifndef SKLC_SPECIMEN_H
#define SKLC_SPECIMEN_H

#include "trial.h"

/* Plain memory, which processes share. */
struct specimen {
	struct failure failure;
	uint32_t count;
	struct sample samples[BATCH_MAX];
	char interfaces[BATCH_MAX][INTERFACE_TEXT];
};

/* Tries a rules file with PACKETS packets in the variants that suit it, or in VARIANTS of them, which the seed draws.
 * The specimen says what fails first. */
struct hunt {
	struct lab *lab;
	uint64_t seed;
	uint32_t packets;
	uint32_t variants; /* 0: all */
	const struct kind_of_file *kind;
	const char *text;
	struct specimen *specimen;
	uint32_t programs; /* that were asked */
};
void hunt_run(struct hunt *hunt);

/* How long a specimen may be made smaller: the seconds are of CPU time, so that a busy machine does as well. */
struct effort {
	unsigned tries, seconds;
	const volatile bool *stop; /* if not NULL: ends it early */
};

/* Makes a text and its specimen as small as it can while the same fails. Returns the text, which the caller frees.
 * TRIES: how many smaller ones were tried. */
char *specimen_shrink(struct specimen *specimen, struct lab *lab, const char *text,
		      struct effort effort, unsigned *tries);

/* Whether a text still fails with the packets of a specimen, in a child process. The specimen gets what is wrong. */
bool specimen_fails(struct specimen *specimen, struct lab *lab, const char *text);

/* Says in some lines, each a comment, what is wrong and of which variants. Writes them and the text to
 * FOLDER/rules.conf; false, with errno, if that fails. Prints them, too. */
bool specimen_report(struct specimen *specimen, struct lab *lab, const char *text, uint64_t seed,
		     const char *folder);

#endif
