/* Maps: their types, their elements from rules and from files, and their uses. The elements of a map are made
 * once, however many combinations of fields it is looked up by. */
#include "ast_to_policy.h"

#include "compiler/base/nearest.h"

#include <stdio.h>
#include <string.h>

/* Types. */

/* A word for a key: the name of a field, or of a type. */
struct key_word {
	const char *word;
	struct key_type key;
};

enum { KEY_WORDS_MAX = FIELD_COUNT + 2, KEYS_TEXT = 16 * FIELD_COUNT };

/* Lists the words, those of fields first; *FIELDS is the number of those. */
static size_t key_words(struct key_word words[KEY_WORDS_MAX], size_t *fields)
{
	static const enum value_type types[] = {TYPE_ADDRESS, TYPE_PORT};
	size_t count = 0, i;

	for (i = 0; i < FIELD_COUNT; i++) {
		enum field field = (enum field)((i + VALUE_FIELD_COUNT) % FIELD_COUNT);

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

static bool to_key_type(struct translation *t, struct ast_name name, struct key_type *key)
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
		diag_error(t->diag, name.span, "unknown key '%s'; did you mean '%s'?", name.text,
			   nearest);
		return false;
	}
	list_words(words, fields, fields_text);
	diag_error(t->diag, name.span, "unknown key '%s'; a key is %s", name.text, fields_text);
	return false;
}

void check_map_type(struct translation *t, struct map_entry *entry)
{
	const struct ast_types *types = entry->map->type;
	size_t i;

	if (!types) {
		diag_error(t->diag, entry->map->name.span,
			   "map '%s' has no type, like 'type daddr . dport : verdict'",
			   entry->map->name.text);
		return;
	}
	if (strcmp(types->verdict.text, "verdict") != 0) {
		diag_error(t->diag, types->verdict.span, "a map gives a 'verdict', not '%s'",
			   types->verdict.text);
		return;
	}
	for (i = 0; i < types->count; i++)
		if (!to_key_type(t, types->names[i], &entry->keys[i]))
			return;
	entry->key_count = types->count;
}

/* Elements. */

struct map_builder {
	struct translation *t;
	const struct key_type *types;
	struct map *map;
	size_t capacity, verdict_capacity;
	/* Verdicts in element files as written, and the number of each. */
	struct names verdict_texts;
	uint32_t *text_verdicts;
	size_t text_count, text_capacity;
	/* Of elements in the rules, what was reported: a wrong number of keys, and which keys had wrong values. */
	uint32_t wrong_count;
	unsigned failed_keys;  /* bits 1 << key */
	struct names verdicts; /* verdicts by value, as the bytes of their members */
};

enum { NO_VERDICT = 0xffffffff };

/* The number of a verdict; equal verdicts have the same number. */
static uint32_t verdict_number(struct map_builder *b, const struct verdict *verdict)
{
	const uint32_t words[] = {verdict->kind, verdict->target, verdict->fallback,
				  verdict->no_reuseport};
	const char *key = (const char *)words;
	uint32_t number = names_find(&b->verdicts, key, sizeof(words));

	if (number != NO_NAME)
		return number;
	*ARENA_PUSH(b->t->arena, b->map->verdicts, b->map->verdict_count,
		    b->verdict_capacity) = *verdict;
	return names_add(&b->verdicts, b->t->arena, key, sizeof(words));
}

/* Allocates room for the greatest possible number of elements. */
static void reserve(struct map_builder *b, size_t count)
{
	struct map *map = b->map;

	b->capacity = count;
	map->elements = arena_alloc(b->t->arena, count, sizeof(*map->elements));
	map->keys = arena_alloc(b->t->arena, count * map->key_count, sizeof(*map->keys));
}

