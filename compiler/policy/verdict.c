/* Verdicts, and the numbers of the labels, chains and interfaces that rules name. */
#include "ast_to_policy.h"

#include "compiler/base/nearest.h"
#include "runtime/abi.h"

#include <string.h>

enum { LABELS_MAX = ABI_SLOT_CAPACITY / ABI_FLOW_CLASSES };

uint32_t label_number(struct translation *t, const char *name, struct span span)
{
	struct policy *policy = t->policy;
	uint32_t number = names_find(&t->label_names, name, strlen(name));

	if (number != NO_NAME)
		return number;
	if (policy->label_count == LABELS_MAX) {
		diag_error(t->diag, span, "more than %d labels: each has %d of %d slots",
			   LABELS_MAX, ABI_FLOW_CLASSES, ABI_SLOT_CAPACITY);
		diag_note(t->diag, (struct span){0, 0},
			  "sockets that may stand in for each other can share a label: a 'socket' "
			  "block declares several, in order of preference");
	}
	*ARENA_PUSH(t->arena, policy->labels, policy->label_count,
		    t->label_capacity) = (struct label){name, span};
	return names_add(&t->label_names, t->arena, name, strlen(name));
}

bool interface_is_wildcard(const char *text)
{
	size_t length = strlen(text);

	return length && text[length - 1] == '*' && (length == 1 || text[length - 2] != '\\');
}

/* What stands in the quotes, without the '*' of a wildcard and without the '\' before a '*'. */
struct interface to_interface(struct translation *t, struct ast_name text)
{
	size_t length = strlen(text.text);
	struct interface interface = {.text = text.text, .name = text.text, .span = text.span};
	bool is_escaped = length > 1 && text.text[length - 2] == '\\';

	interface.is_wildcard = interface_is_wildcard(text.text);
	if (interface.is_wildcard)
		interface.name = arena_string(t->arena, text.text, length - 1);
	else if (is_escaped && text.text[length - 1] == '*')
		interface.name = arena_printf(t->arena, "%.*s*", (int)length - 2, text.text);
	return interface;
}

uint32_t interface_number(struct translation *t, struct ast_name text, bool required)
{
	struct policy *policy = t->policy;
	uint32_t number = names_find(&t->interface_names, text.text, strlen(text.text));

	if (number == NO_NAME) {
		number = names_add(&t->interface_names, t->arena, text.text, strlen(text.text));
		*ARENA_PUSH(t->arena, policy->interfaces, policy->interface_count,
			    t->interface_capacity) = to_interface(t, text);
	}
	policy->interfaces[number].required |= required;
	return number;
}

/* The label that a verdict names, directly or by a define; NULL after reporting. */
const char *label_name(struct translation *t, const struct ast_verdict *verdict)
{
	struct ast_value use = {.kind = AST_VALUE_DEFINED, .span = verdict->target.span};
	const struct ast_value *value;

	if (!verdict->is_defined)
		return verdict->target.text;
	use.text = verdict->target.text;
	value = resolve_single(t, &use);
	if (!value)
		return NULL;
	if (value->kind == AST_VALUE_WORD)
		return value->text;
	diag_error(t->diag, use.span, "expected a label, found '$%s', which is '%.*s'", use.text,
		   quoted_length(value->span), source_text(t->ast->sources, value->span));
	diag_note(t->diag, value->span, "it is defined here");
	return NULL;
}

static bool chain_number(struct translation *t, struct ast_name name, uint32_t *number)
{
	uint32_t index = names_find(&t->chains_named.names, name.text, strlen(name.text));
	const char *nearest;

	*number = index + 1;
	if (index != NO_NAME)
		return true;
	if (!is_first_missing(t, '>', name.text))
		return false;
	nearest = nearest_word(name.text, strlen(name.text), t->chains_named.names.texts,
			       t->chains_named.names.count);
	if (nearest)
		diag_error(t->diag, name.span, "there is no chain '%s'; did you mean '%s'?",
			   name.text, nearest);
	else
		diag_error(t->diag, name.span, "there is no chain '%s'", name.text);
	return false;
}

bool to_verdict(struct translation *t, const struct ast_verdict *verdict, struct verdict *out)
{
	const char *label;

	*out = (struct verdict){verdict->kind, NO_INDEX, verdict->fallback, verdict->no_reuseport};
	switch (verdict->kind) {
	case VERDICT_REDIRECT:
		label = label_name(t, verdict);
		if (label)
			out->target = label_number(t, label, verdict->target.span);
		return label;
	case VERDICT_JUMP:
	case VERDICT_GOTO:
		return chain_number(t, verdict->target, &out->target);
	default:
		return true;
	}
}
