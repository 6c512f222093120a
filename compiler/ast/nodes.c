/* The nodes of the tree: each function is what one action of the grammar calls. Sets, maps and sockets are in
 * block_nodes.c. */
#include "ast.h"
#include "parser.h"

#include <string.h>

enum { NAME_MAX_BYTES = 63, SMALL_LIST = 4 };

/* Names. */

static struct ast_name text_of(struct parser *p, struct span span)
{
	const char *text = source_text(p->sources, span);

	return (struct ast_name){arena_string(p->arena, text, span.end - span.first), span};
}

struct ast_name ast_name(struct parser *p, struct span span)
{
	if (span.end - span.first > NAME_MAX_BYTES)
		diag_error(p->diag, span, "a name has at most %d bytes, this one has %u",
			   NAME_MAX_BYTES, span.end - span.first);
	return text_of(p, span);
}

struct ast_name ast_unmarked(struct parser *p, struct span span)
{
	return ast_name(p, (struct span){span.first + 1, span.end});
}

/* Without the closing quote, which the scanner has reported, there is no text. */
struct ast_name ast_unquoted(struct parser *p, struct span span)
{
	const char *text = source_text(p->sources, span);
	uint32_t length = span.end - span.first;

	bool is_closed = length > 1 && text[length - 1] == '"';
	struct ast_name name;

	span.end -= is_closed;
	span.first++;
	name = text_of(p, span);
	if (!is_closed)
		name.text = NULL;
	return name;
}

/* Values. */

struct ast_value ast_literal(const struct literal *literal, struct span span)
{
	struct ast_value value = {.span = span, .family = literal->family, .range = literal->range};

	value.kind = literal->kind == LITERAL_NUMBER ? AST_VALUE_NUMBER : AST_VALUE_ADDRESS;
	return value;
}

/* Reports a reversed range, and returns it in the right order. */
static struct range mend_range(struct parser *p, const struct ast_value *value)
{
	struct range range = {value->range.last, value->range.first};
	char mended[RANGE_TEXT];

	if (value->kind == AST_VALUE_ADDRESS)
		address_range_format(value->family, range, mended);
	else
		port_range_format(range, mended);
	refuse_word(p, value->span,
		    arena_printf(p->arena, "the range '%.*s' is reversed; write '%s'",
				 (int)(value->span.end - value->span.first),
				 source_text(p->sources, value->span), mended));
	return range;
}

struct ast_value ast_range(struct parser *p, struct span span, const struct literal *first,
			   const struct literal *last)
{
	const char *text = source_text(p->sources, span);
	int length = (int)(span.end - span.first);
	struct ast_value value = ast_literal(first, span);

	value.range.last = last->range.last;
	if (first->is_wrong || last->is_wrong)
		return value;
	if (first->is_prefix || last->is_prefix)
		diag_error(p->diag, span, "a range goes from one address to another, not '%.*s'",
			   length, text);
	else if (first->family != last->family)
		diag_error(p->diag, span, "the range '%.*s' goes from one family to another",
			   length, text);
	else if (value.range.first > value.range.last)
		value.range = mend_range(p, &value);
	return value;
}

struct ast_value ast_named(enum ast_value_kind kind, struct ast_name name, struct span span)
{
	return (struct ast_value){.span = span, .kind = kind, .text = name.text};
}

struct ast_value ast_word(struct parser *p, struct span span)
{
	struct ast_name name = ast_name(p, span);

	say_any(p, span, name.text);
	return ast_named(AST_VALUE_WORD, name, span);
}

struct ast_values *ast_single(struct parser *p, struct ast_value value)
{
	struct ast_values *values = arena_alloc(p->nodes, 1, sizeof(*values));

	values->values = arena_alloc(p->nodes, 1, sizeof(value));
	values->values[0] = value;
	values->count = values->capacity = 1;
	values->span = value.span;
	return values;
}

struct ast_values *ast_list(struct parser *p)
{
	struct ast_values *list = arena_alloc(p->nodes, 1, sizeof(*list));

	list->is_list = true;
	return list;
}

