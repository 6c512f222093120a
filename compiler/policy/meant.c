/* What a value that cannot be used was probably meant to be: a name without its sign, or with another's; a value in
 * quotes. */
#include "ast_to_policy.h"

#include "compiler/base/services.h"

#include <string.h>

/* Whether a set may be written at this place: it is not within a list, and not the value of a define. */
static bool may_be_set(struct translation *t, struct span span)
{
	const struct source_file *file = source_of(t->ast->sources, span);
	size_t at = span.first - file->base;

	while (at && strchr(" \t\r\n", file->text[at - 1]))
		at--;
	return at > 1 && !strchr("{,<>.", file->text[at - 1]) &&
	       (file->text[at - 1] != '=' || strchr("=!", file->text[at - 2]));
}

/* The define, or the set of the type, that has this name, with its sign; NULL: there is none. */
const char *name_meant(struct translation *t, const char *name, struct span span,
		       enum value_type type)
{
	const size_t length = name ? strlen(name) : 0;
	uint32_t index;

	if (!name || t->in_elements)
		return NULL;
	index = names_find(&t->defines_named.names, name, length);
	if (index != NO_NAME && t->defines[index].order < t->order)
		return arena_printf(t->arena, "$%s", name);
	index = names_find(&t->sets_named.names, name, length);
	if (index != NO_NAME && t->sets[index].has_type && t->sets[index].type == type &&
	    may_be_set(t, span))
		return arena_printf(t->arena, "@%s", name);
	return NULL;
}

/* Whether a text that stands in quotes is a value of a type, without them. */
bool text_fits(const char *text, enum value_type type)
{
	const size_t length = strlen(text);
	struct literal_fault fault;
	struct literal literal;

	if (type == TYPE_PROTOCOL)
		return !strcmp(text, protocol_word(PROTOCOL_TCP)) ||
		       !strcmp(text, protocol_word(PROTOCOL_UDP));
	if (type == TYPE_PORT && service_port(text, length) >= 0)
		return true;
	return (type == TYPE_PORT || type == TYPE_ADDRESS) && length &&
	       strchr("0123456789:", *text) && literal_read(text, length, &literal, &fault) &&
	       literal.kind == (type == TYPE_PORT ? LITERAL_NUMBER : LITERAL_ADDRESS);
}

/* What may stand in place of a value of another type; NULL: nothing that is known. */
const char *value_meant(struct translation *t, const struct ast_value *value, enum value_type type)
{
	enum { NUMBER_TCP = 6, NUMBER_UDP = 17 };
	const u128 number = value->kind == AST_VALUE_NUMBER ? value->range.first : 0;

	if (value->kind == AST_VALUE_WORD)
		return name_meant(t, value->text, value->span, type);
	if (type != TYPE_PROTOCOL || (number != NUMBER_TCP && number != NUMBER_UDP) ||
	    value->range.last != number)
		return NULL;
	return protocol_word(number == NUMBER_TCP ? PROTOCOL_TCP : PROTOCOL_UDP);
}
