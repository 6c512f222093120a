/* The whole compiler on one page: the forms of a compilation and the passes between them. A pass is in the
 * folder of the form that it makes. It reads one form, never changes it, and returns the next, or NULL after
 * reporting why not. */
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

/* Which back end writes the program: this compiler's own, or LLVM. */
#define BACKENDS(X) X(DIRECT, "direct") X(LLVM, "llvm")

enum backend {
#define BACKEND_ENUM(constant, word) BACKEND_##constant,
	BACKENDS(BACKEND_ENUM)
#undef BACKEND_ENUM
};

/* When rules are decided by several diagrams, each for a part of them (compiler/decision). */
#define PARTS(X)                                                                                   \
	X(AUTO, "auto") /* where one diagram would take more than a first effort */                \
	X(NEVER, "never")                                                                          \
	X(ALWAYS, "always") /* wherever the rules can be cut, and as far */

enum parts {
#define PARTS_ENUM(constant, word) PARTS_##constant,
	PARTS(PARTS_ENUM)
#undef PARTS_ENUM
};

/* A file that is given in memory. */
struct memory_file {
	const char *name;
	const char *text;
	size_t length;
};

struct compile_options {
	const char *const *files; /* "-": standard input */
	size_t file_count;
	/* If not NULL, all files in the order in which they were once read: those of `files`, and those that they
	 * name. No other file is read then, and `files` and the -I folders are not used. */
	const struct memory_file *memory;
	size_t memory_count;
	const char *const *include_folders; /* -I */
	size_t include_folder_count;
	const char *const *prefix_maps; /* --file-prefix-map OLD=NEW */
	size_t prefix_map_count;
	const char *const *definitions; /* -D NAME=VALUE */
	size_t definition_count;
	enum table_kind tables;
	enum parts parts;
	enum backend backend;        /* BACKEND_LLVM only where llvm_backend() is not NULL */
	const char *backend_version; /* of LLVM, for the object's header; NULL: none */
	size_t table_bytes_max;      /* limit for the tables of a decision; 0: the default */
	int instructions_max; /* limit for what the verifier walks beside nodes in code; 0: the default */
	bool freeze_tables; /* the tables become read-only data, which loaders freeze */
};

/* One compilation: all forms that were made so far. All is in the arena, but the nodes of the AST: they are freed once
 * the policy is made, which keeps none of them. */
struct compilation {
	struct arena *arena, *nodes;
	struct sources *sources;
	struct diag *diag;
	struct ast *ast; /* NULL again once the policy is made */
	struct policy *policy;
	struct decision *decision;
	struct layout *layout;
	struct llvm_ir *ir;       /* NULL with the direct back end */
	struct bytecode *emitted; /* the program as the back end writes it */
	struct bytecode *code;
	struct object *object;
};

/* Makes an empty compilation: no files, no messages. */
void compilation_start(struct compilation *c);

/* Runs all passes up to the one that makes LAST. Returns false if errors were queued. The caller then prints
 * the queue, and frees the compilation. */
bool compile(struct compilation *c, const struct compile_options *options, enum stage last);

/* Compiles one rules file that is in memory to an object; reads no other files. The compilation must have been
 * started. */
bool compile_memory(struct compilation *c, const char *text, size_t length,
		    const struct compile_options *options);

/* Starts a compilation, then compiles as compile_memory does. */
bool compile_text(struct compilation *c, const char *text, size_t length,
		  const struct compile_options *options);
void compilation_free(struct compilation *c);

/* compiler/ast: finds, reads and parses the rules files and those that they include; finds and reads element files,
 * whose lines ast_to_policy parses. The scanner and parser are in grammar/. After a syntax error, goes on at the next
 * statement. NODES is for what the AST points to, without its texts. */
struct ast *source_to_ast(struct arena *arena, struct arena *nodes, struct sources *sources,
			  struct diag *diag, const struct compile_options *options);

