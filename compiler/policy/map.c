/* Maps: their types, their elements from rules and from files, and their uses. The elements of a map
 * are made once, for all the fields that it is looked up by. */
#include "ast_to_policy.h"

#include "compiler/base/nearest.h"

#include <stdio.h>
#include <string.h>

/* Types. */

/* A word for a key: a field, or the type of any field that has it. */
struct key_word {
	const char *word;
	struct key_type key;
};

enum { KEY_WORDS_MAX = FIELD_END + 2, KEYS_TEXT = 16 * FIELD_END };

/* The words, those of fields first; how many fields there are stands in *FIELDS. */
static size_t key_words(struct key_word words[KEY_WORDS_MAX], size_t *fields)
{
	static const enum value_type types[] = {TYPE_ADDRESS, TYPE_PORT};
	size_t count = 0, i;

	for (i = 0; i < FIELD_END; i++) {
		enum field field = (enum field)((i + FIELD_COUNT) % FIELD_END);

		if (field_info(field)->is_map_key)
			words[count++] = (struct key_word){field_word(field),
							   {field_type(field), field}};
	}
	*fields = count;
	for (i = 0; i < sizeof(types) / sizeof(*types); i++)
		words[count++] = (struct key_word){type_word(types[i]), {types[i], ANY_FIELD}};
	return count;
}

/* "'l4proto', 'daddr' or 'dport'" */
static void list_words(const char *const *words, size_t count, char text[KEYS_TEXT])
{
	size_t length = 0, i;

	for (i = 0; i < count && length < KEYS_TEXT; i++)
		length += (size_t)snprintf(text + length, KEYS_TEXT - length, "%s'%s'",
					   !i              ? ""
					   : i + 1 < count ? ", "
							   : " or ",
					   words[i]);
}

static const char *key_word(struct key_type key)
{
	return key.field == ANY_FIELD ? type_word(key.type) : field_word(key.field);
}

static bool to_key_type(struct context *cx, struct ast_name name, struct key_type *key)
{
	struct key_word keys[KEY_WORDS_MAX];
	const char *words[KEY_WORDS_MAX], *nearest;
	char fields_text[KEYS_TEXT];
	size_t fields, count = key_words(keys, &fields), i;

	for (i = 0; i < count; i++) {
		words[i] = keys[i].word;
		*key = keys[i].key;
		if (!strcmp(name.text, words[i]))
			return true;
	}
	nearest = nearest_word(name.text, strlen(name.text), words, count);
	if (nearest) {
		diag_error(cx->diag, name.span, "unknown key '%s'; did you mean '%s'?", name.text,
			   nearest);
		return false;
	}
	list_words(words, fields, fields_text);
	diag_error(cx->diag, name.span, "unknown key '%s'; a key is %s", name.text, fields_text);
	return false;
}

void check_map_type(struct context *cx, struct map_entry *entry)
{
	const struct ast_types *types = entry->map->type;
	size_t i;

	if (!types) {
		diag_error(cx->diag, entry->map->name.span,
			   "map '%s' has no type, like 'type daddr . dport : verdict'",
			   entry->map->name.text);
		return;
	}
	if (strcmp(types->verdict.text, "verdict") != 0) {
		diag_error(cx->diag, types->verdict.span, "a map gives a 'verdict', not '%s'",
			   types->verdict.text);
		return;
	}
	for (i = 0; i < types->count; i++)
		if (!to_key_type(cx, types->names[i], &entry->keys[i]))
			return;
	entry->key_count = types->count;
}

/* Elements. */

struct builder {
	struct context *cx;
	const struct key_type *types;
	struct map *map;
	size_t capacity, verdict_capacity;
	struct names verdict_texts; /* of element files, and the verdict of each */
	uint32_t *text_verdicts;
	size_t text_count, text_capacity;
	struct names verdicts; /* their bytes */
};

enum { NO_VERDICT = 0xffffffff };

/* The number of a verdict; equal ones are one. */
static uint32_t verdict_number(struct builder *b, const struct verdict *verdict)
{
	const uint32_t words[] = {verdict->kind, verdict->target, verdict->fallback,
				  verdict->no_reuseport};
	const char *key = (const char *)words;
	uint32_t number = names_find(&b->verdicts, key, sizeof(words));

	if (number != NO_NAME)
		return number;
	*ARENA_PUSH(b->cx->arena, b->map->verdicts, b->map->verdict_count,
		    b->verdict_capacity) = *verdict;
	return names_add(&b->verdicts, b->cx->arena, key, sizeof(words));
}

