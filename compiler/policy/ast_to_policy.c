/* Walks the tree twice: first for declarations, since everything but a define may be used before it is
 * declared; then, in order, for what it means. Goes on after an error, so that all errors are reported. */
#include "ast_to_policy.h"
#include "compiler/pipeline.h"

#include <string.h>

/* Calls VISIT for each item in the order of files and includes; t->order is the number of the item, from 1. */
static void each_item(struct translation *t, const struct ast_file *files, size_t file_count,
		      void (*visit)(struct translation *t, const struct ast_item *item))
{
	const struct ast_include *include;
	const struct ast_item *item;
	size_t f, i;

	for (f = 0; f < file_count; f++) {
		for (i = 0; i < files[f].items->count && !diag_is_full(t->diag); i++) {
			item = files[f].items->items[i];
			t->order++;
			visit(t, item);
			if (item->kind != AST_ITEM_INCLUDE)
				continue;
			include = (const struct ast_include *)item;
			each_item(t, include->files, include->file_count, visit);
		}
	}
}

/* Names. */

bool is_first_missing(struct translation *t, char mark, const char *name)
{
	const char *text = arena_printf(t->arena, "%c%s", mark, name);

	if (names_find(&t->missing, text, strlen(text)) != NO_NAME)
		return false;
	names_add(&t->missing, t->arena, text, strlen(text));
	return true;
}

/* Declares a name of a kind; a second declaration is an error. */
static bool declare(struct translation *t, struct kind_names *kind, struct ast_name name,
		    const char *word)
{
	uint32_t number = names_find(&kind->names, name.text, strlen(name.text));

	if (number != NO_NAME) {
		diag_error(t->diag, name.span, "a second %s '%s'", word, name.text);
		diag_note(t->diag, kind->spans[number], "the first one is here");
		return false;
	}
	names_add(&kind->names, t->arena, name.text, strlen(name.text));
	*ARENA_PUSH(t->arena, kind->spans, kind->count, kind->capacity) = name.span;
	return true;
}

/* A definition of the command line, which comes first, replaces those of the files. */
static void declare_define(struct translation *t, const struct ast_define *define)
{
	const struct ast_name *name = &define->name;
	uint32_t number = names_find(&t->defines_named.names, name->text, strlen(name->text));
	struct define_entry entry = {.define = define, .order = t->order, .is_option = !t->order};

	if (t->order && number != NO_NAME && t->defines[number].is_option) {
		t->defines_named.spans[number] = name->span;
		return;
	}
	if (declare(t, &t->defines_named, *name, "define"))
		*ARENA_PUSH(t->arena, t->defines, t->define_count, t->define_capacity) = entry;
}

static void set_type(struct translation *t, struct set_entry *entry)
{
	static const enum value_type types[] = {TYPE_ADDRESS, TYPE_PORT, TYPE_INTERFACE};
	const struct ast_types *type = entry->set->type;
	const char *word;
	size_t i;

	if (!type) {
		diag_error(t->diag, entry->set->name.span,
			   "set '%s' has no type: 'type addr', 'type port' or 'type ifname'",
			   entry->set->name.text);
		return;
	}
	if (type->count > 1) {
		check_key_set_type(t, entry);
		return;
	}
	word = type->names[0].text;
	for (i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (strcmp(word, type_word(types[i])) != 0)
			continue;
		entry->has_type = true;
		entry->type = types[i];
		return;
	}
	if (!say_type_of_nft(t, type->names[0]))
		diag_error(t->diag, type->span,
			   "a set has the type 'addr', 'port' or 'ifname', not '%.*s'",
			   quoted_length(type->span), source_text(t->ast->sources, type->span));
}

static void declare_set(struct translation *t, const struct ast_set *set)
{
	struct set_entry entry = {.set = set, .order = t->order, .key_set = NO_INDEX};

	set_type(t, &entry);
	if (declare(t, &t->sets_named, set->name, "set"))
		*ARENA_PUSH(t->arena, t->sets, t->set_count, t->set_capacity) = entry;
}

static void declare_map(struct translation *t, const struct ast_map *map)
{
	struct map_entry entry = {.map = map, .order = t->order, .first_use = NO_INDEX};

	check_map_type(t, &entry);
	if (declare(t, &t->maps_named, map->name, "map"))
		*ARENA_PUSH(t->arena, t->maps, t->map_count, t->map_capacity) = entry;
}