static struct map_element *next_element(struct map_builder *b, struct span span, uint8_t families,
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

/* Limits the families of an element to that of one of its keys; false if none is left. */
static bool add_family(struct map_builder *b, enum value_type type, enum family family,
		       struct span span, uint8_t *families)
{
	if (type != TYPE_ADDRESS)
		return true;
	*families &= (uint8_t)(1u << family);
	if (*families)
		return true;
	diag_error(b->t->diag, span, "an element has keys of one family, not IPv4 and IPv6");
	return false;
}

/* Where the keys of the next element are stored. */
static struct range *next_keys(struct map_builder *b)
{
	return &b->map->keys[b->map->element_count * b->map->key_count];
}

/* Whether a key may have a value of this kind; false where another element's was refused before. */
static bool key_fits(struct map_builder *b, const struct ast_value *value, size_t k)
{
	const enum value_type type = b->types[k].type;
	bool fits = (value->kind == AST_VALUE_ADDRESS) == (type == TYPE_ADDRESS) &&
		    (value->kind != AST_VALUE_NUMBER || type == TYPE_PORT);

	if (!fits && b->failed_keys & 1u << k)
		return false;
	b->failed_keys |= (unsigned)!fits << k;
	return true;
}

static bool element_keys(struct map_builder *b, const struct ast_element *element,
			 uint8_t *families)
{
	const struct ast_value *keys = &b->t->ast->keys[element->first_key], *value;
	struct range *ranges = next_keys(b);
	enum family family;
	size_t k;

	if (element->key_count != b->map->key_count) {
		if (b->failed_keys ||
		    b->wrong_count == element->key_count) /* one mistake, the map's */
			return false;
		b->wrong_count = element->key_count;
		diag_error(b->t->diag, element->span, "the map has %zu key%s, this element %u",
			   b->map->key_count, b->map->key_count == 1 ? "" : "s",
			   element->key_count);
		return false;
	}
	for (k = 0; k < element->key_count; k++) {
		value = resolve_single(b->t, &keys[k]);
		if (!value || !key_fits(b, value, k) ||
		    !value_range(b->t, value, b->types[k].type, &family, &ranges[k]) ||
		    !add_family(b, b->types[k].type, family, keys[k].span, families))
			return false;
	}
	return true;
}

static void add_elements(struct map_builder *b, const struct ast_elements *elements)
{
	const struct ast_element *element;
	struct verdict verdict;
	uint8_t families;
	size_t i;

	for (i = 0; i < elements->count && !diag_is_full(b->t->diag); i++) {
		element = &elements->elements[i];
		families = (1 << FAMILY_COUNT) - 1;
		if (element_keys(b, element, &families) &&
		    to_verdict(b->t, element->verdict, &verdict))
			next_element(b, element->span, families, verdict_number(b, &verdict));
	}
}

/* The number of the verdict in the rest of a line. Each different text is parsed only once. */
static uint32_t file_verdict(struct map_builder *b, const struct element_lines *lines)
{
	const char *text = lines->file->text + lines->at;
	size_t length = lines->end - lines->at;
	uint32_t known = names_find(&b->verdict_texts, text, length), number = NO_VERDICT;
	const struct ast_verdict *verdict;
	struct verdict out;

	if (known != NO_NAME)
		return b->text_verdicts[known];
	verdict = text_to_verdict(b->t->arena, b->t->ast->sources,
				  element_span(lines, lines->at, lines->end), b->t->diag);
	if (verdict && to_verdict(b->t, verdict, &out))
		number = verdict_number(b, &out);
	names_add(&b->verdict_texts, b->t->arena, text, length);
	*ARENA_PUSH(b->t->arena, b->text_verdicts, b->text_count, b->text_capacity) = number;
	return number;
}

static void add_line(struct map_builder *b, struct element_lines *lines)
{
	struct range *ranges = next_keys(b);
	uint8_t families = (1 << FAMILY_COUNT) - 1;
	size_t first = lines->at, start, k;
	enum family family;
	uint32_t verdict;

	for (k = 0; k < b->map->key_count; k++) {
		if (k && !element_mark(b->t, lines, '.'))
			return;
		start = lines->at;
		if (!element_value(b->t, lines, b->types[k].type, &family, &ranges[k]) ||
		    !add_family(b, b->types[k].type, family, element_span(lines, start, lines->at),
				&families))
			return;
	}
	if (!element_mark(b->t, lines, ':'))
		return;
	verdict = file_verdict(b, lines);
	if (verdict != NO_VERDICT)
		next_element(b, element_span(lines, first, lines->end), families, verdict);
}

static void add_file(struct map_builder *b, const struct source_file *source)
{
	struct element_lines lines = element_lines(b->t->ast->sources, source);

	while (!diag_is_full(b->t->diag) && element_next_line(&lines))
		add_line(b, &lines);
}

void build_map(struct translation *t, struct map_entry *entry)
{
	const struct ast_map *map = entry->map;
	size_t count = map->elements ? map->elements->count : 0;
	struct map_builder b = {.t = t, .types = entry->keys, .map = &entry->content};
	size_t errors = diag_error_count(t->diag);
	const struct ast_element_file *file;
	uint32_t order = t->order;

	if (!entry->key_count)
		return;
	t->order = entry->order;
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
	t->order = order;
	if (!entry->content.element_count && diag_error_count(t->diag) == errors)
		diag_warning(t->diag, WARNING_EMPTY_SET,
			     map->name.text ? map->name.span : map->item.span,
			     "the map has no elements");
	check_map(t, &entry->content);
}

/* Uses. */

static bool lookup_keys(struct rule_draft *draft, const struct ast_lookup *lookup,
			struct key_type *types)
{
	const struct ast_field_name *key;
	struct ast_name name;
	size_t k, j;

	if (lookup->key_count > MAP_KEYS_MAX) {
		diag_error(draft->t->diag, lookup->keys[MAP_KEYS_MAX].span,
			   "a map has at most %d keys", MAP_KEYS_MAX);
		return false;
	}
	for (k = 0; k < lookup->key_count; k++) {
		key = &lookup->keys[k];
		name = (struct ast_name){field_word(key->field), key->span};
		if (!to_key_type(draft->t, name, &types[k]))
			return false;
		for (j = 0; j < k; j++) {
			if (types[j].field != types[k].field)
				continue;
			diag_error(draft->t->diag, key->span, "'%s' is a key already", name.text);
			return false;
		}
		if (key->families)
			limit_families(draft, key->families, key->span);
		if (key->protocols)
			limit_protocols(draft, key->protocols, key->span);
	}
	return true;
}

static bool check_use(struct translation *t, const struct ast_verdict *verdict,
		      const struct map_entry *entry, const struct key_type *types)
{
	const struct ast_lookup *lookup = verdict->lookup;
	size_t k;

	if (lookup->key_count != entry->key_count) {
		diag_error(t->diag, verdict->span, "map '%s' has %zu key%s, not %zu",
			   lookup->map.text, entry->key_count, entry->key_count == 1 ? "" : "s",
			   lookup->key_count);
		diag_note(t->diag, entry->map->type->span, "its keys are declared here");
		return false;
	}
	for (k = 0; k < entry->key_count; k++) {
		if (entry->keys[k].type == types[k].type &&
		    (entry->keys[k].field == types[k].field || entry->keys[k].field == ANY_FIELD))
			continue;
		diag_error(t->diag, lookup->keys[k].span, "key %zu of map '%s' is '%s', not '%s'",
			   k + 1, lookup->map.text, key_word(entry->keys[k]), key_word(types[k]));
		diag_note(t->diag, entry->map->type->names[k].span, "it is declared here");
		return false;
	}
	return true;
}

static bool find_map(struct translation *t, struct ast_name name, uint32_t *entry)
{
	const struct span span = {name.span.first - 1, name.span.end}; /* including the '@' */
	size_t length = strlen(name.text);
	const char *nearest;

	*entry = names_find(&t->maps_named.names, name.text, length);
	if (*entry != NO_NAME)
		return t->maps[*entry].key_count;
	if (!is_first_missing(t, '@', name.text))
		return false;
	nearest = nearest_word(name.text, length, t->maps_named.names.texts,
			       t->maps_named.names.count);
	if (names_find(&t->sets_named.names, name.text, length) != NO_NAME)
		diag_error(t->diag, span, "expected a map, found '@%s', which is a set", name.text);
	else if (nearest)
		diag_error(t->diag, span, "there is no map '@%s'; did you mean '@%s'?", name.text,
			   nearest);
	else
		diag_error(t->diag, span, "there is no map '@%s'", name.text);
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

/* The policy's map for these elements and fields. The first map for an entry gets its name. */
static uint32_t use_map(struct translation *t, uint32_t entry, const struct key_type *types)
{
	struct policy *policy = t->policy;
	struct map_entry *map = &t->maps[entry];
	struct map use = {.key_count = map->key_count, .span = map->map->item.span};
	uint32_t i;
	size_t k;

	for (i = map->first_use; i != NO_INDEX; i = t->map_uses[i].next)
		if (same_fields(&policy->maps[t->map_uses[i].index], types, map->key_count))
			return t->map_uses[i].index;
	use.name = map->first_use == NO_INDEX ? map->map->name.text : NULL;
	for (k = 0; k < map->key_count; k++)
		use.key_fields[k] = types[k].field;
	i = (uint32_t)policy->map_count;
	*ARENA_PUSH(t->arena, t->map_uses, t->map_use_count,
		    t->map_use_capacity) = (struct map_use){entry, i, map->first_use};
	map->first_use = (uint32_t)t->map_use_count - 1;
	*ARENA_PUSH(t->arena, policy->maps, policy->map_count, t->policy_map_capacity) = use;
	return i;
}

/* Adds an entry without a name for a map that is written in a rule. */
static uint32_t add_map_in_place(struct translation *t, const struct ast_verdict *verdict,
				 const struct key_type *types)
{
	struct ast_map *map = arena_alloc(t->arena, 1, sizeof(*map));
	struct map_entry entry = {.map = map, .order = t->order, .first_use = NO_INDEX};

	map->item = (struct ast_item){AST_ITEM_MAP, verdict->span};
	map->elements = verdict->lookup->elements;
	entry.key_count = verdict->lookup->key_count;
	memcpy(entry.keys, types, entry.key_count * sizeof(*types));
	build_map(t, &entry);
	*ARENA_PUSH(t->arena, t->maps, t->map_count, t->map_capacity) = entry;
	return (uint32_t)t->map_count - 1;
}

bool to_lookup(struct rule_draft *draft, const struct ast_verdict *verdict, struct verdict *out)
{
	struct key_type types[MAP_KEYS_MAX];
	uint32_t entry;

	*out = (struct verdict){.kind = VERDICT_MAP, .target = NO_INDEX};
	if (!lookup_keys(draft, verdict->lookup, types))
		return false;
	if (verdict->lookup->map.text) {
		if (!find_map(draft->t, verdict->lookup->map, &entry) ||
		    !check_use(draft->t, verdict, &draft->t->maps[entry], types))
			return false;
	} else {
		entry = add_map_in_place(draft->t, verdict, types);
	}
	out->target = use_map(draft->t, entry, types);
	return true;
}

/* Gives each use of a map its elements, which are complete now. */
void finish_maps(struct translation *t)
{
	const struct map *content;
	struct map *map;
	size_t i;

	for (i = 0; i < t->map_use_count; i++) {
		content = &t->maps[t->map_uses[i].entry].content;
		map = &t->policy->maps[t->map_uses[i].index];
		map->element_count = content->element_count;
		map->elements = content->elements;
		map->keys = content->keys;
		map->verdicts = content->verdicts;
		map->verdict_count = content->verdict_count;
	}
}