/* Room for all elements that there may be. */
static void reserve(struct builder *b, size_t count)
{
	struct map *map = b->map;

	b->capacity = count;
	map->elements = arena_alloc(b->cx->arena, count, sizeof(*map->elements));
	map->keys = arena_alloc(b->cx->arena, count * map->key_count, sizeof(*map->keys));
}

static struct map_element *next_element(struct builder *b, struct span span, uint8_t families,
					uint32_t verdict)
{
	struct map_element *element = &b->map->elements[b->map->element_count++];
	uint32_t length = span.end - span.first;

	element->families = families;
	element->verdict = verdict;
	element->span_first = span.first;
	element->span_length = (uint16_t)(length < UINT16_MAX ? length : UINT16_MAX);
	return element;
}

/* Narrows the families of an element by one of its keys; false if none is left. */
static bool add_family(struct builder *b, enum value_type type, enum family family,
		       struct span span, uint8_t *families)
{
	if (type != TYPE_ADDRESS)
		return true;
	*families &= (uint8_t)(1u << family);
	if (*families)
		return true;
	diag_error(b->cx->diag, span, "an element has keys of one family, not IPv4 and IPv6");
	return false;
}

/* Where the keys of the next element go. */
static struct range *next_keys(struct builder *b)
{
	return &b->map->keys[b->map->element_count * b->map->key_count];
}

static bool element_keys(struct builder *b, const struct ast_element *element, uint8_t *families)
{
	const struct ast_value *keys = &b->cx->ast->keys[element->first_key], *value;
	struct range *ranges = next_keys(b);
	enum family family;
	size_t k;

	if (element->key_count != b->map->key_count) {
		diag_error(b->cx->diag, element->span, "the map has %zu key%s, this element %u",
			   b->map->key_count, b->map->key_count == 1 ? "" : "s",
			   element->key_count);
		return false;
	}
	for (k = 0; k < element->key_count; k++) {
		value = resolve_single(b->cx, &keys[k]);
		if (!value || !value_range(b->cx, value, b->types[k].type, &family, &ranges[k]) ||
		    !add_family(b, b->types[k].type, family, keys[k].span, families))
			return false;
	}
	return true;
}

static void add_elements(struct builder *b, const struct ast_elements *elements)
{
	const struct ast_element *element;
	struct verdict verdict;
	uint8_t families;
	size_t i;

	for (i = 0; i < elements->count && !diag_is_full(b->cx->diag); i++) {
		element = &elements->elements[i];
		families = (1 << FAMILY_COUNT) - 1;
		if (element_keys(b, element, &families) &&
		    to_verdict(b->cx, element->verdict, &verdict))
			next_element(b, element->span, families, verdict_number(b, &verdict));
	}
}

/* The verdict that is left of a line; a text is parsed once. */
static uint32_t file_verdict(struct builder *b, const struct element_lines *lines)
{
	const char *text = lines->file->text + lines->at;
	size_t length = lines->end - lines->at;
	uint32_t known = names_find(&b->verdict_texts, text, length), number = NO_VERDICT;
	const struct ast_verdict *verdict;
	struct verdict out;

	if (known != NO_NAME)
		return b->text_verdicts[known];
	verdict = text_to_verdict(b->cx->arena, b->cx->ast->sources,
				  element_span(lines, lines->at, lines->end), b->cx->diag);
	if (verdict && to_verdict(b->cx, verdict, &out))
		number = verdict_number(b, &out);
	names_add(&b->verdict_texts, b->cx->arena, text, length);
	*ARENA_PUSH(b->cx->arena, b->text_verdicts, b->text_count, b->text_capacity) = number;
	return number;
}

