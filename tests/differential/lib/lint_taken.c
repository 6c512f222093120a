/* Tries all packets at the edges of the rules' values, to know which logins and replies rules take
 * from the host. */
#include "lint_taken.h"

#include "packets.h"

#include "compiler/base/arena.h"
#include "compiler/base/diag_queue.h"
#include "compiler/decision/decision.h"
#include "compiler/lint/lint.h"
#include "compiler/pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MULTICAST_IPV4 = 0xe }; /* the upper 4 bits of the addresses */

/* The values at the edges of a file's ranges, sorted and without repetition; and the packet that is
 * tried now. */
struct space {
	const struct decision *decision;
	struct edges edges;
	enum family family;
	enum protocol protocol;
	u128 values[VALUE_FIELD_COUNT];
};

static int compare_values(const void *a, const void *b)
{
	u128 first = *(const u128 *)a, second = *(const u128 *)b;

	return first < second ? -1 : first > second;
}

static void sort_edges(struct edges *edges)
{
	size_t family, field, i, count;

	for (family = 0; family < FAMILY_COUNT; family++)
		for (field = 0; field < VALUE_FIELD_COUNT; field++) {
			u128 *values = edges->values[family][field];

			qsort(values, edges->counts[family][field], sizeof(*values),
			      compare_values);
			for (count = i = 0; i < edges->counts[family][field]; i++)
				if (!count || values[count - 1] != values[i])
					values[count++] = values[i];
			edges->counts[family][field] = count;
		}
}

/* Whether the packet that is tried now is offered to a label or dropped. */
static bool is_taken(const struct space *space)
{
	struct packet packet = {space->family, space->protocol, {0}};
	struct action actions[DECIDED_ACTIONS_MAX];
	struct diagram_outcome outcome;
	size_t i;

	memcpy(packet.values, space->values, sizeof(packet.values));
	outcome = decision_eval(space->decision, &packet, actions);
	for (i = 0; i < outcome.action_count; i++)
		if (outcome.actions[i].kind == ACTION_ATTEMPT)
			return true;
	return outcome.end == OUTCOME_DROP;
}

/* Whether the packet is taken whatever the fields from FIELD on are. No packet has port 0, and of
 * none the interface is not known. */
static bool all_taken(struct space *space, enum field field)
{
	size_t i;

	if (field == VALUE_FIELD_COUNT)
		return is_taken(space);
	for (i = 0; i < space->edges.counts[space->family][field]; i++) {
		space->values[field] = space->edges.values[space->family][field][i];
		if ((field == FIELD_DPORT || field == FIELD_IIFNAME) && !space->values[field])
			continue;
		if (!all_taken(space, (enum field)(field + 1)))
			return false;
	}
	return true;
}

static bool ssh_is_taken(struct space *space)
{
	bool is_ipv4 = space->family == FAMILY_IPV4;
	size_t i;

	space->protocol = PROTOCOL_TCP;
	for (i = 0; i < space->edges.counts[space->family][FIELD_DADDR]; i++) {
		u128 address = space->edges.values[space->family][FIELD_DADDR][i];

		if (is_ipv4 ? address >> 24 == 127 : address == 1)
			continue;
		space->values[FIELD_DADDR] = address;
		space->values[FIELD_DPORT] = 22;
		if (!all_taken(space, FIELD_SADDR))
			return false;
	}
	return true;
}

/* The label that a reply to an address is offered to first; the number of labels if there is no
 * such label. */
static size_t taker_of(const struct compilation *c, const struct space *space, u128 address)
{
	struct packet packet = example_packet(c->policy, space->family, PROTOCOL_UDP);
	const struct rule *deciding;
	struct outcome outcome;
	size_t i;

	packet.values[FIELD_DADDR] = address;
	packet.values[FIELD_SPORT] = 53;
	packet.values[FIELD_DPORT] = 40000;
	policy_eval(c->policy, &packet, &outcome, &deciding);
	for (i = 0; i < outcome.action_count; i++)
		if (outcome.actions[i].kind == ACTION_ATTEMPT)
			return outcome.actions[i].index;
	return c->policy->label_count;
}

/* Whether rules take replies. Sets TAKERS for the labels that do. The address after the last
 * multicast one is tried too, since the rules' own edges may all be multicast. */
static bool replies_are_taken(const struct compilation *c, struct space *space, bool *takers)
{
	const bool is_ipv4 = space->family == FAMILY_IPV4;
	const u128 *edges = space->edges.values[space->family][FIELD_DADDR];
	size_t count = space->edges.counts[space->family][FIELD_DADDR], i;
	bool taken = false;

	space->protocol = PROTOCOL_UDP;
	for (i = 0; i < count + is_ipv4; i++) {
		u128 address = i < count ? edges[i] : (u128)(MULTICAST_IPV4 + 1) << 28;

		space->values[FIELD_DADDR] = address;
		if ((is_ipv4 ? address >> 28 != MULTICAST_IPV4 : address >> 120 != 0xff) &&
		    all_taken(space, FIELD_DPORT)) {
			takers[taker_of(c, space, address)] = true;
			taken = true;
		}
	}
	return taken;
}

/* Whether there is a warning of replies for each taker, and for no other label. */
static bool names_takers(const struct compilation *c, const bool *takers)
{
	const struct policy *policy = c->policy;
	const struct diag_item *item;
	char words[64];
	size_t label, i;
	bool named;

	for (label = 0; label <= policy->label_count; label++) {
		strcpy(words, "dropped on");
		if (label < policy->label_count)
			snprintf(words, sizeof(words), "to '%s' on", policy->labels[label].name);
		named = false;
		for (i = 0; i < c->diag->count; i++) {
			item = &c->diag->items[i];
			named |= item->warning == WARNING_UDP_REPLIES &&
				 strstr(item->message, words);
		}
		if (named != takers[label]) {
			printf("# '%s' should%s be said of replies\n", words, named ? " not" : "");
			return false;
		}
	}
	return true;
}

static bool has_warning(const struct diag *diag, enum warning warning)
{
	size_t i;

	for (i = 0; i < diag->count; i++)
		if (diag->items[i].warning == warning)
			return true;
	return false;
}

bool lint_says_what_is_taken(const struct compilation *c)
{
	struct space space = {.decision = c->decision, .edges = edges_of(c->arena, c->policy)};
	bool *takers = arena_alloc(c->arena, c->policy->label_count + 1, sizeof(*takers));
	bool ssh = false, replies = false;
	int family;

	sort_edges(&space.edges);
	for (family = 0; family < FAMILY_COUNT; family++) {
		space.family = (enum family)family;
		ssh |= ssh_is_taken(&space);
		replies |= replies_are_taken(c, &space, takers);
	}
	if (ssh == has_warning(c->diag, WARNING_SSH) &&
	    replies == has_warning(c->diag, WARNING_UDP_REPLIES))
		return names_takers(c, takers);
	printf("# port 22 %s, replies %s\n", ssh ? "taken" : "free", replies ? "taken" : "free");
	return false;
}
