/* Maps: their types, their elements from rules and from files, and their uses. The elements of a map are made
 * once, however many combinations of fields it is looked up by. A set of several keys is a map without verdicts; what
 * is its own is in key_set.c. */
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

enum { KEY_WORDS_MAX = FIELD_COUNT + 3, KEYS_TEXT = 16 * FIELD_COUNT };

/* Lists the words, those of fields first; *FIELDS is the number of those. */
static size_t key_words(struct key_word words[KEY_WORDS_MAX], size_t *fields)
{
	static const enum value_type types[] = {TYPE_ADDRESS, TYPE_PORT, TYPE_INTERFACE};
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

/* Reports a type that nft has; false if it has none of this name. */
bool say_type_of_nft(struct translation *t, struct ast_name name)
{
	if (!strcmp(name.text, "ipv4_addr") || !strcmp(name.text, "ipv6_addr"))
		diag_error(t->diag, name.span, "unknown type '%s'; 'addr' is for both families",
			   name.text);
	else if (!strcmp(name.text, "inet_service"))
		diag_error(t->diag, name.span, "unknown type '%s'; it is called 'port' here",
			   name.text);
	else if (!strcmp(name.text, "inet_proto"))
		diag_error(t->diag, name.span, "unknown type '%s'; it is called 'l4proto' here",
			   name.text);
	else if (!strcmp(name.text, "iface_index"))
		diag_error(t->diag, name.span, "unknown type '%s'; it is called 'ifname' here",
			   name.text);
	else
		return false;
	return true;
}

bool to_key_type(struct translation *t, struct ast_name name, struct key_type *key)
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
	if (say_type_of_nft(t, name))
		return false;
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
	struct map_entry *entry;
	const struct key_type *types;
	bool is_set;
	uint8_t families; /* of all elements so far */
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

	b->families |= families;
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

static bool element_key(struct map_builder *b, const struct ast_value *value, size_t k,
			enum family *family)
{
	struct range *key = &next_keys(b)[k];

	*family = FAMILY_IPV4;
	if (!key_fits(b, value, k))
		return false;
	if (b->types[k].type == TYPE_INTERFACE)
		return key_interface(b->t, b->entry, value, key);
	return value_range(b->t, value, b->types[k].type, family, key);
}

static bool element_keys(struct map_builder *b, const struct ast_element *element,
			 uint8_t *families)
{
	const struct ast_value *keys = &b->t->ast->keys[element->first_key], *value;
	enum family family;
	size_t k;

	if (element->key_count != b->map->key_count) {
		if (b->failed_keys ||
		    b->wrong_count == element->key_count) /* one mistake, the map's */
			return false;
		b->wrong_count = element->key_count;
		diag_error(b->t->diag, element->span, "the %s has %zu key%s, this element %u",
			   b->is_set ? "set" : "map", b->map->key_count,
			   b->map->key_count == 1 ? "" : "s", element->key_count);
		return false;
	}
	for (k = 0; k < element->key_count; k++) {
		value = resolve_single(b->t, &keys[k]);
		if (!value || !element_key(b, value, k, &family) ||
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
	uint32_t number;
	size_t i;

	for (i = 0; i < elements->count && !diag_is_full(b->t->diag); i++) {
		element = &elements->elements[i];
		families = (1 << FAMILY_COUNT) - 1;
		if (!element_keys(b, element, &families) ||
		    (!b->is_set && !to_verdict(b->t, element->verdict, &verdict)))
			continue;
		number = b->is_set ? NO_VERDICT : verdict_number(b, &verdict);
		next_element(b, element->span, families, number);
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

static bool line_key(struct map_builder *b, struct element_lines *lines, size_t k,
		     enum family *family)
{
	struct range *key = &next_keys(b)[k];
	struct ast_value name;

	*family = FAMILY_IPV4;
	if (b->types[k].type == TYPE_INTERFACE)
		return element_name(b->t, lines, &name) &&
		       key_interface(b->t, b->entry, &name, key);
	return element_value(b->t, lines, b->types[k].type, family, key);
}

static void add_line(struct map_builder *b, struct element_lines *lines)
{
	uint8_t families = (1 << FAMILY_COUNT) - 1;
	size_t first = lines->at, start, k;
	enum family family;
	uint32_t verdict = NO_VERDICT;

	for (k = 0; k < b->map->key_count; k++) {
		if (k && !element_mark(b->t, lines, '.'))
			return;
		start = lines->at;
		if (!line_key(b, lines, k, &family) ||
		    !add_family(b, b->types[k].type, family, element_span(lines, start, lines->at),
				&families))
			return;
	}
	if (b->is_set ? !element_line_end(b->t, lines) : !element_mark(b->t, lines, ':'))
		return;
	if (!b->is_set)
		verdict = file_verdict(b, lines);
	if (b->is_set || verdict != NO_VERDICT)
		next_element(b, element_span(lines, first, lines->end), families, verdict);
}

static void add_file(struct map_builder *b, const struct source_file *source)
{
	struct element_lines lines = element_lines(b->t->ast->sources, source);

	while (!diag_is_full(b->t->diag) && element_next_line(&lines))
		add_line(b, &lines);
}

static void warn_of_empty(struct translation *t, const struct map_entry *entry)
{
	const struct ast_map *map = entry->map;
	struct span span = map->name.text ? map->name.span : map->item.span;

	if (!entry->is_set)
		diag_warning(t->diag, WARNING_EMPTY_SET, span, "the map has no elements");
	else if (map->name.text)
		diag_warning(t->diag, WARNING_EMPTY_SET, span, "set '%s' has no elements",
			     map->name.text);
	else
		diag_warning(t->diag, WARNING_EMPTY_SET, span, "the list has no elements");
}

void build_map(struct translation *t, struct map_entry *entry)
{
	const struct ast_map *map = entry->map;
	size_t count = map->elements ? map->elements->count : 0;
	struct map_builder b = {.t = t,
				.entry = entry,
				.types = entry->keys,
				.is_set = entry->is_set,
				.map = &entry->content};
	size_t errors = diag_error_count(t->diag);
	const struct ast_element_file *file;
	uint32_t order = t->order;

	if (!entry->key_count || entry->is_built)
		return;
	entry->is_built = true;
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
		warn_of_empty(t, entry);
	entry->families = b.families;
	if (entry->interface_count)
		sort_key_interfaces(t, entry);
	if (!entry->is_set)
		check_map(t, &entry->content);
}

/* Uses. */

/* The field whose values a key has. */
static enum field value_field(struct key_type key)
{
	return key.field == FIELD_IIF ? FIELD_IIFNAME : key.field;
}

bool lookup_keys(struct rule_draft *draft, const struct ast_lookup *lookup, struct key_type *types)
{
	const struct ast_field_name *key;
	struct ast_name name;
	size_t k, j;

	if (lookup->key_count > MAP_KEYS_MAX) {
		diag_error(draft->t->diag, lookup->keys[MAP_KEYS_MAX].span,
			   "at most %d keys stand together", MAP_KEYS_MAX);
		return false;
	}
	for (k = 0; k < lookup->key_count; k++) {
		key = &lookup->keys[k];
		name = (struct ast_name){field_word(key->field), key->span};
		if (!to_key_type(draft->t, name, &types[k]))
			return false;
		for (j = 0; j < k; j++) {
			if (value_field(types[j]) != value_field(types[k]))
				continue;
			diag_error(draft->t->diag, key->span, "'%s' is a key already",
				   field_word(types[j].field));
			return false;
		}
		if (key->families)
			limit_families(draft, key->families, key->span);
		if (key->protocols)
			limit_protocols(draft, key->protocols, key->span);
	}
	return true;
}

bool check_use(struct translation *t, const struct ast_lookup *lookup, struct span span,
	       const struct map_entry *entry, const struct key_type *types)
{
	const char *word = entry->is_set ? "set" : "map";
	size_t k;

	if (lookup->key_count != entry->key_count) {
		diag_error(t->diag, span, "%s '%s' has %zu key%s, not %zu", word, lookup->name.text,
			   entry->key_count, entry->key_count == 1 ? "" : "s", lookup->key_count);
		diag_note(t->diag, entry->map->type->span, "its keys are declared here");
		return false;
	}
	for (k = 0; k < entry->key_count; k++) {
		if (entry->keys[k].type == types[k].type &&
		    (entry->keys[k].field == types[k].field || entry->keys[k].field == ANY_FIELD))
			continue;
		diag_error(t->diag, lookup->keys[k].span, "key %zu of %s '%s' is '%s', not '%s'",
			   k + 1, word, lookup->name.text, key_word(entry->keys[k]),
			   key_word(types[k]));
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
		if (map->key_fields[k] != value_field(types[k]))
			return false;
	return true;
}

static struct map_entry *entry_of(struct translation *t, bool is_set, uint32_t entry)
{
	return is_set ? &t->key_sets[entry] : &t->maps[entry];
}

static uint32_t add_to_policy(struct translation *t, bool is_set, const struct map *map)
{
	struct policy *policy = t->policy;

	if (is_set)
		*ARENA_PUSH(t->arena, policy->key_sets, policy->key_set_count,
			    t->policy_key_set_capacity) = *map;
	else
		*ARENA_PUSH(t->arena, policy->maps, policy->map_count,
			    t->policy_map_capacity) = *map;
	return (uint32_t)(is_set ? policy->key_set_count : policy->map_count) - 1;
}

/* The policy's map or key set for these elements and fields. The first one for an entry gets its name. */
uint32_t use_map(struct translation *t, bool is_set, uint32_t entry, const struct key_type *types)
{
	struct map_entry *map = entry_of(t, is_set, entry);
	struct map use = {.key_count = map->key_count, .span = map->map->item.span};
	uint32_t i;
	size_t k;

	for (k = 0; k < map->key_count; k++)
		map->by_iif |= types[k].field == FIELD_IIF;
	for (i = map->first_use; i != NO_INDEX; i = t->map_uses[i].next) {
		const struct map *made = is_set ? t->policy->key_sets : t->policy->maps;

		if (same_fields(&made[t->map_uses[i].index], types, map->key_count))
			return t->map_uses[i].index;
	}
	use.name = map->first_use == NO_INDEX ? map->map->name.text : NULL;
	for (k = 0; k < map->key_count; k++)
		use.key_fields[k] = value_field(types[k]);
	i = add_to_policy(t, is_set, &use);
	*ARENA_PUSH(t->arena, t->map_uses, t->map_use_count,
		    t->map_use_capacity) = (struct map_use){is_set, entry, i, map->first_use};
	map->first_use = (uint32_t)t->map_use_count - 1;
	return i;
}

/* An entry without a name for a map or set that is written in a rule. */
struct map_entry map_in_place(struct translation *t, const struct ast_lookup *lookup,
			      struct span span, const struct key_type *types)
{
	struct ast_map *map = arena_alloc(t->arena, 1, sizeof(*map));
	struct map_entry entry = {.map = map, .order = t->order, .first_use = NO_INDEX};

	map->item = (struct ast_item){AST_ITEM_MAP, span};
	map->elements = lookup->elements;
	entry.key_count = lookup->key_count;
	memcpy(entry.keys, types, entry.key_count * sizeof(*types));
	return entry;
}

bool to_lookup(struct rule_draft *draft, const struct ast_verdict *verdict, struct verdict *out)
{
	const struct ast_lookup *lookup = verdict->lookup;
	struct key_type types[MAP_KEYS_MAX];
	struct translation *t = draft->t;
	struct map_entry in_place;
	uint32_t entry;

	*out = (struct verdict){.kind = VERDICT_MAP, .target = NO_INDEX};
	if (!lookup_keys(draft, lookup, types))
		return false;
	if (lookup->name.text) {
		if (!find_map(t, lookup->name, &entry) ||
		    !check_use(t, lookup, verdict->span, &t->maps[entry], types))
			return false;
	} else {
		in_place = map_in_place(t, lookup, verdict->span, types);
		build_map(t, &in_place);
		entry = (uint32_t)t->map_count;
		*ARENA_PUSH(t->arena, t->maps, t->map_count, t->map_capacity) = in_place;
	}
	out->target = use_map(t, false, entry, types);
	return true;
}

/* Gives each use of a map its elements, which are complete now. */
void finish_maps(struct translation *t)
{
	const struct map_use *use;
	const struct map *content;
	struct map *map;
	size_t i;

	for (i = 0; i < t->map_count; i++)
		number_key_interfaces(t, &t->maps[i]);
	for (i = 0; i < t->key_set_count; i++)
		number_key_interfaces(t, &t->key_sets[i]);
	for (i = 0; i < t->map_use_count; i++) {
		use = &t->map_uses[i];
		content = &entry_of(t, use->is_set, use->entry)->content;
		map = use->is_set ? &t->policy->key_sets[use->index] : &t->policy->maps[use->index];
		map->element_count = content->element_count;
		map->elements = content->elements;
		map->keys = content->keys;
		map->verdicts = content->verdicts;
		map->verdict_count = content->verdict_count;
	}
}
