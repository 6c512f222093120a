/* The second back end, which uses libLLVM. It is a shared object of its own, and the command opens it only if this back
 * end is asked for. So the command can be built without libLLVM, and can run where there is none. */
#ifndef SKLC_LLVM_H
#define SKLC_LLVM_H

#include <stddef.h>
#include <stdio.h>

struct arena;
struct bytecode;
struct bytecode_subprogram;
struct diag;
struct layout;
struct span;

/* A program in LLVM's intermediate representation, as bitcode. */
struct llvm_ir {
	const char *bitcode;
	size_t size;
	const struct bytecode_subprogram *const *subprograms; /* those that it calls, by name */
	size_t subprogram_count;
	const struct span *origins; /* origins[N - 1] is the rule of line N, see debug_lines.c */
	size_t origin_count;
};

/* The maps and data sections that the program refers to, and their names in LLVM's module. */
#define LLVM_SYMBOLS(X)                                                                            \
	X(SOCKETS, "sockets")                                                                      \
	X(RULE_COUNTERS, "rule_counters")                                                          \
	X(LABEL_COUNTERS, "label_counters")                                                        \
	X(TABLES, "tables")                                                                        \
	X(HOST, "machine")                                                                         \
	X(PREFIXES, "prefixes")

enum llvm_symbol {
#define LLVM_SYMBOL_ENUM(constant, name) LLVM_SYMBOL_##constant,
	LLVM_SYMBOLS(LLVM_SYMBOL_ENUM)
#undef LLVM_SYMBOL_ENUM
		LLVM_SYMBOL_COUNT
};

struct llvm_backend {
	const char *version; /* of sklc; must be that of the command */
	const char *llvm_version;

	/* Makes the program for a layout. It is not optimized yet. */
	struct llvm_ir *(*layout_to_llvm)(struct arena *arena, const struct layout *layout,
					  struct diag *diag);

	/* Makes the classification alone, for programs that measure or test it. It returns the number of the outcome's
	 * first row, which may be ROW_PASS or ROW_DROP. */
	struct llvm_ir *(*classifier_to_llvm)(struct arena *arena, const struct layout *layout,
					      struct diag *diag);

	/* Makes the finished program, with LLVM's optimizer and its BPF target. */
	struct bytecode *(*llvm_to_bytecode)(struct arena *arena, const struct llvm_ir *ir,
					     struct diag *diag);

	void (*llvm_dump)(const struct llvm_ir *ir, FILE *out);
};

#define LLVM_BACKEND_FILE "sklc-llvm.so"
#define LLVM_BACKEND_NAME sklc_llvm_backend

/* The table of the shared object; NULL if there is no shared object of this version of sklc. */
const struct llvm_backend *llvm_backend(void);

#endif
