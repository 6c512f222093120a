/* Prints the tree, one node a line, indented, each with the line and column where it begins. */
#include "ast.h"
#include "compiler/pipeline.h"

#include <stdarg.h>

struct dump {
	const struct ast *ast;
	FILE *out;
	int depth;
};

static void dump_items(struct dump *d, const struct ast_items *items);

/* Prints a node: words, then line and column. */
__attribute__((format(printf, 3, 4))) static void dump_line(struct dump *d, struct span span,
							    const char *format, ...)
{
	struct source_location location = source_location(d->ast->sources, span.first);
	va_list args;

	fprintf(d->out, "%*s", 2 * d->depth, "");
	va_start(args, format);
	vfprintf(d->out, format, args);
	va_end(args);
	fprintf(d->out, " [%u:%u]\n", location.line, location.column);
}

static const char *compare_word(enum ast_compare compare)
{
	static const char *const words[] = {
#define AST_COMPARE_WORD(constant, word) [AST_COMPARE_##constant] = word,
		AST_COMPARES(AST_COMPARE_WORD)
#undef AST_COMPARE_WORD
	};

	return words[compare];
}

static const char *value_word(enum ast_value_kind kind)
{
	static const char *const words[] = {
#define AST_VALUE_NAME(constant, word) [AST_VALUE_##constant] = word,
		AST_VALUES(AST_VALUE_NAME)
#undef AST_VALUE_NAME
	};

	return words[kind];
}

static void dump_value(struct dump *d, const struct ast_value *value)
{
	char text[RANGE_TEXT];

	switch (value->kind) {
	case AST_VALUE_ADDRESS:
		address_range_format(value->family, value->range, text);
		dump_line(d, value->span, "%s %s", value_word(value->kind), text);
		break;
	case AST_VALUE_NUMBER:
		if (value->range.first == value->range.last)
			dump_line(d, value->span, "%s %ju", value_word(value->kind),
				  (uintmax_t)value->range.first);
		else
			dump_line(d, value->span, "%s %ju-%ju", value_word(value->kind),
				  (uintmax_t)value->range.first, (uintmax_t)value->range.last);
		break;
	case AST_VALUE_STRING:
		dump_line(d, value->span, "%s \"%s\"", value_word(value->kind), value->text);
		break;
	case AST_VALUE_WORD:
		dump_line(d, value->span, "%s %s", value_word(value->kind), value->text);
		break;
	case AST_VALUE_DEFINED:
	case AST_VALUE_SET:
		dump_line(d, value->span, "%s%s", value_word(value->kind), value->text);
		break;
	}
}

static void dump_values(struct dump *d, const struct ast_values *values)
{
	size_t i;

	if (values->is_list)
		dump_line(d, values->span, "list of %zu", values->count);
	d->depth += values->is_list;
	for (i = 0; i < values->count; i++)
		dump_value(d, &values->values[i]);
	d->depth -= values->is_list;
}

static const char *family_prefix(uint8_t families)
{
	if (!families)
		return "";
	return families == 1 << FAMILY_IPV4 ? "ip " : "ip6 ";
}

static const char *protocol_prefix(uint8_t protocols)
{
	if (!protocols)
		return "";
	return protocols == 1 << PROTOCOL_TCP ? "tcp " : "udp ";
}

static const char *fallback_word(enum fallback fallback)
{
	static const char *const words[] = {
		[FALLBACK_DROP] = "",
		[FALLBACK_PASS] = " else pass",
		[FALLBACK_CONTINUE] = " else continue",
	};

	return words[fallback];
}

static void dump_verdict(struct dump *d, const struct ast_verdict *verdict);

static void dump_elements(struct dump *d, const struct ast_elements *elements)
{
	const struct ast_element *element;
	size_t i, k;

	dump_line(d, elements->span, "elements, %zu", elements->count);
	d->depth++;
	for (i = 0; i < elements->count; i++) {
		element = &elements->elements[i];
		dump_line(d, element->span, "element");
		d->depth++;
		for (k = 0; k < element->key_count; k++)
			dump_value(d, &d->ast->keys[element->first_key + k]);
		if (element->verdict)
			dump_verdict(d, element->verdict);
		d->depth--;
	}
	d->depth--;
}

