/* Resolves values as addresses, ports, interfaces, protocols or families. A define or set is resolved once for
 * each type; everything that names it shares the result. */
#include "ast_to_policy.h"

#include "compiler/base/nearest.h"
#include "compiler/base/services.h"

#include <string.h>

enum { PORT_MAX = 65535, QUOTE_MAX = 60, DEFINE_DEPTH_MAX = 64 };

int quoted_length(struct span span)
{
	uint32_t length = span.end - span.first;

	return length < QUOTE_MAX ? (int)length : QUOTE_MAX;
}

/* Single values. */

static bool wrong_type(struct translation *t, const struct ast_value *value, enum value_type type)
{
	const char *text = source_text(t->ast->sources, value->span);
	int length = quoted_length(value->span);
	bool is_name = value->kind == AST_VALUE_WORD || value->kind == AST_VALUE_STRING;

	const char *meant = value_meant(t, value, type);

	if (value->kind == AST_VALUE_STRING && text_fits(value->text, type))
		diag_error(t->diag, value->span, "%s stands without quotes; write '%s'",
			   type_meaning(type), value->text);
	else if (meant)
		diag_error(t->diag, value->span, "expected %s, found '%.*s'; did you mean '%s'?",
			   type_meaning(type), length, text, meant);
	else if (type == TYPE_ADDRESS && is_name)
		diag_error(t->diag, value->span,
			   "expected an address, found '%.*s'; names of hosts are not looked up",
			   length, text);
	else
		diag_error(t->diag, value->span, "expected %s, found %s'%.*s'", type_meaning(type),
			   value->kind == AST_VALUE_ADDRESS ? "the address " : "", length, text);
	return false;
}

static bool unknown_service(struct translation *t, const struct ast_value *value)
{
	const char *nearest = service_nearest(value->text, strlen(value->text));

	if (name_meant(t, value->text, value->span, TYPE_PORT))
		return wrong_type(t, value, TYPE_PORT);
	if (nearest)
		diag_error(t->diag, value->span, "unknown service '%s'; did you mean '%s'?",
			   value->text, nearest);
	else
		diag_error(t->diag, value->span, "expected a port, found '%s', which is no service",
			   value->text);
	return false;
}

/* The span of the word after the dash of a range; the whole span of a single value. */
static struct span last_word(struct translation *t, struct span span)
{
	const char *text = source_text(t->ast->sources, span);
	uint32_t at = span.end - span.first;

	while (at > 0 && text[at - 1] != '-' && text[at - 1] != ' ' && text[at - 1] != '\t')
		at--;
	return (struct span){span.first + at, span.end};
}

static bool port_range(struct translation *t, const struct ast_value *value, struct range *range)
{
	struct span span;
	int port;

	*range = value->range;
	if (value->kind == AST_VALUE_WORD) {
		port = service_port(value->text, strlen(value->text));
		if (port < 0)
			return unknown_service(t, value);
		*range = (struct range){(u128)port, (u128)port};
		return true;
	}
	if (value->kind != AST_VALUE_NUMBER)
		return wrong_type(t, value, TYPE_PORT);
	if (range->last <= PORT_MAX)
		return true;
	span = range->first > PORT_MAX ? value->span : last_word(t, value->span);
	diag_error(t->diag, span, "port '%.*s' is larger than 65535", quoted_length(span),
		   source_text(t->ast->sources, span));
	return false;
}

/* Reads `tcp` or `udp`, or `ipv4` or `ipv6`, as its number. */
static bool word_number(struct translation *t, const struct ast_value *value, enum value_type type,
			struct range *range)
{
	const char *words[2] = {protocol_word(PROTOCOL_TCP), protocol_word(PROTOCOL_UDP)};
	unsigned i;

	if (type == TYPE_FAMILY) {
		words[0] = family_word(FAMILY_IPV4);
		words[1] = family_word(FAMILY_IPV6);
	}
	for (i = 0; value->kind == AST_VALUE_WORD && i < 2; i++) {
		if (!strcmp(value->text, words[i])) {
			*range = (struct range){i, i};
			return true;
		}
	}
	return wrong_type(t, value, type);
}

