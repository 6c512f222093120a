/* Runs the passes, each of which makes the next form of the rules, up to the last form that is asked for. Stops
 * after the first pass that reports an error. */
#include "pipeline.h"

#include "compiler/ast/ast.h"
#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/llvm/llvm.h"

static bool make_ast(struct compilation *c, const struct compile_options *options)
{
	c->ast = source_to_ast(c->arena, c->nodes, c->sources, c->diag, options);
	return c->ast;
}

static bool make_policy(struct compilation *c, const struct compile_options *options)
{
	c->policy = ast_to_policy(c->arena, c->ast, c->diag, options);
	arena_free(c->nodes);
	c->nodes = NULL;
	c->ast = NULL;
	return c->policy;
}

static bool make_decision(struct compilation *c, const struct compile_options *options)
{
	c->decision = policy_to_decision(c->arena, c->policy, c->diag, options);
	if (!c->decision)
		return false;
	policy_check_expects(c->policy, c->decision, c->diag);
	if (!diag_error_count(c->diag))
		policy_lint(c->policy, c->decision, c->diag);
	return true;
}

static bool make_layout(struct compilation *c, const struct compile_options *options)
{
	c->layout = decision_to_layout(c->arena, c->decision, c->policy, c->diag, options);
	return c->layout;
}

static bool make_llvm(struct compilation *c, const struct compile_options *options)
{
	if (options->backend != BACKEND_LLVM)
		return true;
	c->ir = llvm_backend()->layout_to_llvm(c->arena, c->layout, c->diag);
	return c->ir;
}

static bool make_emitted(struct compilation *c, const struct compile_options *options)
{
	if (options->backend == BACKEND_LLVM)
		c->emitted = llvm_backend()->llvm_to_bytecode(c->arena, c->ir, c->diag);
	else
		c->emitted = layout_to_bytecode(c->arena, c->layout, c->diag);
	return c->emitted;
}

/* LLVM has optimized its program already. Optimizing it again here would hide differences between the two back
 * ends, which check each other. */
static bool make_bytecode(struct compilation *c, const struct compile_options *options)
{
	if (options->backend == BACKEND_LLVM)
		c->code = c->emitted;
	else
		c->code = bytecode_optimize(c->arena, c->emitted, c->diag);
	return c->code;
}

static bool make_object(struct compilation *c, const struct compile_options *options)
{
	(void)options;
	c->object = bytecode_to_elf(c->arena, c->code, c->layout, c->policy, c->diag);
	return c->object;
}

static bool (*const passes[])(struct compilation *c, const struct compile_options *options) = {
	[STAGE_AST] = make_ast,           [STAGE_POLICY] = make_policy,
	[STAGE_DECISION] = make_decision, [STAGE_LAYOUT] = make_layout,
	[STAGE_LLVM] = make_llvm,         [STAGE_EMITTED] = make_emitted,
	[STAGE_BYTECODE] = make_bytecode, [STAGE_OBJECT] = make_object,
};

void compilation_start(struct compilation *c)
{
	*c = (struct compilation){.arena = arena_new(), .nodes = arena_new()};
	c->sources = sources_new(c->arena);
	c->diag = diag_new(c->arena, c->sources);
}

static bool run_passes(struct compilation *c, const struct compile_options *options,
		       enum stage first, enum stage last)
{
	unsigned stage;

	for (stage = first; stage <= (unsigned)last; stage++)
		if (!passes[stage](c, options) || diag_error_count(c->diag))
			return false;
	return true;
}

static bool finish(struct compilation *c, bool done)
{
	diag_sort(c->diag);
	return done;
}

bool compile(struct compilation *c, const struct compile_options *options, enum stage last)
{
	return finish(c, run_passes(c, options, STAGE_AST, last));
}

bool compile_memory(struct compilation *c, const char *text, size_t length,
		    const struct compile_options *options)
{
	const struct source_file *file = source_add(c->sources, "<memory>", text, length,
						    (struct span){0, 0});

	c->ast = text_to_ast(c->arena, c->nodes, c->sources, file, c->diag, options);
	if (!c->ast || diag_error_count(c->diag))
		return finish(c, false);
	return finish(c, run_passes(c, options, STAGE_POLICY, STAGE_OBJECT));
}

bool compile_text(struct compilation *c, const char *text, size_t length,
		  const struct compile_options *options)
{
	compilation_start(c);
	return compile_memory(c, text, length, options);
}

void compilation_free(struct compilation *c)
{
	arena_free(c->nodes);
	arena_free(c->arena);
}
