/* Finds out whether a statement would have no error of its own with other words in one place, by parsing it. So what a
 * message offers can be written. */
#include "failure.h"

#include "compiler/base/services.h"

#include <string.h>

enum {
	TRIED_MAX =
		1 << 20, /* bytes of statements that are parsed again, for all errors of a file */
	OFFER_MAX = 200  /* bytes of an offer; a longer one is not made */
};

static const char *text_at(const struct failure *f, uint32_t position)
{
	return f->p->file->text + (position - f->p->file->base);
}

/* How many lists are open after a span, of which the scanner has read up to the word that was found. */
static unsigned lists_after(const struct failure *f, struct span span)
{
	unsigned depth = f->p->list_depth;
	uint32_t at;

	for (at = f->span.first; depth && at < span.end; at++)
		depth -= *text_at(f, at) == '}';
	return depth;
}

/* The end of the statement that SPAN is in. */
static uint32_t end_of_statement(const struct failure *f, struct span span)
{
	const char *text = f->p->file->text, *line;
	size_t at = span.end - f->p->file->base, start = at, end = f->p->end;

	if (end - at > TRIED_MAX)
		end = at + TRIED_MAX;
	if (statement_end(text, end, &at, lists_after(f, span)))
		return f->p->file->base + (uint32_t)at;
	line = memchr(text + start, '\n', f->p->end - start);
	return f->p->file->base + (uint32_t)(line ? (size_t)(line - text) : f->p->end);
}

/* Writes the statement again, with TEXT in place of SPAN. If it stands in a block, it gets a block of the same kind
 * around it. *MENDED gets the place of TEXT in the result. */
static const char *mended_text(const struct failure *f, struct arena *arena, struct span span,
			       const char *text, struct span *mended)
{
	const struct parser *p = f->p;
	uint32_t first = p->token_count ? p->first : span.first, end = end_of_statement(f, span);
	const char *block = "";

	if (span.first < first)
		first = span.first;
	if (p->block_depth)
		block = arena_printf(arena, "%.*s\n", (int)(p->block.end - p->block_first),
				     text_at(f, p->block_first));
	mended->first = (uint32_t)strlen(block) + span.first - first;
	mended->end = mended->first + (uint32_t)strlen(text);
	return arena_printf(arena, "%s%.*s%s%.*s%s", block, (int)(span.first - first),
			    text_at(f, first), text, (int)(end - span.end), text_at(f, span.end),
			    p->block_depth ? " #\n}" : "");
}

/* Whether a value may stand for one of a type. What names stand for is not known here. */
static bool value_fits(const struct ast_value *value, enum value_type type)
{
	const size_t length = value->kind == AST_VALUE_WORD ? strlen(value->text) : 0;

	switch (value->kind) {
	case AST_VALUE_ADDRESS:
		return type == TYPE_ADDRESS;
	case AST_VALUE_NUMBER:
		return type == TYPE_PORT && value->range.last <= UINT16_MAX;
	case AST_VALUE_WORD:
		return (type == TYPE_INTERFACE && !skl_keyword(value->text, length)) ||
		       (type == TYPE_PORT && service_port(value->text, length) >= 0) ||
		       (type == TYPE_PROTOCOL &&
			(!strcmp(value->text, "tcp") || !strcmp(value->text, "udp"))) ||
		       (type == TYPE_FAMILY &&
			(!strcmp(value->text, "ipv4") || !strcmp(value->text, "ipv6")));
	case AST_VALUE_STRING:
		return type == TYPE_INTERFACE;
	default:
		return true;
	}
}

/* Whether the keys of a map, or of a match of several fields, are different fields, and its elements have values for
 * them. */
static bool keys_fit(const struct ast *ast, const struct ast_lookup *lookup)
{
	const struct ast_element *element;
	size_t i, k;

	for (k = 0; k < lookup->key_count; k++)
		for (i = 0; i < k; i++)
			if (lookup->keys[i].field == lookup->keys[k].field)
				return false;
	for (i = 0; lookup->elements && i < lookup->elements->count; i++) {
		element = &lookup->elements->elements[i];
		if (element->key_count != lookup->key_count)
			return false;
		for (k = 0; k < element->key_count; k++)
			if (!value_fits(&ast->keys[element->first_key + k],
					field_type(lookup->keys[k].field)))
				return false;
	}
	return true;
}

static bool matches_fit(const struct ast *ast, const struct ast_rule *rule)
{
	const struct ast_value *protocol = NULL, *value;
	const struct ast_match *match;
	size_t i;

	for (match = rule->matches; match; match = match->next) {
		if (match->lookup) {
			if (match->compare > AST_COMPARE_UNEQUAL || !keys_fit(ast, match->lookup))
				return false;
			continue;
		}
		value = match->values->values;
		for (i = 0; i < match->values->count; i++)
			if (!value_fits(&value[i], field_type(match->field.field)) ||
			    (value[i].kind == AST_VALUE_ADDRESS && match->field.families &&
			     !(match->field.families & 1u << value[i].family)))
				return false;
		if (match->compare > AST_COMPARE_UNEQUAL &&
		    (match->values->is_list || field_type(match->field.field) != TYPE_PORT ||
		     (value->kind == AST_VALUE_NUMBER && value->range.first != value->range.last)))
			return false;
		if (match->field.field != FIELD_L4PROTO || match->values->is_list ||
		    match->compare != AST_COMPARE_EQUAL || value->kind != AST_VALUE_WORD)
			continue;
		if (protocol && strcmp(protocol->text, value->text) != 0)
			return false;
		protocol = value;
	}
	return rule->verdict->kind != VERDICT_MAP || keys_fit(ast, rule->verdict->lookup);
}

