/* The command line after reading: the options that were given, and the operands. */
#ifndef SKLC_OPTIONS_H
#define SKLC_OPTIONS_H

#include "pipeline.h"

#include <stdint.h>

/* Constant, letter (0: none), word, argument (NULL: none), meaning. The order is that of --help. */
#define OPTIONS(X)                                                                                 \
	X(OUTPUT, 'o', "output", "FILE", "compile to a BPF object in FILE ('-': standard output)") \
	X(CHECK, 0, "check", NULL, "dry run: through this kernel's verifier, attaching nothing")   \
	X(APPLY, 0, "apply", NULL, "attach, replacing what was applied before")                    \
	X(DUMP, 0, "dump", "STAGE", "print a form: " STAGE_WORDS)                                  \
	X(DEFINE, 'D', "define", "NAME=VALUE", "override a define of the rules")                   \
	X(INCLUDE, 'I', "include", "DIR", "look for included files in DIR too")                    \
	X(WARNING, 'W', "warning", "NAME", "switch a warning: NAME, no-NAME, error, error=NAME")   \
	X(TABLES, 0, "tables", "KIND", "store decisions as " TABLE_KIND_WORDS)                     \
	X(BACKEND, 0, "backend", "BACKEND", "write the program by: " BACKEND_WORDS)                \
	X(INSTRUCTIONS_MAX, 0, "instructions-max", "COUNT",                                        \
	  "refuse rules whose program has the verifier walk about so many instructions, beside "   \
	  "those in code")                                                                         \
	X(TABLES_MAX, 0, "tables-max", "BYTES", "refuse rules whose tables are larger (K, M, G)")  \
	X(NETNS, 0, "netns", "NETNS", "a network namespace: a name, a path or pid:N")              \
	X(BPFFS, 0, "bpffs", "DIR", "where bpffs is mounted; /sys/fs/bpf by default")              \
	X(REQUIRE_SOCKETS, 0, "require-sockets", NULL, "refuse to apply with an empty label")      \
	X(CONFIRM, 0, "confirm", "SECONDS", "go back to the old rules, unless confirmed in time")  \
	X(IF_GENERATION, 0, "if-generation", "N", "only if the applied rules are the N-th")        \
	X(ALL, 0, "all", NULL, "every namespace that has rules")                                   \
	X(PID, 0, "pid", "PID", "the process that has the socket")                                 \
	X(FD, 0, "fd", "FD", "the socket's descriptor in that process")                            \
	X(JSON, 0, "json", NULL, "results and diagnostics as JSON")                                \
	X(COLOR, 0, "color", "WHEN", "colored diagnostics: auto, always, never")                   \
	X(QUIET, 'q', "quiet", NULL, "no warnings, no summaries")                                  \
	X(VERBOSE, 'v', "verbose", NULL, "say what is done")                                       \
	X(HELP, 'h', "help", NULL, "this text")                                                    \
	X(VERSION, 'V', "version", NULL, "the version")

#define STAGE_WORDS      "ast, policy, decision, layout, llvm, bytecode-raw, bytecode"
#define BACKEND_WORDS    "direct, llvm"
#define TABLE_KIND_WORDS "auto, code, splus, trie, ranges, lpm"

enum option_id {
#define OPTION_ENUM(constant, letter, word, argument, meaning) OPTION_##constant,
	OPTIONS(OPTION_ENUM)
#undef OPTION_ENUM
		OPTION_COUNT
};

#define OPTION_BIT(constant) (UINT32_C(1) << OPTION_##constant)

enum color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct options {
	struct diag *diag; /* where errors in the command line are queued */
	uint32_t given;    /* bits 1 << enum option_id */
	const char *output, *netns, *bpffs;
	enum stage dump;
	enum color color;
	int pid, fd, confirm_seconds, if_generation; /* -1: not given */
	struct compile_options compile;              /* compile.files are the operands */
	char *const *operands;
	size_t operand_count;
};

static inline bool option_given(const struct options *options, enum option_id option)
{
	return options->given >> option & 1;
}

/* Reads the whole command line; the results point into ARENA and ARGV. Returns false after reporting all errors
 * to DIAG, which also keeps the -W options. */
bool options_read(struct arena *arena, struct diag *diag, int argc, char **argv,
		  struct options *options);

/* An option as written: "--netns". */
const char *option_word(enum option_id option);
void options_help(FILE *out);

/* Reports an error in the command line. */
void usage_error(struct diag *diag, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The index of WORD among COUNT words; -1 after reporting that this KIND of word is unknown, and which is
 * nearest. */
int find_word(struct diag *diag, const char *kind, const char *word, const char *const *words,
	      size_t count);

#endif