static void declare_chain(struct translation *t, const struct ast_chain *chain)
{
	if (declare(t, &t->chains_named, chain->name, "chain"))
		*ARENA_PUSH(t->arena, t->chains, t->chain_count, t->chain_capacity) = chain;
}

static void declare_item(struct translation *t, const struct ast_item *item)
{
	switch (item->kind) {
	case AST_ITEM_DEFINE:
		declare_define(t, (const struct ast_define *)item);
		break;
	case AST_ITEM_SET:
		declare_set(t, (const struct ast_set *)item);
		break;
	case AST_ITEM_MAP:
		declare_map(t, (const struct ast_map *)item);
		break;
	case AST_ITEM_CHAIN:
		declare_chain(t, (const struct ast_chain *)item);
		break;
	case AST_ITEM_SOCKET:
		declare(t, &t->sockets_named, ((const struct ast_socket *)item)->label, "socket");
		break;
	default:
		break;
	}
}

/* Rules. */

static void add_rule(struct translation *t, uint32_t chain_number, const struct rule *rule)
{
	struct chain *chain = &t->policy->chains[chain_number];

	*ARENA_APPEND(t->arena, chain->rules, chain->count,
		      t->rule_capacities[chain_number]) = *rule;
}

static void to_rule(struct translation *t, uint32_t chain_number, const struct ast_rule *ast)
{
	struct rule rule = {
		.span = ast->item.span, .counter = NO_INDEX, .comment = ast->comment.text};
	struct rule_draft draft = {.t = t, .match = &rule.match};
	const size_t errors = diag_error_count(t->diag);
	const struct ast_match *match;
	enum family family;

	rule.match.families = (1 << FAMILY_COUNT) - 1;
	rule.match.protocols = (1 << PROTOCOL_COUNT) - 1;
	/* After an error, keys are not looked at: a wrong match may have taken one of them. */
	for (match = ast->matches; match; match = match->next)
		if (!match->lookup || diag_error_count(t->diag) == errors)
			to_match(&draft, match);
	if (ast->verdict->kind != VERDICT_MAP)
		to_verdict(t, ast->verdict, &rule.verdict);
	else if (diag_error_count(t->diag) == errors)
		to_lookup(&draft, ast->verdict, &rule.verdict);
	for (family = 0; family < FAMILY_COUNT; family++)
		if (rule.match.families && !(rule.match.families & 1u << family))
			memset(rule.match.values[family], 0, sizeof(rule.match.values[family]));
	if (ast->counter)
		rule.counter = (uint32_t)t->policy->counter_count++;
	add_rule(t, chain_number, &rule);
}

static void to_chain(struct translation *t, const struct ast_chain *chain)
{
	uint32_t number = names_find(&t->chains_named.names, chain->name.text,
				     strlen(chain->name.text));
	size_t i;

	if (t->chains[number] != chain)
		return;
	t->policy->chains[number + 1].rules_before = t->policy->chains[0].count;
	for (i = 0; i < chain->rules->count && !diag_is_full(t->diag); i++)
		to_rule(t, number + 1, (const struct ast_rule *)chain->rules->items[i]);
}

/* Statements of which a policy has at most one. */

static void to_end(struct translation *t, const struct ast_policy *policy)
{
	if (t->policy->end_span.end) {
		diag_error(t->diag, policy->item.span, "a second 'policy'");
		diag_note(t->diag, t->policy->end_span, "the first one is here");
		return;
	}
	t->policy->end = policy->verdict;
	t->policy->end_span = policy->item.span;
}

static void to_option(struct translation *t, const struct ast_option *option)
{
	if (strcmp(option->name.text, "override") != 0) {
		diag_error(t->diag, option->name.span, "unknown option '%s'; there is 'override'",
			   option->name.text);
	} else if (t->override_span.end) {
		diag_error(t->diag, option->item.span, "a second 'option override'");
		diag_note(t->diag, t->override_span, "the first one is here");
	}
	t->policy->override_others = true;
	t->override_span = option->item.span;
}