bool value_range(struct translation *t, const struct ast_value *value, enum value_type type,
		 enum family *family, struct range *range)
{
	*family = FAMILY_IPV4;
	if (type == TYPE_PORT)
		return port_range(t, value, range);
	if (type == TYPE_PROTOCOL || type == TYPE_FAMILY)
		return word_number(t, value, type, range);
	if (value->kind != AST_VALUE_ADDRESS)
		return wrong_type(t, value, type);
	*family = value->family;
	*range = value->range;
	return true;
}

/* The length of a name without what ends it in rules: the '*' of a wildcard, or the '\' of an escaped '*'. */
static size_t interface_length(const char *text)
{
	size_t length = strlen(text);

	return length - (length && text[length - 1] == '*');
}

/* Checks a name of an interface, or a wildcard. */
bool check_interface(struct translation *t, const struct ast_value *value)
{
	const char *text = value->text;
	size_t length;

	if (value->kind != AST_VALUE_WORD && value->kind != AST_VALUE_STRING)
		return wrong_type(t, value, TYPE_INTERFACE);
	length = interface_length(text);
	if (length > INTERFACE_NAME_MAX)
		diag_error(t->diag, value->span,
			   "an interface's name has at most %d bytes, this one has %zu",
			   INTERFACE_NAME_MAX, length);
	else if (!strcmp(text, "*"))
		diag_error(
			t->diag, value->span,
			"'*' is every interface: without the match, the rule is for all of them");
	else if (memchr(text, '*', length))
		diag_error(t->diag, value->span,
			   "a '*' stands at the end alone, for names that begin alike: '%.*s*'",
			   (int)strcspn(text, "*"), text);
	else if (!length || !strcmp(text, ".") || !strcmp(text, "..") || strpbrk(text, "/: \t\""))
		diag_error(t->diag, value->span, "'%s' cannot be an interface's name", text);
	else
		return true;
	return false;
}

/* Many values. */

struct gather {
	struct translation *t;
	enum value_type type;
	size_t expected; /* the greatest possible number of values */
	struct range *ranges[FAMILY_COUNT];
	size_t counts[FAMILY_COUNT], capacities[FAMILY_COUNT];
	struct names interfaces; /* those that were gathered */
	struct resolved *out;
	bool failed;
	bool kind_said; /* a value of another kind was reported */
};

static struct gather gather_start(struct translation *t, enum value_type type, size_t expected)
{
	struct resolved *out = arena_alloc(t->arena, 1, sizeof(*out));

	return (struct gather){.t = t, .type = type, .expected = expected, .out = out};
}

static void gather_range(struct gather *g, enum family family, struct range range)
{
	if (g->type == TYPE_PROTOCOL || g->type == TYPE_FAMILY) {
		g->out->bits |= (uint8_t)(1u << (unsigned)range.first);
		return;
	}
	if (g->type == TYPE_ADDRESS)
		g->out->bits |= (uint8_t)(1u << family);
	if (!g->capacities[family]) {
		g->capacities[family] = g->expected;
		g->ranges[family] = arena_alloc(g->t->arena, g->expected, sizeof(range));
	}
	*ARENA_PUSH(g->t->arena, g->ranges[family], g->counts[family],
		    g->capacities[family]) = range;
}

static void gather_interface(struct gather *g, struct ast_name name)
{
	struct resolved *out = g->out;

	if (names_find(&g->interfaces, name.text, strlen(name.text)) != NO_NAME)
		return;
	names_add(&g->interfaces, g->t->arena, name.text, strlen(name.text));
	*ARENA_PUSH(g->t->arena, out->interfaces, out->interface_count,
		    out->interface_capacity) = name;
}