static void add_line(struct builder *b, struct element_lines *lines)
{
	struct range *ranges = next_keys(b);
	uint8_t families = (1 << FAMILY_COUNT) - 1;
	size_t first = lines->at, start, k;
	enum family family;
	uint32_t verdict;

	for (k = 0; k < b->map->key_count; k++) {
		if (k && !element_mark(b->cx, lines, '.'))
			return;
		start = lines->at;
		if (!element_value(b->cx, lines, b->types[k].type, &family, &ranges[k]) ||
		    !add_family(b, b->types[k].type, family, element_span(lines, start, lines->at),
				&families))
			return;
	}
	if (!element_mark(b->cx, lines, ':'))
		return;
	verdict = file_verdict(b, lines);
	if (verdict != NO_VERDICT)
		next_element(b, element_span(lines, first, lines->end), families, verdict);
}

static void add_file(struct builder *b, const struct source_file *source)
{
	struct element_lines lines = element_lines(b->cx->ast->sources, source);

	while (!diag_is_full(b->cx->diag) && element_next_line(&lines))
		add_line(b, &lines);
}

void build_map(struct context *cx, struct map_entry *entry)
{
	const struct ast_map *map = entry->map;
	size_t count = map->elements ? map->elements->count : 0;
	struct builder b = {.cx = cx, .types = entry->keys, .map = &entry->content};
	size_t errors = diag_error_count(cx->diag);
	const struct ast_element_file *file;
	uint32_t order = cx->order;

	if (!entry->key_count)
		return;
	cx->order = entry->order;
	entry->content.name = map->name.text;
	entry->content.span = map->item.span;
	entry->content.key_count = entry->key_count;
	for (file = map->files; file; file = file->next)
		count += element_lines_bound(file->source);
	reserve(&b, count);
	if (map->elements)
		add_elements(&b, map->elements);
	for (file = map->files; file; file = file->next)
		add_file(&b, file->source);
	cx->order = order;
	if (!entry->content.element_count && diag_error_count(cx->diag) == errors)
		diag_warning(cx->diag, WARNING_EMPTY_SET,
			     map->name.text ? map->name.span : map->item.span,
			     "the map has no elements");
	check_map(cx, &entry->content);
}

/* Uses. */

static bool lookup_keys(struct rule_context *rule, const struct ast_lookup *lookup,
			struct key_type *types)
{
	const struct ast_field_name *key;
	struct ast_name name;
	size_t k, j;

	if (lookup->key_count > MAP_KEYS_MAX) {
		diag_error(rule->cx->diag, lookup->keys[MAP_KEYS_MAX].span,
			   "a map has at most %d keys", MAP_KEYS_MAX);
		return false;
	}
	for (k = 0; k < lookup->key_count; k++) {
		key = &lookup->keys[k];
		name = (struct ast_name){field_word(key->field), key->span};
		if (!to_key_type(rule->cx, name, &types[k]))
			return false;
		for (j = 0; j < k; j++) {
			if (types[j].field != types[k].field)
				continue;
			diag_error(rule->cx->diag, key->span, "'%s' is a key already", name.text);
			return false;
		}
		if (key->families)
			limit_families(rule, key->families, key->span);
		if (key->protocols)
			limit_protocols(rule, key->protocols, key->span);
	}
	return true;
}

static bool check_use(struct context *cx, const struct ast_verdict *verdict,
		      const struct map_entry *entry, const struct key_type *types)
{
	const struct ast_lookup *lookup = verdict->lookup;
	size_t k;

	if (lookup->key_count != entry->key_count) {
		diag_error(cx->diag, verdict->span, "map '%s' has %zu key%s, not %zu",
			   lookup->map.text, entry->key_count, entry->key_count == 1 ? "" : "s",
			   lookup->key_count);
		diag_note(cx->diag, entry->map->type->span, "its keys are declared here");
		return false;
	}
	for (k = 0; k < entry->key_count; k++) {
		if (entry->keys[k].type == types[k].type &&
		    (entry->keys[k].field == types[k].field || entry->keys[k].field == ANY_FIELD))
			continue;
		diag_error(cx->diag, lookup->keys[k].span, "key %zu of map '%s' is '%s', not '%s'",
			   k + 1, lookup->map.text, key_word(entry->keys[k]), key_word(types[k]));
		diag_note(cx->diag, entry->map->type->names[k].span, "it is declared here");
		return false;
	}
	return true;
}

