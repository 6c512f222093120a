/* The options of the command line, and the words between them. */
#ifndef SKLC_OPTIONS_H
#define SKLC_OPTIONS_H

#include "compiler/pipeline.h"

#include <stdint.h>

/* Constant, letter (0: none), word, argument (NULL: none), meaning. The order is that of --help. */
#define OPTIONS(X)                                                                                 \
	X(OUTPUT, 'o', "output", "FILE", "write the BPF object to FILE ('-': standard output)")    \
	X(CHECK, 0, "check", NULL, "the same as `sklc check`")                                     \
	X(APPLY, 0, "apply", NULL, "the same as `sklc apply`")                                     \
	X(DUMP, 0, "dump", "STAGE", "the same as `sklc dump`; STAGE is " STAGE_WORDS)              \
	X(DEFINE, 'D', "define", "NAME=VALUE", "override a define of the rules")                   \
	X(INCLUDE, 'I', "include", "DIR", "look for included files in DIR too")                    \
	X(FILE_PREFIX_MAP, 0, "file-prefix-map", "OLD=NEW",                                        \
	  "in the object, files in the folder OLD are named as in NEW")                            \
	X(WARNING, 'W', "warning", "NAME", "switch a warning: NAME, no-NAME, error, error=NAME")   \
	X(TABLES, 0, "tables", "KIND", "store decisions as " TABLE_KIND_WORDS)                     \
	X(PARTS, 0, "parts", "WHEN", "cut large rules into parts: " PARTS_WORDS)                   \
	X(BACKEND, 0, "backend", "BACKEND", "write the program by: " BACKEND_WORDS)                \
	X(INSTRUCTIONS_MAX, 0, "instructions-max", "COUNT",                                        \
	  "refuse rules whose program has the verifier walk about so many instructions, beside "   \
	  "those in code")                                                                         \
	X(TABLES_MAX, 0, "tables-max", "BYTES", "refuse rules whose tables are larger (K, M, G)")  \
	X(FREEZE_TABLES, 0, "freeze-tables", NULL, "tables that nobody can write once loaded")     \
	X(VERIFY, 0, "verify", NULL, "compile the rules in an object again, and compare")          \
	X(NETNS, 0, "netns", "NETNS", "a network namespace: a name, a path or pid:N")              \
	X(BPFFS, 0, "bpffs", "DIR", "where bpffs is mounted; /sys/fs/bpf by default")              \
	X(REQUIRE_SOCKETS, 0, "require-sockets", NULL, "refuse to apply with an empty label")      \
	X(CONFIRM, 0, "confirm", "SECONDS", "go back to the old rules, unless confirmed in time")  \
	X(IF_GENERATION, 0, "if-generation", "N[:HASH]",                                           \
	  "only if that generation is applied, and its hash begins so")                            \
	X(ALL, 0, "all", NULL, "every namespace that has rules")                                   \
	X(PID, 0, "pid", "PID", "the process that has the socket")                                 \
	X(FD, 0, "fd", "FD", "the socket's descriptor in that process")                            \
	X(OVERRIDE, 0, "override", NULL, "put it before the sockets that the rules declare")       \
	X(JSON, 0, "json", NULL, "results and diagnostics as JSON")                                \
	X(COLOR, 0, "color", "WHEN", "colored diagnostics: auto, always, never")                   \
	X(QUIET, 'q', "quiet", NULL, "no warnings, no summaries")                                  \
	X(VERBOSE, 'v', "verbose", NULL, "say what is done")                                       \
	X(HELP, 'h', "help", NULL, "what a verb does and takes")                                   \
	X(VERSION, 'V', "version", NULL, "the version")

#define STAGE_WORDS      "ast, policy, decision, layout, llvm, bytecode-raw, bytecode"
#define BACKEND_WORDS    "direct, llvm"
#define PARTS_WORDS      "auto, never, always"
#define TABLE_KIND_WORDS "auto, code, splus, trie, ranges, lpm"

enum option_id {
#define OPTION_ENUM(constant, letter, word, argument, meaning) OPTION_##constant,
	OPTIONS(OPTION_ENUM)
#undef OPTION_ENUM
		OPTION_COUNT
};

/* A set of options is a uint64_t with a bit for each. */
#define OPTION_BIT(constant) (UINT64_C(1) << OPTION_##constant)
_Static_assert(OPTION_COUNT <= 64, "a set of options has 64 bits");

enum color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct options {
	struct diag *diag; /* where errors in the command line are queued */
	uint64_t given;    /* a set of options */
	const char *output, *netns, *bpffs;
	enum stage dump;
	enum color color;
	int pid, fd, confirm_seconds, if_generation; /* -1: not given */
	const char *if_hash;            /* 8 to 64 hexadecimal digits; NULL: not given */
	struct compile_options compile; /* compile.files are set with the verb's operands */
	char *const *words;             /* those that are no options */
	size_t word_count;
	bool is_by_word; /* the verb was the first word, and is no longer among them */
};

static inline bool option_given(const struct options *options, enum option_id option)
{
	return options->given >> option & 1;
}

/* Reads the whole command line; the results point into ARENA and ARGV. Returns false after reporting all errors
 * to DIAG, which also keeps the -W options. */
bool options_read(struct arena *arena, struct diag *diag, int argc, char **argv,
		  struct options *options);

/* An option as written: "--netns"; its one-letter form or 0; what its argument is called, or NULL; what it is for. */
const char *option_word(enum option_id option);
char option_letter(enum option_id option);
const char *option_argument(enum option_id option);
const char *option_meaning(enum option_id option);

/* The stage of that name; false after reporting that there is none. */
bool read_stage(struct diag *diag, const char *word, enum stage *stage);

/* A decimal number of [0, INT_MAX]; false after reporting that TAKER, an option or a verb, takes a number. */
bool read_number(struct diag *diag, const char *taker, const char *text, int *number);

/* Chooses the back end that the stage needs; false after reporting that it is not installed. */
bool options_choose_backend(struct options *options);

/* Reports an error in the command line. */
void usage_error(struct diag *diag, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The index of WORD among COUNT words; -1 after reporting that this KIND of word is unknown, and which is
 * nearest. */
int find_word(struct diag *diag, const char *kind, const char *word, const char *const *words,
	      size_t count);

#endif