/* Adds all values of a define. */
static void gather_resolved(struct gather *g, const struct resolved *resolved)
{
	enum family family;
	size_t i;

	g->out->bits |= resolved->bits;
	for (i = 0; i < resolved->interface_count; i++)
		gather_interface(g, resolved->interfaces[i]);
	for (family = 0; family < FAMILY_COUNT; family++)
		for (i = 0; resolved->sets[family] && i < resolved->sets[family]->count; i++)
			gather_range(g, family, resolved->sets[family]->ranges[i]);
}

static struct resolved *resolve_define(struct translation *t, const struct ast_value *use,
				       enum value_type type);

/* Whether a value may have this kind; false where another of the list was refused for its kind before, since then the
 * mistake is what takes the list. */
static bool kind_fits(struct gather *g, const struct ast_value *value)
{
	bool fits = (value->kind != AST_VALUE_ADDRESS || g->type == TYPE_ADDRESS) &&
		    (value->kind != AST_VALUE_NUMBER || g->type == TYPE_PORT) &&
		    (value->kind != AST_VALUE_STRING || g->type == TYPE_INTERFACE);
	bool said = g->kind_said;

	g->kind_said |= !fits;
	return fits || !said;
}

static void gather_value(struct gather *g, const struct ast_value *value)
{
	struct resolved *resolved;
	enum family family;
	struct range range;

	if (!kind_fits(g, value)) {
		g->failed = true;
		return;
	}
	if (value->kind == AST_VALUE_DEFINED) {
		resolved = resolve_define(g->t, value, g->type);
		g->failed |= !resolved;
		if (resolved)
			gather_resolved(g, resolved);
	} else if (g->type == TYPE_INTERFACE) {
		if (check_interface(g->t, value))
			gather_interface(g, (struct ast_name){value->text, value->span});
		else
			g->failed = true;
	} else if (value_range(g->t, value, g->type, &family, &range)) {
		gather_range(g, family, range);
	} else {
		g->failed = true;
	}
}

static void gather_values(struct gather *g, const struct ast_values *values)
{
	size_t i;

	for (i = 0; i < values->count && !diag_is_full(g->t->diag); i++)
		gather_value(g, &values->values[i]);
}

/* Makes sets of all values; NULL if any of them was wrong. */
static struct resolved *gather_end(struct gather *g)
{
	struct range_set *set;
	enum family family;

	if (g->failed)
		return NULL;
	for (family = 0; family < FAMILY_COUNT; family++) {
		set = arena_alloc(g->t->arena, 1, sizeof(*set));
		*set = range_set_of(g->ranges[family], g->counts[family]);
		g->out->sets[family] = set;
	}
	return g->out;
}

/* TYPE: of the value, or TYPE_COUNT: any. */
static struct define_entry *find_define(struct translation *t, const char *name, struct span span,
					enum value_type type)
{
	uint32_t index = names_find(&t->defines_named.names, name, strlen(name));
	struct define_entry *entry = index == NO_NAME ? NULL : &t->defines[index];
	const char *nearest, *meant;

	if (entry && entry->order < t->order) {
		entry->is_used = true;
		return entry;
	}
	if (entry) {
		diag_error(t->diag, span, "'$%s' is used before it is defined", name);
		diag_note(t->diag, entry->define->name.span, "it is defined here");
		return NULL;
	}
	if (!is_first_missing(t, '$', name))
		return NULL;
	nearest = nearest_word(name, strlen(name), t->defines_named.names.texts,
			       t->defines_named.names.count);
	meant = name_meant(t, name, span, type);
	if (meant)
		diag_error(t->diag, span, "'$%s' is not defined; did you mean '%s'?", name, meant);
	else if (nearest)
		diag_error(t->diag, span, "'$%s' is not defined; did you mean '$%s'?", name,
			   nearest);
	else
		diag_error(t->diag, span, "'$%s' is not defined", name);
	return NULL;
}

