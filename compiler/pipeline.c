/* The compiler on one page: each pass makes the next form of what the rules say, until the last that
 * is asked for; the first form with an error in it ends the way. */
#include "pipeline.h"

#include "arena.h"
#include "diag.h"

static bool make_ast(struct compilation *c, const struct compile_options *options)
{
	c->ast = source_to_ast(c->arena, c->sources, c->diag, options);
	return c->ast;
}

static bool make_policy(struct compilation *c, const struct compile_options *options)
{
	c->policy = ast_to_policy(c->arena, c->ast, c->diag, options);
	return c->policy;
}

static bool make_decision(struct compilation *c, const struct compile_options *options)
{
	c->decision = policy_to_decision(c->arena, c->policy, c->diag, options);
	if (c->decision)
		policy_check_expects(c->policy, c->decision, c->diag);
	return c->decision;
}

static bool make_layout(struct compilation *c, const struct compile_options *options)
{
	c->layout = decision_to_layout(c->arena, c->decision, c->policy, c->diag, options);
	return c->layout;
}

static bool make_bytecode(struct compilation *c, const struct compile_options *options)
{
	(void)options;
	c->code = layout_to_bytecode(c->arena, c->layout, c->diag);
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
	[STAGE_BYTECODE] = make_bytecode, [STAGE_OBJECT] = make_object,
};

bool compile(struct compilation *c, const struct compile_options *options, enum stage last)
{
	unsigned stage;
	size_t i;

	*c = (struct compilation){.arena = arena_new()};
	c->sources = sources_new(c->arena);
	c->diag = diag_new(c->arena, c->sources);
	for (i = 0; i < options->warning_count; i++)
		diag_option(c->diag, options->warnings[i]);
	for (stage = STAGE_AST; stage <= (unsigned)last; stage++)
		if (!passes[stage](c, options) || diag_error_count(c->diag))
			return false;
	return true;
}

void compilation_free(struct compilation *c)
{
	arena_free(c->arena);
}