static void to_define(struct translation *t, const struct ast_define *define)
{
	struct define_entry written = {.define = define};
	uint32_t number = names_find(&t->defines_named.names, define->name.text,
				     strlen(define->name.text));

	check_define(t, t->defines[number].define == define ? &t->defines[number] : &written);
}

static void to_set(struct translation *t, const struct ast_set *set)
{
	uint32_t number = names_find(&t->sets_named.names, set->name.text, strlen(set->name.text));

	if (t->sets[number].set != set)
		return;
	if (t->sets[number].key_set == NO_INDEX)
		resolve_set(t, &t->sets[number]);
	else
		build_map(t, &t->key_sets[t->sets[number].key_set]);
}

static void to_map(struct translation *t, const struct ast_map *map)
{
	uint32_t number = names_find(&t->maps_named.names, map->name.text, strlen(map->name.text));

	if (t->maps[number].map == map)
		build_map(t, &t->maps[number]);
}

static void to_item(struct translation *t, const struct ast_item *item)
{
	switch (item->kind) {
	case AST_ITEM_DEFINE:
		to_define(t, (const struct ast_define *)item);
		break;
	case AST_ITEM_INCLUDE:
		break;
	case AST_ITEM_POLICY:
		to_end(t, (const struct ast_policy *)item);
		break;
	case AST_ITEM_OPTION:
		to_option(t, (const struct ast_option *)item);
		break;
	case AST_ITEM_SET:
		to_set(t, (const struct ast_set *)item);
		break;
	case AST_ITEM_MAP:
		to_map(t, (const struct ast_map *)item);
		break;
	case AST_ITEM_SOCKET:
		to_socket(t, (const struct ast_socket *)item);
		break;
	case AST_ITEM_CHAIN:
		to_chain(t, (const struct ast_chain *)item);
		break;
	case AST_ITEM_EXPECT:
		*ARENA_PUSH(t->arena, t->expects, t->expect_count,
			    t->expect_capacity) = (const struct ast_expect *)item;
		break;
	case AST_ITEM_RULE:
		to_rule(t, 0, (const struct ast_rule *)item);
		break;
	}
}

/* The whole. */

static void start_chains(struct translation *t)
{
	struct policy *policy = t->policy;
	size_t i;

	policy->chain_count = t->chain_count + 1;
	policy->chains = arena_alloc(t->arena, policy->chain_count, sizeof(*policy->chains));
	t->rule_capacities = arena_alloc(t->arena, policy->chain_count, sizeof(size_t));
	for (i = 0; i < t->chain_count; i++) {
		policy->chains[i + 1].name = t->chains[i]->name.text;
		policy->chains[i + 1].span = t->chains[i]->item.span;
	}
}

static void warn_of_unused(struct translation *t)
{
	const struct define_entry *entry;
	size_t i;

	for (i = 0; i < t->define_count; i++) {
		entry = &t->defines[i];
		if (entry->is_option && !entry->is_used)
			diag_warning(t->diag, WARNING_UNUSED, entry->define->name.span,
				     "nothing uses '$%s'", entry->define->name.text);
	}
}

struct policy *ast_to_policy(struct arena *arena, const struct ast *ast, struct diag *diag,
			     const struct compile_options *options)
{
	struct policy *policy = arena_alloc(arena, 1, sizeof(*policy));
	struct translation t = {.arena = arena, .ast = ast, .diag = diag, .policy = policy};
	size_t errors = diag_error_count(diag), i;

	policy->sources = ast->sources;
	policy->definitions = options ? options->definitions : NULL;
	policy->definition_count = options ? options->definition_count : 0;
	for (i = 0; i < ast->definition_count; i++)
		declare_define(&t, ast->definitions[i]);
	each_item(&t, ast->files, ast->file_count, declare_item);
	start_chains(&t);
	t.order = 0;
	for (i = 0; i < ast->definition_count; i++)
		to_define(&t, ast->definitions[i]);
	each_item(&t, ast->files, ast->file_count, to_item);
	to_expects(&t);
	if (diag_error_count(diag) != errors)
		return NULL;
	finish_maps(&t);
	check_chains(&t);
	number_in_order(&t);
	classify_interfaces(&t);
	warn_of_unused(&t);
	return diag_error_count(diag) == errors ? policy : NULL;
}