struct ast_values *ast_list_add(struct parser *p, struct ast_values *list, struct ast_value value)
{
	if (!list->capacity) {
		list->values = arena_alloc(p->nodes, SMALL_LIST, sizeof(value));
		list->capacity = SMALL_LIST;
	}
	*ARENA_PUSH(p->nodes, list->values, list->count, list->capacity) = value;
	return list;
}

struct ast_values *ast_list_close(struct ast_values *list, struct span span)
{
	list->span = span;
	return list;
}

/* Fields and matches. */

struct ast_field_name ast_field(enum field field, struct span span)
{
	return (struct ast_field_name){.span = span, .field = field};
}

struct ast_field_name ast_field_spelled(struct ast_field_name field, struct span span)
{
	field.span = span;
	return field;
}

struct ast_field_name ast_field_of_family(struct ast_field_name field, enum family family,
					  struct span span)
{
	field.families = (uint8_t)(1 << family);
	return ast_field_spelled(field, span);
}

struct ast_field_name ast_field_of_protocol(struct ast_field_name field, enum protocol protocol,
					    struct span span)
{
	field.protocols = (uint8_t)(1 << protocol);
	return ast_field_spelled(field, span);
}

struct ast_match *ast_match(struct parser *p, struct span span, struct ast_field_name field,
			    enum ast_compare compare, const struct ast_values *values)
{
	struct ast_match *match = arena_alloc(p->nodes, 1, sizeof(*match));

	match->span = span;
	match->field = field;
	match->compare = compare;
	match->values = values;
	return match;
}

struct ast_match *ast_keys_match(struct parser *p, struct span span, struct ast_lookup *lookup,
				 enum ast_compare compare, struct ast_name set,
				 const struct ast_elements *elements)
{
	struct ast_match *match = arena_alloc(p->nodes, 1, sizeof(*match));

	lookup->name = set;
	lookup->elements = elements;
	*match = (struct ast_match){.span = span, .compare = compare, .lookup = lookup};
	return match;
}

/* `tcp` alone is a match: the protocol is tcp. */
struct ast_match *ast_protocol_match(struct parser *p, struct span span)
{
	struct ast_value word = ast_named(AST_VALUE_WORD, ast_name(p, span), span);

	return ast_match(p, span, ast_field(FIELD_L4PROTO, span), AST_COMPARE_EQUAL,
			 ast_single(p, word));
}

struct ast_matches ast_matches_add(struct ast_matches matches, struct ast_match *match)
{
	if (matches.last)
		matches.last->next = match;
	else
		matches.first = match;
	matches.last = match;
	return matches;
}

/* Verdicts. */

struct ast_verdict *ast_verdict(struct parser *p, enum verdict_kind kind, struct span span)
{
	struct ast_verdict *verdict = arena_alloc(p->nodes, 1, sizeof(*verdict));

	verdict->kind = kind;
	verdict->span = span;
	return verdict;
}

struct ast_verdict *ast_redirect(struct parser *p, struct span span, struct ast_value target,
				 bool no_reuseport, enum fallback fallback)
{
	struct ast_verdict *verdict = ast_verdict(p, VERDICT_REDIRECT, span);

	verdict->target = (struct ast_name){target.text, target.span};
	verdict->is_defined = target.kind == AST_VALUE_DEFINED;
	verdict->no_reuseport = no_reuseport;
	verdict->fallback = fallback;
	return verdict;
}

struct ast_verdict *ast_call(struct parser *p, enum verdict_kind kind, struct span span,
			     struct ast_name chain)
{
	struct ast_verdict *verdict = ast_verdict(p, kind, span);

	verdict->target = chain;
	return verdict;
}

struct ast_lookup *ast_lookup(struct parser *p, struct ast_field_name key)
{
	return ast_lookup_add(p, arena_alloc(p->nodes, 1, sizeof(struct ast_lookup)), key);
}

struct ast_lookup *ast_lookup_add(struct parser *p, struct ast_lookup *lookup,
				  struct ast_field_name key)
{
	struct ast_field_name *keys = (struct ast_field_name *)lookup->keys;