/* compiler/policy: replaces names by what they stand for and matches by sets of numbers, numbers labels,
 * counters and classes of interfaces. policy_eval, which defines the language, is there too. */
struct policy *ast_to_policy(struct arena *arena, const struct ast *ast, struct diag *diag,
			     const struct compile_options *options);

/* compiler/decision: makes a reduced decision diagram (compiler/diagram) of the rules of each flow class, or of each
 * of its parts. Refuses rules whose diagrams would take too much effort. */
struct decision *policy_to_decision(struct arena *arena, const struct policy *policy,
				    struct diag *diag, const struct compile_options *options);

/* compiler/lint: checks every `expect` by policy_eval. */
void policy_check_expects(const struct policy *policy, const struct decision *decision,
			  struct diag *diag);

/* compiler/lint: warns of rules and labels that do nothing or too much. */
void policy_lint(const struct policy *policy, const struct decision *decision, struct diag *diag);

/* compiler/layout: chooses for each node of the diagrams how it is stored and searched, in code or in which kind
 * of table, and writes the tables. */
struct layout *decision_to_layout(struct arena *arena, const struct decision *decision,
				  const struct policy *policy, struct diag *diag,
				  const struct compile_options *options);

/* compiler/emit: about how many instructions the kernel's verifier (Linux 6.18) walks in the program for a
 * layout, without its nodes in code. decision_to_layout chooses code or slower tables where they would be too
 * many. */
size_t layout_verified_instructions(const struct layout *layout);

/* compiler/emit: the direct back end. The two passes of the other one, through LLVM IR, are in
 * compiler/llvm/llvm.h. */
struct bytecode *layout_to_bytecode(struct arena *arena, const struct layout *layout,
				    struct diag *diag);

/* compiler/bytecode: makes the program shorter, and replaces jumps to basic blocks by distances. */
struct bytecode *bytecode_optimize(struct arena *arena, const struct bytecode *code,
				   struct diag *diag);

/* compiler/object: the program, its tables and what the runtime needs, as an ELF file that loaders of BPF take. */
struct object *bytecode_to_elf(struct arena *arena, const struct bytecode *code,
			       const struct layout *layout, const struct policy *policy,
			       struct diag *diag);

/* The object is all that the runtime gets. What becomes of it there, folder by folder:
 *
 *     runtime/object        reads the object and refuses what is damaged; finds in another object the rules and labels
 *                           that are the same
 *     runtime/labels        gives labels their slots in the socket map; reads socket declarations, users and cgroups
 *     runtime/load          loads the program in a child process and fills its maps; words the verifier's refusals
 *     runtime/expect        runs the `expect` lines in the kernel, with sockets made for that
 *     runtime/sockets       finds sockets that are declared, checks those that somebody registers, fills slots, and
 *                           sees to the follower, a program of runtime/bpf that fills them as sockets come
 *     runtime/transaction   runs the steps of an apply in turn: decides whether new rules may come into force, and puts
 *                           them there, or goes back
 *     runtime/state         keeps in bpffs what is in force: generations, counters, locks
 *     runtime/problems      finds what is wrong with labels and routes, and words it with its mend, for all who say it
 *     runtime/status        gathers and prints, as text and JSON: labels and their sockets, rules and their counters
 *     runtime/verbs         a file for each verb of the command, with what it prints
 *     runtime/bpf           the fixed programs that find and follow sockets, in C for BPF
 *     runtime/kernel        asks the kernel about this host: namespaces, cgroups, processes, capabilities
 *     runtime/base          messages and errors, signals, text
 *
 * At the top, command/ reads the command line by its tables of verbs and options, tells rules from objects, runs the
 * pipeline or a function of the runtime, and prints the diagnostics. compiler/base has what all use: memory, source
 * text, diagnostics and which of them -W switches, addresses, packet fields. */

void ast_dump(const struct ast *ast, FILE *out);
void policy_dump(const struct policy *policy, FILE *out);
void decision_dump(const struct decision *decision, FILE *out);
void layout_dump(const struct layout *layout, FILE *out);

#endif