static void dump_lookup(struct dump *d, const struct ast_lookup *lookup)
{
	const struct ast_field_name *key;
	size_t i;

	d->depth++;
	for (i = 0; i < lookup->key_count; i++) {
		key = &lookup->keys[i];
		dump_line(d, key->span, "key %s%s%s", family_prefix(key->families),
			  protocol_prefix(key->protocols), field_word(key->field));
	}
	if (lookup->elements)
		dump_elements(d, lookup->elements);
	d->depth--;
}

static void dump_match(struct dump *d, const struct ast_match *match)
{
	if (match->lookup) {
		dump_line(d, match->span, "match %s%s%s", compare_word(match->compare),
			  match->lookup->name.text ? " @" : "",
			  match->lookup->name.text ? match->lookup->name.text : "");
		dump_lookup(d, match->lookup);
		return;
	}
	dump_line(d, match->span, "match %s%s %s", family_prefix(match->field.families),
		  field_word(match->field.field), compare_word(match->compare));
	d->depth++;
	dump_values(d, match->values);
	d->depth--;
}

static void dump_verdict(struct dump *d, const struct ast_verdict *verdict)
{
	if (verdict->kind == VERDICT_MAP) {
		dump_line(d, verdict->span, "verdict map%s%s",
			  verdict->lookup->name.text ? " @" : "",
			  verdict->lookup->name.text ? verdict->lookup->name.text : "");
		dump_lookup(d, verdict->lookup);
	} else if (verdict->target.text)
		dump_line(d, verdict->span, "verdict %s %s%s%s%s", verdict_word(verdict->kind),
			  verdict->is_defined ? "$" : "", verdict->target.text,
			  verdict->no_reuseport ? " no-reuseport" : "",
			  fallback_word(verdict->fallback));
	else
		dump_line(d, verdict->span, "verdict %s", verdict_word(verdict->kind));
}

static void dump_rule(struct dump *d, const struct ast_rule *rule)
{
	const struct ast_match *match;

	dump_line(d, rule->item.span, "rule");
	d->depth++;
	for (match = rule->matches; match; match = match->next)
		dump_match(d, match);
	if (rule->counter)
		dump_line(d, rule->item.span, "counter");
	dump_verdict(d, rule->verdict);
	if (rule->comment.text)
		dump_line(d, rule->comment.span, "comment \"%s\"", rule->comment.text);
	d->depth--;
}

static void dump_files(struct dump *d, const struct ast_file *files, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		fprintf(d->out, "%*sfile \"%s\"\n", 2 * d->depth, "", files[i].source->name);
		d->depth++;
		dump_items(d, files[i].items);
		d->depth--;
	}
}

static void dump_types(struct dump *d, const struct ast_types *types)
{
	size_t i;

	for (i = 0; types && i < types->count; i++)
		dump_line(d, types->names[i].span, "type %s", types->names[i].text);
}

static void dump_element_files(struct dump *d, const struct ast_element_file *file)
{
	for (; file; file = file->next)
		dump_line(d, file->name.span, "element file \"%s\"", file->name.text);
}

static void dump_set(struct dump *d, const struct ast_set *set)
{
	dump_line(d, set->item.span, "set %s", set->name.text);
	d->depth++;
	dump_types(d, set->type);
	if (set->elements)
		dump_values(d, set->elements);
	if (set->key_lists)
		dump_elements(d, set->key_lists);
	dump_element_files(d, set->files);
	d->depth--;
}

static void dump_map(struct dump *d, const struct ast_map *map)
{
	dump_line(d, map->item.span, "map %s", map->name.text);
	d->depth++;
	dump_types(d, map->type);
	if (map->elements)
		dump_elements(d, map->elements);
	dump_element_files(d, map->files);
	d->depth--;
}

static void endpoint_format(const struct endpoint *endpoint, char text[RANGE_TEXT])
{
	char address[ADDRESS_TEXT];

	address_format(endpoint->family, endpoint->address, address);
	if (endpoint->any)
		snprintf(text, RANGE_TEXT, "*:%u", endpoint->port);
	else if (endpoint->family == FAMILY_IPV6)
		snprintf(text, RANGE_TEXT, "[%s]:%u", address, endpoint->port);
	else
		snprintf(text, RANGE_TEXT, "%s:%u", address, endpoint->port);
}