/* Wrong values in the define are left out, so that they are reported only once. */
static struct resolved *resolve_define(struct translation *t, const struct ast_value *use,
				       enum value_type type)
{
	struct define_entry *entry = find_define(t, use->text, use->span, type);
	size_t errors = diag_error_count(t->diag);
	uint32_t order = t->order;
	struct gather g;

	if (!entry || entry->depth > DEFINE_DEPTH_MAX)
		return NULL;
	if (entry->resolved[type])
		return entry->resolved[type];
	t->order = entry->order;
	g = gather_start(t, type, entry->define->value->count);
	gather_values(&g, entry->define->value);
	t->order = order;
	if (diag_error_count(t->diag) > errors)
		diag_note(t->diag, use->span, "'$%s' is used as %s here", use->text,
			  type_meaning(type));
	g.failed = false;
	entry->resolved[type] = gather_end(&g);
	return entry->resolved[type];
}

/* The single value that a `$name` stands for, or the value itself. */
const struct ast_value *resolve_single(struct translation *t, const struct ast_value *value)
{
	const struct ast_value *use = value;
	const struct ast_values *values;
	struct define_entry *entry;
	uint32_t order = t->order;
	unsigned depth = 0;

	while (value && value->kind == AST_VALUE_DEFINED && depth++ <= DEFINE_DEPTH_MAX) {
		entry = find_define(t, value->text, value->span, TYPE_COUNT);
		values = entry ? entry->define->value : NULL;
		if (values && values->count != 1) {
			diag_error(t->diag, use->span,
				   "'$%s' is a list of %zu, where one is expected", use->text,
				   values->count);
			diag_note(t->diag, entry->define->name.span, "it is defined here");
		}
		value = values && values->count == 1 ? &values->values[0] : NULL;
		t->order = entry ? entry->order : order;
	}
	t->order = order;
	return value && value->kind != AST_VALUE_DEFINED ? value : NULL;
}

/* Checks a define, and finds how deep defines are nested in it. Those in it are already checked, since they
 * must be declared before. */
void check_define(struct translation *t, struct define_entry *entry)
{
	const struct ast_values *values = entry->define->value;
	struct define_entry *inner;
	size_t i;

	if (!values->count)
		diag_warning(t->diag, WARNING_EMPTY_SET, values->span, "the list has no elements");
	for (i = 0; i < values->count; i++) {
		if (values->values[i].kind != AST_VALUE_DEFINED)
			continue;
		inner = find_define(t, values->values[i].text, values->values[i].span, TYPE_COUNT);
		if (inner && inner->depth >= entry->depth)
			entry->depth = inner->depth + 1;
	}
	if (entry->depth > DEFINE_DEPTH_MAX)
		diag_error(t->diag, entry->define->name.span, "defines are nested deeper than %d",
			   DEFINE_DEPTH_MAX);
}

/* Sets. */

static void gather_file_line(struct gather *g, struct element_lines *lines)
{
	enum family family;
	struct range range;
	struct ast_value name;

	if (g->type == TYPE_INTERFACE) {
		if (element_name(g->t, lines, &name) && element_line_end(g->t, lines))
			gather_value(g, &name);
		else
			g->failed = true;
	} else if (element_value(g->t, lines, g->type, &family, &range) &&
		   element_line_end(g->t, lines)) {
		gather_range(g, family, range);
	} else {
		g->failed = true;
	}
}

static void gather_files(struct gather *g, const struct ast_element_file *file)
{
	struct element_lines lines;

	for (; file; file = file->next) {
		lines = element_lines(g->t->ast->sources, file->source);
		while (!diag_is_full(g->t->diag) && element_next_line(&lines))
			gather_file_line(g, &lines);
	}
}

static size_t set_size_bound(const struct ast_set *set)
{
	size_t bound = set->elements ? set->elements->count : 0;
	const struct ast_element_file *file;

	for (file = set->files; file; file = file->next)
		bound += element_lines_bound(file->source);
	return bound;
}

static bool is_empty(const struct resolved *resolved)
{
	return !resolved->sets[0]->count && !resolved->sets[1]->count &&
	       !resolved->interface_count && !resolved->bits;
}