	*ARENA_PUSH(p->nodes, keys, lookup->key_count, lookup->key_capacity) = key;
	lookup->keys = keys;
	return lookup;
}

struct ast_verdict *ast_map_verdict(struct parser *p, struct span span, struct ast_lookup *lookup,
				    struct ast_name map, const struct ast_elements *elements)
{
	struct ast_verdict *verdict = ast_verdict(p, VERDICT_MAP, span);

	lookup->name = map;
	lookup->elements = elements;
	verdict->lookup = lookup;
	return verdict;
}

/* Elements of maps, and of sets of several keys. All keys of all of them are in one array; the keys of one element
 * are adjacent there. */

struct ast_keys ast_keys(struct parser *p, struct ast_value key)
{
	return ast_keys_add(p, (struct ast_keys){(uint32_t)p->ast->key_count, 0}, key);
}

struct ast_keys ast_keys_add(struct parser *p, struct ast_keys keys, struct ast_value key)
{
	struct ast *ast = p->ast;

	*ARENA_PUSH(p->nodes, ast->keys, ast->key_count, ast->key_capacity) = key;
	keys.count++;
	return keys;
}

struct ast_elements *ast_elements(struct parser *p)
{
	return arena_alloc(p->nodes, 1, sizeof(struct ast_elements));
}

struct ast_elements *ast_elements_add(struct parser *p, struct ast_elements *list, struct span span,
				      struct ast_keys keys, const struct ast_verdict *verdict)
{
	*ARENA_PUSH(p->nodes, list->elements, list->count,
		    list->capacity) = (struct ast_element){span, keys.first, keys.count, verdict};
	return list;
}

struct ast_elements *ast_elements_close(struct ast_elements *list, struct span span)
{
	list->span = span;
	return list;
}

struct ast_elements *ast_element_alone(struct parser *p, struct ast_keys keys, struct span span)
{
	return ast_elements_close(ast_elements_add(p, ast_elements(p), span, keys, NULL), span);
}

/* Items of the top level, and the rules of a chain. */

struct ast_items *ast_items(struct parser *p)
{
	return arena_alloc(p->nodes, 1, sizeof(struct ast_items));
}

struct ast_items *ast_items_add(struct parser *p, struct ast_items *items, struct ast_item *item)
{
	*ARENA_PUSH(p->nodes, items->items, items->count, items->capacity) = item;
	return items;
}

/* Allocates an item of SIZE bytes and fills its head. */
static void *item_of(struct parser *p, size_t size, enum ast_item_kind kind, struct span span)
{
	struct ast_item *item = arena_alloc(p->nodes, 1, size);

	*item = (struct ast_item){kind, span};
	return item;
}

struct ast_item *ast_define(struct parser *p, struct span span, struct ast_name name,
			    const struct ast_values *value)
{
	struct ast_define *define = item_of(p, sizeof(*define), AST_ITEM_DEFINE, span);

	define->name = name;
	define->value = value;
	p->definition = define;
	return &define->item;
}

struct ast_item *ast_include(struct parser *p, struct span span, struct ast_name pattern)
{
	struct ast_include *include = item_of(p, sizeof(*include), AST_ITEM_INCLUDE, span);

	include->pattern = pattern;
	return &include->item;
}

struct ast_item *ast_policy(struct parser *p, struct span span, enum verdict_kind verdict)
{
	struct ast_policy *policy = item_of(p, sizeof(*policy), AST_ITEM_POLICY, span);

	policy->verdict = verdict;
	return &policy->item;
}

struct ast_item *ast_option(struct parser *p, struct span span, struct ast_name name)
{
	struct ast_option *option = item_of(p, sizeof(*option), AST_ITEM_OPTION, span);

	option->name = name;
	return &option->item;
}

struct ast_item *ast_chain(struct parser *p, struct span span, struct ast_name name,
			   const struct ast_items *rules)
{
	struct ast_chain *chain = item_of(p, sizeof(*chain), AST_ITEM_CHAIN, span);

	chain->name = name;
	chain->rules = rules;
	return &chain->item;
}