static void dump_socket(struct dump *d, const struct ast_socket *socket)
{
	const struct ast_endpoint *endpoint;
	char text[RANGE_TEXT];

	dump_line(d, socket->item.span, "socket %s", socket->label.text);
	d->depth++;
	for (endpoint = socket->endpoints; endpoint; endpoint = endpoint->next) {
		endpoint_format(&endpoint->endpoint, text);
		dump_line(d, endpoint->span, "endpoint %s %s%s%s",
			  protocol_word(endpoint->protocol), text,
			  endpoint->device.text ? " dev " : "",
			  endpoint->device.text ? endpoint->device.text : "");
	}
	if (socket->uid.text)
		dump_line(d, socket->uid.span, "uid %s", socket->uid.text);
	if (socket->cgroup.text)
		dump_line(d, socket->cgroup.span, "cgroup %s", socket->cgroup.text);
	d->depth--;
}

static void dump_expect(struct dump *d, const struct ast_expect *expect)
{
	char source[RANGE_TEXT], destination[RANGE_TEXT];

	endpoint_format(&expect->source, source);
	endpoint_format(&expect->destination, destination);
	dump_line(d, expect->item.span, "expect %s%s%s -> %s%s%s", protocol_word(expect->protocol),
		  expect->has_source ? " " : "", expect->has_source ? source : "", destination,
		  expect->interface.text ? " iif " : "",
		  expect->interface.text ? expect->interface.text : "");
	d->depth++;
	dump_verdict(d, expect->verdict);
	d->depth--;
}

static void dump_define(struct dump *d, const struct ast_define *define)
{
	dump_line(d, define->item.span, "define %s", define->name.text);
	d->depth++;
	dump_values(d, define->value);
	d->depth--;
}

static void dump_include(struct dump *d, const struct ast_include *include)
{
	dump_line(d, include->item.span, "include \"%s\"", include->pattern.text);
	d->depth++;
	dump_files(d, include->files, include->file_count);
	d->depth--;
}

static void dump_chain(struct dump *d, const struct ast_chain *chain)
{
	dump_line(d, chain->item.span, "chain %s", chain->name.text);
	d->depth++;
	dump_items(d, chain->rules);
	d->depth--;
}

static void dump_item(struct dump *d, const struct ast_item *item)
{
	switch (item->kind) {
	case AST_ITEM_DEFINE:
		dump_define(d, (const struct ast_define *)item);
		break;
	case AST_ITEM_INCLUDE:
		dump_include(d, (const struct ast_include *)item);
		break;
	case AST_ITEM_POLICY:
		dump_line(d, item->span, "policy %s",
			  verdict_word(((const struct ast_policy *)item)->verdict));
		break;
	case AST_ITEM_OPTION:
		dump_line(d, item->span, "option %s", ((const struct ast_option *)item)->name.text);
		break;
	case AST_ITEM_SET:
		dump_set(d, (const struct ast_set *)item);
		break;
	case AST_ITEM_MAP:
		dump_map(d, (const struct ast_map *)item);
		break;
	case AST_ITEM_SOCKET:
		dump_socket(d, (const struct ast_socket *)item);
		break;
	case AST_ITEM_CHAIN:
		dump_chain(d, (const struct ast_chain *)item);
		break;
	case AST_ITEM_EXPECT:
		dump_expect(d, (const struct ast_expect *)item);
		break;
	case AST_ITEM_RULE:
		dump_rule(d, (const struct ast_rule *)item);
		break;
	}
}

static void dump_items(struct dump *d, const struct ast_items *items)
{
	size_t i;

	for (i = 0; i < items->count; i++)
		dump_item(d, items->items[i]);
}

void ast_dump(const struct ast *ast, FILE *out)
{
	struct dump d = {ast, out, 0};
	size_t i;

	for (i = 0; i < ast->definition_count; i++)
		dump_define(&d, ast->definitions[i]);
	dump_files(&d, ast->files, ast->file_count);
}
