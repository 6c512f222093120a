/* Draws samples: different packets at the edges of the rules' values, in rounds that have an interface and sockets in
 * common. */
#include "trial.h"

#include "compiler/base/arena.h"

#include <string.h>

/* Samples of a round, and rounds in which the same slots have sockets. Where the rules know interfaces, rounds are
 * short, so that many classes have one. */
enum { SHORT_ROUND = 128, LONG_ROUND = 2048, SAME_FILLING = 2048 };

/* The definition looks at each rule and element, and a trial takes so many such steps. */
enum { STEPS = 1 << 26, LEAST = 64 };

static uint64_t steps_of(const struct policy *policy)
{
	uint64_t steps = 1;
	size_t i;

	for (i = 0; i < policy->chain_count; i++)
		steps += policy->chains[i].count;
	for (i = 0; i < policy->map_count; i++)
		steps += policy->maps[i].element_count;
	for (i = 0; i < policy->key_set_count; i++)
		steps += policy->key_sets[i].element_count;
	return steps;
}

/* A set of hashes. Two packets of one hash, of 2^64, are taken as the same. */
struct seen {
	uint64_t *hashes; /* 0: free */
	uint32_t mask;
};

static uint64_t hash_of(const struct sample *sample)
{
	const struct packet *packet = &sample->packet;
	struct random random = {(uint64_t)packet->family << 1 | packet->protocol};
	enum field field;

	for (field = 0; field < VALUE_FIELD_COUNT; field++) {
		random.state = random_next(&random) ^ (uint64_t)packet->values[field];
		random.state = random_next(&random) ^ (uint64_t)(packet->values[field] >> 64);
	}
	return random_next(&random) | 1;
}

/* Adds a sample's packet; false if it is there. */
static bool add(struct seen *seen, const struct sample *sample)
{
	uint64_t hash = hash_of(sample);
	uint32_t at = (uint32_t)(hash >> 32) & seen->mask;

	while (seen->hashes[at] && seen->hashes[at] != hash)
		at = (at + 1) & seen->mask;
	if (seen->hashes[at])
		return false;
	seen->hashes[at] = hash;
	return true;
}

static uint32_t some_filling(struct random *random, uint32_t number)
{
	return number == 0   ? FILLING_ALL
	       : number == 1 ? 0
			     : (uint32_t)random_next(random) & FILLING_ALL;
}

void trial_draw(struct trial *trial, struct random *random, uint32_t count)
{
	const struct policy *policy = trial->c.policy;
	struct edges edges = edges_of(trial->c.arena, policy);
	uint32_t round = policy->interface_count ? SHORT_ROUND : LONG_ROUND, tries;
	uint64_t most = STEPS / steps_of(policy);
	struct seen seen = {.mask = 1};
	u128 class = 0;

	count = most < count ? most < LEAST ? LEAST : (uint32_t)most : count;
	while (seen.mask < 2 * count)
		seen.mask = 2 * seen.mask + 1;
	seen.hashes = arena_alloc(trial->c.arena, seen.mask + 1, sizeof(*seen.hashes));
	trial->samples = arena_alloc(trial->c.arena, count, sizeof(*trial->samples));
	trial->count = 0;
	for (tries = 0; trial->count < count && tries < 2 * count; tries++) {
		struct sample *sample = &trial->samples[trial->count];

		sample->packet = random_packet(random, &edges);
		if (tries % round == 0)
			class = sample->packet.values[FIELD_IIFNAME];
		sample->packet.values[FIELD_IIFNAME] = class;
		if (trial->count % SAME_FILLING == 0)
			sample->filling = some_filling(random, trial->count / SAME_FILLING);
		else
			sample->filling = sample[-1].filling;
		trial->count += add(&seen, sample);
	}
}