struct resolved *resolve_set(struct translation *t, struct set_entry *entry)
{
	const struct ast_set *set = entry->set;
	uint32_t order = t->order;
	struct gather g;

	if (entry->resolved || !entry->has_type)
		return entry->resolved;
	t->order = entry->order;
	g = gather_start(t, entry->type, set_size_bound(set));
	if (set->key_lists && set->key_lists->count) {
		diag_error(t->diag, set->key_lists->elements->span,
			   "the set has 1 key, this element %u",
			   set->key_lists->elements->key_count);
		g.failed = true;
	}
	if (set->elements)
		gather_values(&g, set->elements);
	gather_files(&g, set->files);
	t->order = order;
	entry->resolved = gather_end(&g);
	if (entry->resolved && is_empty(entry->resolved))
		diag_warning(t->diag, WARNING_EMPTY_SET, set->name.span, "set '%s' has no elements",
			     set->name.text);
	if (!entry->resolved)
		entry->has_type = false;
	return entry->resolved;
}

void unknown_set(struct translation *t, const char *name, struct span span)
{
	size_t length = strlen(name);
	const char *nearest = nearest_word(name, length, t->sets_named.names.texts,
					   t->sets_named.names.count);
	const char *meant = name_meant(t, name, span, TYPE_COUNT);

	if (!is_first_missing(t, '@', name))
		return;
	if (names_find(&t->maps_named.names, name, length) != NO_NAME)
		diag_error(t->diag, span, "expected a set, found '@%s', which is a map", name);
	else if (meant)
		diag_error(t->diag, span, "there is no set '@%s'; did you mean '%s'?", name, meant);
	else if (nearest)
		diag_error(t->diag, span, "there is no set '@%s'; did you mean '@%s'?", name,
			   nearest);
	else
		diag_error(t->diag, span, "there is no set '@%s'", name);
}

static struct resolved *resolve_set_use(struct translation *t, const struct ast_value *use,
					enum value_type type)
{
	uint32_t index = names_find(&t->sets_named.names, use->text, strlen(use->text));
	struct set_entry *entry;

	if (index == NO_NAME) {
		unknown_set(t, use->text, use->span);
		return NULL;
	}
	entry = &t->sets[index];
	if (entry->key_set != NO_INDEX) {
		diag_error(
			t->diag, use->span,
			"set '%s' has %zu keys, and is matched by as many fields with '.' between",
			use->text, entry->set->type->count);
		diag_note(t->diag, entry->set->type->span, "its keys are declared here");
		return NULL;
	}
	if (!entry->has_type || entry->type == type)
		return resolve_set(t, entry);
	diag_error(t->diag, use->span, "expected %s, found '@%s', which is a set of type '%s'",
		   type_meaning(type), use->text, type_word(entry->type));
	diag_note(t->diag, entry->set->type->span, "its type is declared here");
	return NULL;
}

struct resolved *resolve_values(struct translation *t, const struct ast_values *values,
				enum value_type type)
{
	const struct ast_value *first = values->values;
	struct gather g;

	if (!values->is_list && first->kind == AST_VALUE_SET)
		return resolve_set_use(t, first, type);
	if (!values->is_list && first->kind == AST_VALUE_DEFINED)
		return resolve_define(t, first, type);
	if (!values->count)
		diag_warning(t->diag, WARNING_EMPTY_SET, values->span, "the list has no elements");
	g = gather_start(t, type, values->count);
	gather_values(&g, values);
	return gather_end(&g);
}

const struct range_set *resolved_complement(struct translation *t, struct resolved *resolved,
					    enum family family, u128 last)
{
	struct range_set *set;

	if (!resolved->complements[family]) {
		set = arena_alloc(t->arena, 1, sizeof(*set));
		*set = range_set_complement(t->arena, *resolved->sets[family], last);
		resolved->complements[family] = set;
	}
	return resolved->complements[family];
}