static bool find_map(struct context *cx, struct ast_name name, uint32_t *entry)
{
	const struct span span = {name.span.first - 1, name.span.end}; /* with the '@' */
	size_t length = strlen(name.text);
	const char *nearest;

	*entry = names_find(&cx->maps_named.names, name.text, length);
	if (*entry != NO_NAME)
		return cx->maps[*entry].key_count;
	nearest = nearest_word(name.text, length, cx->maps_named.names.texts,
			       cx->maps_named.names.count);
	if (names_find(&cx->sets_named.names, name.text, length) != NO_NAME)
		diag_error(cx->diag, span, "expected a map, found '@%s', which is a set",
			   name.text);
	else if (nearest)
		diag_error(cx->diag, span, "there is no map '@%s'; did you mean '@%s'?", name.text,
			   nearest);
	else
		diag_error(cx->diag, span, "there is no map '@%s'", name.text);
	return false;
}

static bool same_fields(const struct map *map, const struct key_type *types, size_t count)
{
	size_t k;

	for (k = 0; k < count; k++)
		if (map->key_fields[k] != types[k].field)
			return false;
	return true;
}

/* The policy's map of these elements by these fields; the first fields keep the map's name. */
static uint32_t use_map(struct context *cx, uint32_t entry, const struct key_type *types)
{
	struct policy *policy = cx->policy;
	struct map_entry *map = &cx->maps[entry];
	struct map use = {.key_count = map->key_count, .span = map->map->item.span};
	uint32_t i;
	size_t k;

	for (i = map->first_use; i != NO_INDEX; i = cx->map_uses[i].next)
		if (same_fields(&policy->maps[cx->map_uses[i].index], types, map->key_count))
			return cx->map_uses[i].index;
	use.name = map->first_use == NO_INDEX ? map->map->name.text : NULL;
	for (k = 0; k < map->key_count; k++)
		use.key_fields[k] = types[k].field;
	i = (uint32_t)policy->map_count;
	*ARENA_PUSH(cx->arena, cx->map_uses, cx->map_use_count,
		    cx->map_use_capacity) = (struct map_use){entry, i, map->first_use};
	map->first_use = (uint32_t)cx->map_use_count - 1;
	*ARENA_PUSH(cx->arena, policy->maps, policy->map_count, cx->policy_map_capacity) = use;
	return i;
}

/* A map that is written in place is an entry without a name, used once. */
static uint32_t add_map_in_place(struct context *cx, const struct ast_verdict *verdict,
				 const struct key_type *types)
{
	struct ast_map *map = arena_alloc(cx->arena, 1, sizeof(*map));
	struct map_entry entry = {.map = map, .order = cx->order, .first_use = NO_INDEX};

	map->item = (struct ast_item){AST_ITEM_MAP, verdict->span};
	map->elements = verdict->lookup->elements;
	entry.key_count = verdict->lookup->key_count;
	memcpy(entry.keys, types, entry.key_count * sizeof(*types));
	build_map(cx, &entry);
	*ARENA_PUSH(cx->arena, cx->maps, cx->map_count, cx->map_capacity) = entry;
	return (uint32_t)cx->map_count - 1;
}

bool to_lookup(struct rule_context *rule, const struct ast_verdict *verdict, struct verdict *out)
{
	struct key_type types[MAP_KEYS_MAX];
	uint32_t entry;

	*out = (struct verdict){.kind = VERDICT_MAP, .target = NO_INDEX};
	if (!lookup_keys(rule, verdict->lookup, types))
		return false;
	if (verdict->lookup->map.text) {
		if (!find_map(rule->cx, verdict->lookup->map, &entry) ||
		    !check_use(rule->cx, verdict, &rule->cx->maps[entry], types))
			return false;
	} else {
		entry = add_map_in_place(rule->cx, verdict, types);
	}
	out->target = use_map(rule->cx, entry, types);
	return true;
}

/* By now all maps are made: their uses get the elements. */
void finish_maps(struct context *cx)
{
	const struct map *content;
	struct map *map;
	size_t i;

	for (i = 0; i < cx->map_use_count; i++) {
		content = &cx->maps[cx->map_uses[i].entry].content;
		map = &cx->policy->maps[cx->map_uses[i].index];
		map->element_count = content->element_count;
		map->elements = content->elements;
		map->keys = content->keys;
		map->verdicts = content->verdicts;
		map->verdict_count = content->verdict_count;
	}
}