static bool is_key(const char *word)
{
	enum field field;

	for (field = 0; field < FIELD_COUNT; field++)
		if (field_info(field)->is_map_key && !strcmp(word, field_word(field)))
			return true;
	return false;
}

static bool type_fits(const struct ast_set *set)
{
	const struct ast_types *types = set->type;
	enum value_type type;
	size_t i;

	for (i = 0; types && i < types->count; i++) {
		for (type = 0; type < TYPE_COUNT; type++)
			if (!strcmp(types->names[i].text, type_word(type)))
				break;
		if (type == TYPE_COUNT && (types->count == 1 || !is_key(types->names[i].text)))
			return false;
	}
	return true;
}

/* Whether each value in the rules has a type that its match takes, and each set has types that sets may have. */
static bool items_fit(const struct ast *ast, const struct ast_items *items)
{
	const struct ast_item *item;
	size_t i;

	for (i = 0; i < items->count; i++) {
		item = items->items[i];
		if (item->kind == AST_ITEM_RULE && !matches_fit(ast, (const struct ast_rule *)item))
			return false;
		if (item->kind == AST_ITEM_SET && !type_fits((const struct ast_set *)item))
			return false;
		if (item->kind == AST_ITEM_CHAIN &&
		    !items_fit(ast, ((const struct ast_chain *)item)->rules))
			return false;
	}
	return true;
}

static bool parses(struct arena *arena, int kind, const char *text, struct span mended)
{
	struct sources *sources = sources_new(arena);
	const struct source_file *file = source_add(sources, "", text, strlen(text),
						    (struct span){0, 0});
	struct ast ast = {.sources = sources};
	struct parser p = {.arena = arena,
			   .nodes = arena,
			   .sources = sources,
			   .diag = diag_new(arena, sources),
			   .ast = &ast,
			   .file = file,
			   .end = file->length,
			   .position = file->base,
			   .start = kind,
			   .field = FIELD_NONE,
			   .mended = {file->base + mended.first, file->base + mended.end},
			   .is_trial = true};

	p.items = ast_items(&p);
	return !skl_run(&p) && !diag_error_count(p.diag) && items_fit(&ast, p.items);
}

bool mend_parses(const struct failure *f, struct span span, const char *text)
{
	struct parser *p = f->p;
	struct arena *arena;
	struct span mended;
	const char *mend;
	bool good;

	if (p->is_trial || p->tried >= TRIED_MAX)
		return false;
	p->tried += strlen(text) + end_of_statement(f, span) -
		    (p->token_count ? p->first : span.first) +
		    (p->block_depth ? p->block.end - p->block_first : 0);
	if (p->tried >= TRIED_MAX)
		return false;
	arena = arena_new();
	mend = mended_text(f, arena, span, text, &mended);
	good = parses(arena, p->kind, mend, mended);
	arena_free(arena);
	return good;
}

void say_mend(const struct failure *f, struct span span, const char *text, const char *why)
{
	if (strlen(text) <= OFFER_MAX && mend_parses(f, span, text))
		diag_error(f->p->diag, span, "%s; write '%s'", why, text);
	else
		diag_error(f->p->diag, span, "%s", why);
}

const char *checked_offer(struct parser *p, struct span span, const char *why)
{
	const struct failure f = {.p = p, .span = span};
	const char *offer = strstr(why, "; write '"), *first;
	size_t length;

	if (!offer)
		return why;
	first = offer + strlen("; write '");
	length = strlen(first);
	if (length && first[length - 1] == '\'')
		length--;
	if (length <= OFFER_MAX &&
	    mend_parses(&f, span, arena_printf(p->arena, "%.*s", (int)length, first)))
		return why;
	return arena_printf(p->arena, "%.*s", (int)(offer - why), why);
}

/* Whether a word may have been cut in two: by a semicolon, or by a newline before what cannot begin a statement. */
static bool is_cut_off(const struct parser *p, struct span word)
{
	const char *rest = source_text(p->sources, (struct span){word.end, word.end});

	return *rest == ';' || (*rest == '\n' && rest[1] && strchr("0123456789.:/-", rest[1]));
}

void refuse_literal(struct parser *p, struct span word, struct span span, const char *why)
{
	const bool follows = p->refused.end && span.first >= p->refused.first &&
			     blank_between(p, p->refused.end, span.first,
					   p->list_depth ? ".-\n" : ".-");

	if (p->is_trial &&
	    (span.first >= p->mended.end || span.end <= p->mended.first)) /* another */
		return;
	if (!follows)
		diag_error(p->diag, span, "%s", p->is_trial ? why : checked_offer(p, span, why));
	if (!follows || word.end > p->refused.end)
		p->refused = word;
	if (is_cut_off(p, word))
		p->cut = word.end;
}

void refuse_word(struct parser *p, struct span span, const char *why)
{
	refuse_literal(p, span, span, why);
}
