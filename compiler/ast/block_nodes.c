/* The nodes of sets, maps and sockets, whose blocks have one property a line: the parser collects the properties of a
 * block, then makes one node of them. */
#include "ast.h"
#include "parser.h"

#include <string.h>

struct ast_types *ast_types(struct parser *p, struct ast_name name)
{
	return ast_types_add(p, arena_alloc(p->nodes, 1, sizeof(struct ast_types)), name);
}

struct ast_types *ast_types_add(struct parser *p, struct ast_types *types, struct ast_name name)
{
	types->span = types->count ? span_join(types->span, name.span) : name.span;
	if (types->count == MAP_KEYS_MAX)
		diag_error(p->diag, name.span, "at most %d keys stand together", MAP_KEYS_MAX);
	else
		types->names[types->count++] = name;
	return types;
}

struct ast_types *ast_types_verdict(struct ast_types *types, struct ast_name verdict)
{
	types->verdict = verdict;
	return types;
}

struct ast_properties *ast_properties(struct parser *p)
{
	return arena_alloc(p->nodes, 1, sizeof(struct ast_properties));
}

struct ast_properties *ast_properties_add(struct parser *p, struct ast_properties *properties,
					  struct ast_property property)
{
	*ARENA_PUSH(p->nodes, properties->properties, properties->count,
		    properties->capacity) = property;
	return properties;
}

/* Elements may be ranges, and nothing but a new file changes them: what `interval` and `constant` ask for. */
void ast_flag(struct parser *p, struct ast_name flag)
{
	if (!strcmp(flag.text, "interval") || !strcmp(flag.text, "constant"))
		return;
	if (!strcmp(flag.text, "timeout") || !strcmp(flag.text, "dynamic"))
		diag_error(p->diag, flag.span,
			   "'flags %s' of nft has no meaning here: elements neither expire nor are "
			   "added by packets",
			   flag.text);
	else
		refuse_word(p, flag.span,
			    arena_printf(p->arena, "unknown flag '%s'; there is 'interval'",
					 flag.text));
}

struct ast_property ast_property(enum ast_property_kind kind, struct span span)
{
	return (struct ast_property){.kind = kind, .span = span};
}

struct ast_property ast_type_property(struct span span, struct ast_types *types)
{
	return (struct ast_property){.kind = PROPERTY_TYPE, .span = span, .types = types};
}

struct ast_property ast_values_property(struct span span, struct ast_values *values)
{
	return (struct ast_property){.kind = PROPERTY_ELEMENTS, .span = span, .values = values};
}

struct ast_property ast_elements_property(enum ast_property_kind kind, struct span span,
					  struct ast_elements *elements)
{
	return (struct ast_property){.kind = kind, .span = span, .elements = elements};
}

struct ast_property ast_name_property(enum ast_property_kind kind, struct span span,
				      struct ast_name name)
{
	return (struct ast_property){.kind = kind, .span = span, .name = name};
}

/* The property of one of two kinds, or NULL if the block has none; a second one is an error. */
static const struct ast_property *only_property_of(struct parser *p,
						   const struct ast_properties *properties,
						   enum ast_property_kind kind,
						   enum ast_property_kind other, const char *word)
{
	const struct ast_property *first = NULL;
	size_t i;

	for (i = 0; i < properties->count; i++) {
		if (properties->properties[i].kind != kind &&
		    properties->properties[i].kind != other)
			continue;
		if (first) {
			diag_error(p->diag, properties->properties[i].span, "a second '%s'", word);
			diag_note(p->diag, first->span, "the first one is here");
			return first;
		}
		first = &properties->properties[i];
	}
	return first;
}

static const struct ast_property *only_property(struct parser *p,
						const struct ast_properties *properties,
						enum ast_property_kind kind, const char *word)
{
	return only_property_of(p, properties, kind, kind, word);
}

static struct ast_element_file *files_of(struct parser *p, const struct ast_properties *properties)
{
	struct ast_element_file *first = NULL, **end = &first;
	size_t i;

	for (i = 0; i < properties->count; i++) {
		if (properties->properties[i].kind != PROPERTY_FILE)
			continue;
		*end = arena_alloc(p->nodes, 1, sizeof(**end));
		(*end)->name = properties->properties[i].name;
		end = &(*end)->next;
	}
	return first;
}

struct ast_item *ast_set(struct parser *p, struct span span, struct ast_name name,
			 const struct ast_properties *properties)
{
	const struct ast_property *type = only_property(p, properties, PROPERTY_TYPE, "type");
	const struct ast_property *elements = only_property_of(p, properties, PROPERTY_ELEMENTS,
							       PROPERTY_KEY_LISTS, "elements");
	struct ast_set *set = arena_alloc(p->nodes, 1, sizeof(*set));

	set->item = (struct ast_item){AST_ITEM_SET, span};
	set->name = name;
	set->type = type ? type->types : NULL;
	if (elements && elements->kind == PROPERTY_ELEMENTS)
		set->elements = elements->values;
	else if (elements)
		set->key_lists = elements->elements;
	set->files = files_of(p, properties);
	return &set->item;
}

struct ast_item *ast_map(struct parser *p, struct span span, struct ast_name name,
			 const struct ast_properties *properties)
{
	const struct ast_property *type = only_property(p, properties, PROPERTY_TYPE, "type");
	const struct ast_property *elements = only_property(p, properties, PROPERTY_ELEMENTS,
							    "elements");
	struct ast_map *map = arena_alloc(p->nodes, 1, sizeof(*map));

	map->item = (struct ast_item){AST_ITEM_MAP, span};
	map->name = name;
	map->type = type ? type->types : NULL;
	map->elements = elements ? elements->elements : NULL;
	map->files = files_of(p, properties);
	return &map->item;
}

static struct ast_endpoint *endpoints_of(const struct ast_properties *properties)
{
	struct ast_endpoint *first = NULL, **end = &first;
	size_t i;

	for (i = 0; i < properties->count; i++) {
		if (properties->properties[i].kind != PROPERTY_ENDPOINT)
			continue;
		*end = properties->properties[i].endpoint;
		end = &(*end)->next;
	}
	return first;
}

struct ast_item *ast_socket(struct parser *p, struct span span, struct ast_name label,
			    const struct ast_properties *properties)
{
	const struct ast_property *uid = only_property(p, properties, PROPERTY_UID, "uid");
	const struct ast_property *cgroup = only_property(p, properties, PROPERTY_CGROUP, "cgroup");
	struct ast_socket *socket = arena_alloc(p->nodes, 1, sizeof(*socket));

	socket->item = (struct ast_item){AST_ITEM_SOCKET, span};
	socket->label = label;
	socket->endpoints = endpoints_of(properties);
	if (uid)
		socket->uid = uid->name;
	if (cgroup)
		socket->cgroup = cgroup->name;
	return &socket->item;
}
