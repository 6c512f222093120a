/* What the files that report syntax errors share: the error in the making, and what they ask about it. */
#ifndef SKLC_FAILURE_H
#define SKLC_FAILURE_H

#include "parser.h"

enum { TOKENS = 128, PHRASES_MAX = 12, FOUND_MAX = 60 };

struct failure {
	struct parser *p;
	struct span span;      /* the word that was found */
	int found;             /* its token */
	bool expected[TOKENS]; /* by token, from the first on */
	const char *phrases[PHRASES_MAX];
	size_t phrase_count;
};

bool is_expected(const struct failure *f, int token);
bool is_definition(int token); /* the first word of one */
bool found_is_word(const struct failure *f);
bool found_is(const struct failure *f, const char *word);
bool found_is_any(const struct failure *f, const char *const *words); /* up to a NULL */

/* The word that was found, in quotes; or a description, where it is no word ("the end of the file"). */
const char *found_text(const struct failure *f);

/* Whether any word is a name here: no other part of the grammar expects both of these keywords. */
bool takes_any_name(const struct failure *f);

/* Whether a match or a verdict is expected, within a rule or at its beginning. */
bool is_in_rule(const struct failure *f);

/* Moves *AT to the end of its statement, or of the block around it; DEPTH braces are open. False if they are
 * not closed before END. */
bool statement_end(const char *text, size_t end, size_t *at, unsigned depth);

/* Makes the scanner go on where what is wrong ends. */
void pass_over(const struct failure *f, bool maybe_left_open);

/* Whether the statement, with TEXT in place of the bytes of SPAN, has no syntax error. False also once much was
 * tried in this file. */
bool mend_parses(const struct failure *f, struct span span, const char *text);

/* WHY without the "; write '…'" at its end, if the statement has an error with that in place of SPAN, too. */
const char *checked_offer(struct parser *p, struct span span, const char *why);

/* Reports the error at SPAN, and TEXT as what to write there if the statement then parses. */
void say_mend(const struct failure *f, struct span span, const char *text, const char *why);

/* Words around the one that was found. */
bool is_blank(char c);
struct span word_at(const struct failure *f, uint32_t first); /* from a position on */
struct span word_after(const struct failure *f, struct span span);
struct span word_before(const struct failure *f,
			struct span span); /* in the statement; may be empty */
bool span_is(const struct failure *f, struct span span, const char *word);
struct span rest_from(const struct failure *f,
		      uint32_t first); /* of the statement, but for a comment */
const char *text_of(const struct failure *f, struct span span);

/* Report what another program writes in another way, or what does not exist here; false: nothing was reported. */
bool say_foreign(const struct failure *f);
bool say_pasted(const struct failure *f);
bool say_sign(const struct failure *f);
bool say_spelling(const struct failure *f);

/* Whether this line begins a base chain of nft: `type filter hook ...; policy ...;`. */
bool is_hook(const struct failure *f);

/* The verdict that a word of other programs stands for; 0: none. */
int verdict_meant(const struct failure *f);

/* The word of a match that a word of other programs stands for, if the statement then parses; else NULL. */
const char *match_meant(const struct failure *f);

#endif
