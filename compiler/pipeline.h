/* The whole compiler: its forms, and the passes between them, each with its contract. Data flows one
 * way: a pass reads one form, never edits it, and returns the next (NULL after reporting why not). */
#ifndef SKLC_PIPELINE_H
#define SKLC_PIPELINE_H

#include "compiler/base/source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct arena;
struct diag;
struct ast;
struct policy;
struct decision;
struct layout;
struct llvm_ir;
struct bytecode;
struct object;

/* clang-format off */
#define STAGES(X) \
	X(AST, "ast") \
	X(POLICY, "policy") \
	X(DECISION, "decision") \
	X(LAYOUT, "layout") \
	X(LLVM, "llvm") \
	X(EMITTED, "bytecode-raw") \
	X(BYTECODE, "bytecode")
/* clang-format on */

enum stage {
#define STAGE_ENUM(constant, word) STAGE_##constant,
	STAGES(STAGE_ENUM)
#undef STAGE_ENUM
		STAGE_OBJECT
};

#define TABLE_KINDS(X)                                                                             \
	X(AUTO, "auto")                                                                            \
	X(CODE, "code") X(SPLUS, "splus") X(TRIE, "trie") X(RANGES, "ranges") X(LPM, "lpm")

enum table_kind {
#define TABLE_KIND_ENUM(constant, word) TABLES_##constant,
	TABLE_KINDS(TABLE_KIND_ENUM)
#undef TABLE_KIND_ENUM
};

/* Who writes the program: this compiler, or LLVM. */
#define BACKENDS(X) X(DIRECT, "direct") X(LLVM, "llvm")

enum backend {
#define BACKEND_ENUM(constant, word) BACKEND_##constant,
	BACKENDS(BACKEND_ENUM)
#undef BACKEND_ENUM
};

struct compile_options {
	const char *const *files; /* "-": standard input */
	size_t file_count;
	const char *const *include_folders; /* -I */
	size_t include_folder_count;
	const char *const *definitions; /* -D NAME=VALUE */
	size_t definition_count;
	enum table_kind tables;
	enum backend backend;   /* LLVM: only where llvm_backend() is there */
	size_t table_bytes_max; /* budget of a decision's tables; 0: the default */
	int instructions_max;   /* that of what the verifier walks beside code; the same */
};

/* One compilation: all forms made so far, all of it in the arena. */
struct compilation {
	struct arena *arena;
	struct sources *sources;
	struct diag *diag;
	struct ast *ast;
	struct policy *policy;
	struct decision *decision;
	struct layout *layout;
	struct llvm_ir *ir;       /* NULL with the direct back end */
	struct bytecode *emitted; /* the program as the back end writes it */
	struct bytecode *code;
	struct object *object;
};

/* The beginning of a compilation: nothing read yet, nothing to say. */
void compilation_start(struct compilation *c);

/* Compiles what is started, up to and with LAST. False if there were errors, which are in the queue; in
 * either case the caller prints the queue, and then frees. */
bool compile(struct compilation *c, const struct compile_options *options, enum stage last);

/* The same of one rules file that is in memory, to the object. */
bool compile_memory(struct compilation *c, const char *text, size_t length,
		    const struct compile_options *options);

/* Starts, then does the same. */
bool compile_text(struct compilation *c, const char *text, size_t length,
		  const struct compile_options *options);
void compilation_free(struct compilation *c);

/* Rules text, includes and all, to what was written: names, literals, spans. Goes on after a syntax
 * error at the next statement. */
struct ast *source_to_ast(struct arena *arena, struct sources *sources, struct diag *diag,
			  const struct compile_options *options);

/* Names to what they stand for, matches to sets of numbers, labels and counters numbered. */
struct policy *ast_to_policy(struct arena *arena, const struct ast *ast, struct diag *diag,
			     const struct compile_options *options);

/* The function that the rules are, as a reduced diagram; refused where it outgrows the budget. */
struct decision *policy_to_decision(struct arena *arena, const struct policy *policy,
				    struct diag *diag, const struct compile_options *options);

/* Checks every `expect` against the language's definition. */
void policy_check_expects(const struct policy *policy, const struct decision *decision,
			  struct diag *diag);

/* Warns of rules and labels that do nothing or too much: each warning is a property of the function that the
 * rules are. */
void policy_lint(const struct policy *policy, const struct decision *decision, struct diag *diag);

/* How each part of the diagram is stored and searched: code, or which table. */
struct layout *decision_to_layout(struct arena *arena, const struct decision *decision,
				  const struct policy *policy, struct diag *diag,
				  const struct compile_options *options);

/* About how many instructions the kernel's verifier will walk (Linux 6.18) in the program for a layout, its nodes in
 * code aside. decision_to_layout asks, to choose compare code where the tables would need too many. */
size_t layout_verified_instructions(const struct layout *layout);

/* The program, one part after the other. The LLVM back end's two passes to the same form are in llvm.h. */
struct bytecode *layout_to_bytecode(struct arena *arena, const struct layout *layout,
				    struct diag *diag);

/* The same program in fewer instructions, and with jumps that are distances. */
struct bytecode *bytecode_optimize(struct arena *arena, const struct bytecode *code,
				   struct diag *diag);

/* The file that loaders take. */
struct object *bytecode_to_elf(struct arena *arena, const struct bytecode *code,
			       const struct layout *layout, const struct policy *policy,
			       struct diag *diag);

void ast_dump(const struct ast *ast, FILE *out);
void policy_dump(const struct policy *policy, FILE *out);
void decision_dump(const struct decision *decision, FILE *out);
void layout_dump(const struct layout *layout, FILE *out);

#endif