struct ast_item *ast_rule(struct parser *p, struct span span, struct ast_matches matches,
			  bool counter, const struct ast_verdict *verdict, struct ast_name comment)
{
	struct ast_rule *rule = item_of(p, sizeof(*rule), AST_ITEM_RULE, span);

	rule->matches = matches.first;
	rule->counter = counter;
	rule->verdict = verdict;
	rule->comment = comment;
	return &rule->item;
}

/* Expects. */

struct packet_ends ast_ends(struct span source, struct span destination)
{
	return (struct packet_ends){source, destination};
}

static struct endpoint endpoint_of(struct parser *p, struct span span)
{
	struct literal_fault fault;
	struct endpoint endpoint;

	if (endpoint_read(source_text(p->sources, span), span.end - span.first, &endpoint, &fault))
		return endpoint;
	diag_error(
		p->diag,
		(struct span){span.first + (uint32_t)fault.first, span.first + (uint32_t)fault.end},
		"%s", fault.message);
	endpoint.device_first = endpoint.device_end = 0; /* it may be part of the address */
	return endpoint;
}

/* A packet's interface stands after its addresses. */
static void refuse_device(struct parser *p, struct span span, const struct endpoint *endpoint)
{
	struct span device = {span.first + (uint32_t)endpoint->device_first,
			      span.first + (uint32_t)endpoint->device_end};

	if (device.first != device.end)
		diag_error(p->diag, device,
			   "the interface of a packet is written after the addresses: 'iif %.*s'",
			   (int)(device.end - device.first), source_text(p->sources, device));
}

struct ast_item *ast_expect(struct parser *p, struct span span, enum protocol protocol,
			    struct packet_ends ends, struct ast_name interface,
			    const struct ast_verdict *verdict)
{
	struct ast_expect *expect = item_of(p, sizeof(*expect), AST_ITEM_EXPECT, span);

	expect->protocol = protocol;
	expect->has_source = ends.source_span.end;
	if (expect->has_source)
		expect->source = endpoint_of(p, ends.source_span);
	expect->destination = endpoint_of(p, ends.destination_span);
	expect->source_span = ends.source_span;
	expect->destination_span = ends.destination_span;
	refuse_device(p, ends.source_span, &expect->source);
	refuse_device(p, ends.destination_span, &expect->destination);
	expect->interface = interface;
	expect->verdict = verdict;
	return &expect->item;
}

/* The device that an endpoint names, as in `*%eth0:80`; without text if it names none. */
static struct ast_name device_of(struct parser *p, struct span span,
				 const struct endpoint *endpoint)
{
	struct ast_name device = {NULL, {0, 0}};

	if (endpoint->device_first == endpoint->device_end)
		return device;
	device.span = (struct span){span.first + (uint32_t)endpoint->device_first,
				    span.first + (uint32_t)endpoint->device_end};
	device.text = arena_string(p->arena, source_text(p->sources, device.span),
				   device.span.end - device.span.first);
	return device;
}

/* A socket bound to port 0 gets another one. */
static void refuse_port_0(struct parser *p, struct span span)
{
	const char *text = source_text(p->sources, span);
	uint32_t length = span.end - span.first;

	if (length > 2 && text[length - 1] == '0' && text[length - 2] == ':')
		diag_error(p->diag, (struct span){span.end - 1, span.end},
			   "no socket has port 0; its own port stands here");
}

struct ast_property ast_endpoint_property(struct parser *p, struct span span,
					  enum protocol protocol, struct span endpoint,
					  struct ast_name device)
{
	struct ast_endpoint *node = arena_alloc(p->nodes, 1, sizeof(*node));

	node->span = span;
	node->protocol = protocol;
	node->endpoint = endpoint_of(p, endpoint);
	refuse_port_0(p, endpoint);
	node->device = device_of(p, endpoint, &node->endpoint);
	if (device.text && node->device.text) {
		diag_error(p->diag, device.span, "a second device");
		diag_note(p->diag, node->device.span, "the first one is here");
	}
	if (device.text)
		node->device = device;
	return (struct ast_property){.kind = PROPERTY_ENDPOINT, .span = span, .endpoint = node};
}
