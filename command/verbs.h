/* The verbs of the command: one table, from which come parsing, help, usage errors and what else lists them. */
#ifndef SKLC_VERBS_H
#define SKLC_VERBS_H

#include "session.h"

#include "runtime/runtime.h"

enum operand_kind {
	OPERAND_NONE,
	OPERAND_FILES,  /* all words that are left; at least one */
	OPERAND_STAGE,  /* a form of the rules; not where --dump has told it */
	OPERAND_LABEL,  /* any word */
	OPERAND_NUMBER, /* decimal, of [0, INT_MAX] */
	OPERAND_WORD,   /* one of the words that NAME has between '|' */
	OPERAND_VERB,   /* a verb */
};

struct operand {
	enum operand_kind kind;
	bool is_optional;
	const char *name; /* as the synopsis shows it */
};

/* A verb takes the options of TAKES, of NEEDS, which it cannot do without, and of ACTION: an option that means the
 * same as the verb. Exactly one of RUN and RUNTIME is there. */
struct verb {
	const char *word, *meaning;
	uint64_t takes, needs, action;
	struct operand operands[OPERANDS_MAX];
	uint64_t keeps; /* the set of capabilities that it has a use for */
	int (*run)(struct session *s);
	int (*runtime)(const struct runtime_options *options, FILE *out);
};

/* The verb at an index, from 0; NULL behind the last. */
const struct verb *verb_at(size_t index);

/* The verb of that name, or NULL. */
const struct verb *verb_named(const char *word);

/* How a verb is called: "sklc register LABEL --pid PID --fd FD"; with BY_OPTION, by the option that means the same. */
const char *verb_synopsis(struct arena *arena, const struct verb *verb, bool by_option);

/* The verb that the command line names, by a word or by an option. NULL after reporting what is wrong; where nothing is
 * named at all, without a message. */
const struct verb *verb_of_session(struct session *s);

/* Reads the words that the verb takes as its operands, and checks that its options are those that it takes. False after
 * reporting what is wrong. */
bool verb_read(struct session *s, const struct verb *verb);

#endif
