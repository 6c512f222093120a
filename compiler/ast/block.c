/* Sets, maps and sockets are blocks of lines: the lines are read first, and then folded into the node
 * that they make together. */
#include "ast.h"
#include "parser.h"

struct ast_types *ast_types(struct parser *p, struct ast_name name)
{
	return ast_types_add(p, arena_alloc(p->arena, 1, sizeof(struct ast_types)), name);
}

struct ast_types *ast_types_add(struct parser *p, struct ast_types *types, struct ast_name name)
{
	types->span = types->count ? span_join(types->span, name.span) : name.span;
	if (types->count == MAP_KEYS_MAX)
		diag_error(p->diag, name.span, "a map has at most %d keys", MAP_KEYS_MAX);
	else
		types->names[types->count++] = name;
	return types;
}

struct ast_types *ast_types_verdict(struct ast_types *types, struct ast_name verdict)
{
	types->verdict = verdict;
	return types;
}

struct ast_lines *ast_lines(struct parser *p)
{
	return arena_alloc(p->arena, 1, sizeof(struct ast_lines));
}

struct ast_lines *ast_lines_add(struct parser *p, struct ast_lines *lines, struct ast_line line)
{
	*ARENA_PUSH(p->arena, lines->lines, lines->count, lines->capacity) = line;
	return lines;
}

struct ast_line ast_type_line(struct span span, struct ast_types *types)
{
	return (struct ast_line){.kind = LINE_TYPE, .span = span, .types = types};
}

struct ast_line ast_values_line(struct span span, struct ast_values *values)
{
	return (struct ast_line){.kind = LINE_ELEMENTS, .span = span, .values = values};
}

struct ast_line ast_elements_line(struct span span, struct ast_elements *elements)
{
	return (struct ast_line){.kind = LINE_ELEMENTS, .span = span, .elements = elements};
}

struct ast_line ast_name_line(enum ast_line_kind kind, struct span span, struct ast_name name)
{
	return (struct ast_line){.kind = kind, .span = span, .name = name};
}

/* The one line of a kind; a second one is an error. NULL: there is none. */
static const struct ast_line *only_line(struct parser *p, const struct ast_lines *lines,
					enum ast_line_kind kind, const char *word)
{
	const struct ast_line *first = NULL;
	size_t i;

	for (i = 0; i < lines->count; i++) {
		if (lines->lines[i].kind != kind)
			continue;
		if (first) {
			diag_error(p->diag, lines->lines[i].span, "a second '%s'", word);
			diag_note(p->diag, first->span, "the first one is here");
			return first;
		}
		first = &lines->lines[i];
	}
	return first;
}

static struct ast_element_file *files_of(struct parser *p, const struct ast_lines *lines)
{
	struct ast_element_file *first = NULL, **end = &first;
	size_t i;

	for (i = 0; i < lines->count; i++) {
		if (lines->lines[i].kind != LINE_FILE)
			continue;
		*end = arena_alloc(p->arena, 1, sizeof(**end));
		(*end)->name = lines->lines[i].name;
		end = &(*end)->next;
	}
	return first;
}

struct ast_item *ast_set(struct parser *p, struct span span, struct ast_name name,
			 const struct ast_lines *lines)
{
	const struct ast_line *type = only_line(p, lines, LINE_TYPE, "type");
	const struct ast_line *elements = only_line(p, lines, LINE_ELEMENTS, "elements");
	struct ast_set *set = arena_alloc(p->arena, 1, sizeof(*set));

	set->item = (struct ast_item){AST_ITEM_SET, span};
	set->name = name;
	set->type = type ? type->types : NULL;
	set->elements = elements ? elements->values : NULL;
	set->files = files_of(p, lines);
	return &set->item;
}

struct ast_item *ast_map(struct parser *p, struct span span, struct ast_name name,
			 const struct ast_lines *lines)
{
	const struct ast_line *type = only_line(p, lines, LINE_TYPE, "type");
	const struct ast_line *elements = only_line(p, lines, LINE_ELEMENTS, "elements");
	struct ast_map *map = arena_alloc(p->arena, 1, sizeof(*map));

	map->item = (struct ast_item){AST_ITEM_MAP, span};
	map->name = name;
	map->type = type ? type->types : NULL;
	map->elements = elements ? elements->elements : NULL;
	map->files = files_of(p, lines);
	return &map->item;
}

static struct ast_place *places_of(const struct ast_lines *lines)
{
	struct ast_place *first = NULL, **end = &first;
	size_t i;

	for (i = 0; i < lines->count; i++) {
		if (lines->lines[i].kind != LINE_PLACE)
			continue;
		*end = lines->lines[i].place;
		end = &(*end)->next;
	}
	return first;
}

struct ast_item *ast_socket(struct parser *p, struct span span, struct ast_name label,
			    const struct ast_lines *lines)
{
	const struct ast_line *uid = only_line(p, lines, LINE_UID, "uid");
	const struct ast_line *cgroup = only_line(p, lines, LINE_CGROUP, "cgroup");
	struct ast_socket *socket = arena_alloc(p->arena, 1, sizeof(*socket));

	socket->item = (struct ast_item){AST_ITEM_SOCKET, span};
	socket->label = label;
	socket->places = places_of(lines);
	if (uid)
		socket->uid = uid->name;
	if (cgroup)
		socket->cgroup = cgroup->name;
	return &socket->item;
}
