/* Checks that no chain leads back to itself, and that chains are not nested too deeply. The walk stops at that
 * depth; a longer cycle is reported as too deep. */
#include "ast_to_policy.h"

enum { CHAIN_DEPTH_MAX = 16, NOT_SEEN = 0, BEING_SEEN = 255 };

struct chain_walk {
	struct translation *t;
	/* For each chain, the number of chains on the longest path from it, and the next chain on that path. */
	uint8_t *heights;
	uint32_t *tallest;
	uint32_t path[CHAIN_DEPTH_MAX + 1];
	size_t depth;
	bool failed; /* an error was reported */
};

static unsigned walk_chain(struct chain_walk *walk, uint32_t chain);

/* "a -> b -> c": the path from index FIRST, then CHAIN and the longest path from there. */
static const char *path_text(const struct chain_walk *walk, size_t first, uint32_t chain)
{
	const struct chain *chains = walk->t->policy->chains;
	const char *text = "";
	size_t i;

	for (i = first; i < walk->depth; i++)
		text = arena_printf(walk->t->arena, "%s%s -> ", text, chains[walk->path[i]].name);
	text = arena_printf(walk->t->arena, "%s%s", text, chains[chain].name);
	while ((chain = walk->tallest[chain]))
		text = arena_printf(walk->t->arena, "%s -> %s", text, chains[chain].name);
	return text;
}

static void report_cycle(struct chain_walk *walk, uint32_t chain, struct span span)
{
	size_t first = 0;

	while (walk->path[first] != chain)
		first++;
	walk->tallest[chain] = 0;
	diag_error(walk->t->diag, span, "chain '%s' comes back to itself: %s",
		   walk->t->policy->chains[chain].name, path_text(walk, first, chain));
	walk->failed = true;
}

/* Walks from the last chain of the path to CHAIN; returns the height of CHAIN. */
static unsigned walk_to(struct chain_walk *walk, uint32_t chain, struct span span)
{
	unsigned height = walk->heights[chain];

	if (height == BEING_SEEN) {
		report_cycle(walk, chain, span);
		return 0;
	}
	if (height == NOT_SEEN && walk->depth < CHAIN_DEPTH_MAX)
		height = walk_chain(walk, chain);
	else if (height == NOT_SEEN)
		height = 1;
	if (!walk->failed && walk->depth + height > CHAIN_DEPTH_MAX) {
		diag_error(walk->t->diag, span, "chains go deeper than %d: %s", CHAIN_DEPTH_MAX,
			   path_text(walk, 0, chain));
		walk->failed = true;
	}
	return height;
}

/* Walks to each chain that a verdict may lead to; returns the greatest height of these. */
static unsigned walk_verdict(struct chain_walk *walk, const struct verdict *verdict,
			     struct span span)
{
	unsigned height, highest = 0;
	uint32_t from = walk->path[walk->depth - 1];
	const struct map *map;
	size_t i;

	if (verdict->kind == VERDICT_MAP) {
		map = &walk->t->policy->maps[verdict->target];
		for (i = 0; i < map->verdict_count && !walk->failed; i++) {
			height = walk_verdict(walk, &map->verdicts[i], span);
			highest = height > highest ? height : highest;
		}
		return highest;
	}
	if (verdict->kind != VERDICT_JUMP && verdict->kind != VERDICT_GOTO)
		return 0;
	height = walk_to(walk, verdict->target, span);
	if (!walk->tallest[from] || height > walk->heights[walk->tallest[from]])
		walk->tallest[from] = verdict->target;
	return height;
}

static unsigned walk_chain(struct chain_walk *walk, uint32_t number)
{
	const struct chain *chain = &walk->t->policy->chains[number];
	const struct ast_items *rules = walk->t->chains[number - 1]->rules;
	unsigned height, highest = 0;
	size_t i;

	walk->heights[number] = BEING_SEEN;
	walk->path[walk->depth++] = number;
	for (i = 0; i < chain->count && !walk->failed; i++) {
		height = walk_verdict(walk, &chain->rules[i].verdict,
				      ((const struct ast_rule *)rules->items[i])->verdict->span);
		highest = height > highest ? height : highest;
	}
	walk->depth--;
	walk->heights[number] = (uint8_t)(highest + 1);
	return highest + 1;
}

void check_chains(struct translation *t)
{
	size_t count = t->policy->chain_count;
	struct chain_walk walk = {.t = t};
	uint32_t chain;

	walk.heights = arena_alloc(t->arena, count, sizeof(*walk.heights));
	walk.tallest = arena_alloc(t->arena, count, sizeof(*walk.tallest));
	for (chain = 1; chain < count && !walk.failed; chain++)
		if (walk.heights[chain] == NOT_SEEN)
			walk_chain(&walk, chain);
}
