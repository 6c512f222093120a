/* Warns of what an operator is locked out by: logins by ssh taken or dropped on every address, and
 * replies to the host's own UDP sockets taken or dropped, since these pass the hook too.
 *
 * Taken is a packet that is offered to a label or dropped, whatever labels are filled. An
 * address is taken on some ports if every packet to it and them is, from wherever. */
#include "policy_lint.h"

#include "arena.h"
#include "diag.h"

enum { SSH = 22, DOMAIN = 53, EPHEMERAL = 40000, RANGES_MAX = 64 };

/* Taken addresses below each node, and which nodes are done. */
struct walk {
	struct lint *lint;
	enum family family;
	struct range ports;
	struct range_set *taken;
	bool *done;
};

/* A rule (NULL: the policy) that takes what it should not, of one family or both. */
struct finding {
	const struct rule *rule;
	unsigned families;
	bool everywhere;
	bool and_others; /* on other addresses too */
	struct range addresses;
	struct packet packet;
};

struct findings {
	struct finding items[2 * RANGES_MAX];
	size_t count;
};

static struct range_set one_range(struct lint *lint, u128 first, u128 last)
{
	struct range *range = arena_alloc(lint->arena, 1, sizeof(*range));

	*range = (struct range){first, last};
	return (struct range_set){range, 1};
}

static struct range_set taken_below(struct walk *walk, decision_ref ref);

static u128 interval_last(const struct decision_node *node, uint32_t i, u128 last)
{
	return i + 1 < node->count ? node->starts[i + 1] - 1 : last;
}

/* Below a node that asks for the address nothing asks for it again: all of an interval is taken,
 * or none. */
static struct range_set taken_addresses(struct walk *walk, const struct decision_node *node)
{
	struct range *ranges = arena_alloc(walk->lint->arena, node->count, sizeof(*ranges));
	size_t count = 0;
	uint32_t i;

	for (i = 0; i < node->count; i++)
		if (taken_below(walk, node->children[i]).count)
			ranges[count++] = (struct range){
				node->starts[i],
				interval_last(node, i, address_last(walk->family))};
	return range_set_of(ranges, count);
}

static struct range_set taken_by_all(struct walk *walk, const struct decision_node *node)
{
	struct range_set all = one_range(walk->lint, 0, address_last(walk->family));
	uint32_t i;

	for (i = 0; i < node->count && all.count; i++) {
		struct range_set below;

		if (node->variable == FIELD_DPORT &&
		    (node->starts[i] > walk->ports.last ||
		     interval_last(node, i, UINT16_MAX) < walk->ports.first))
			continue;
		below = taken_below(walk, node->children[i]);
		if (!lint_spend(walk->lint, all.count + below.count))
			return (struct range_set){NULL, 0};
		all = range_set_intersect(walk->lint->arena, all, below);
	}
	return all;
}

static struct range_set taken_below(struct walk *walk, decision_ref ref)
{
	const struct decision *decision = walk->lint->decision;
	const struct decision_node *node;

	if (ref_is_outcome(ref)) {
		const struct decision_outcome *outcome = &decision->outcomes[ref_index(ref)];
		size_t i;

		for (i = 0; i < outcome->step_count; i++)
			if (outcome->steps[i].kind == STEP_ATTEMPT)
				break;
		if (i == outcome->step_count && outcome->end == END_PASS)
			return (struct range_set){NULL, 0};
		return one_range(walk->lint, 0, address_last(walk->family));
	}
	if (walk->done[ref])
		return walk->taken[ref];
	node = &decision->nodes[ref];
	walk->taken[ref] = node->variable == FIELD_DADDR ? taken_addresses(walk, node)
							 : taken_by_all(walk, node);
	walk->done[ref] = true;
	return walk->taken[ref];
}

/* The addresses of a family that are taken on all of these ports. */
static struct range_set taken(struct lint *lint, enum family family, enum protocol protocol,
			      struct range ports)
{
	size_t nodes = lint->decision->node_count;
	struct walk walk = {lint, family, ports, NULL, NULL};

	walk.taken = arena_alloc(lint->arena, nodes, sizeof(*walk.taken));
	walk.done = arena_alloc(lint->arena, nodes, sizeof(*walk.done));
	return taken_below(&walk, lint->decision->roots[family][protocol]);
}

/* The set without one range. */
static struct range_set without(struct lint *lint, struct range_set set, enum family family,
				struct range range)
{
	struct range_set hole = one_range(lint, range.first, range.last);

	return range_set_intersect(lint->arena, set,
				   range_set_complement(lint->arena, hole, address_last(family)));
}

/* Judges an example by the definition, and adds what decides it, unless that stands there
 * already. */
static void add_finding(struct lint *lint, struct findings *findings, struct range addresses,
			struct packet packet)
{
	u128 example = packet.values[FIELD_DADDR];
	struct finding finding = {NULL, 1u << packet.family, false, false, addresses, packet};
	struct outcome outcome;
	size_t i;

	if (example < addresses.first || example > addresses.last)
		finding.packet.values[FIELD_DADDR] = addresses.first;
	finding.everywhere = addresses.last - addresses.first == address_last(packet.family);
	policy_eval(lint->policy, &lint->environment, &finding.packet, &outcome, &finding.rule);
	for (i = 0; i < findings->count; i++) {
		struct finding *other = &findings->items[i];

		if (other->rule != finding.rule)
			continue;
		if (other->everywhere && finding.everywhere)
			other->families |= finding.families;
		if (!(other->families & finding.families))
			continue;
		other->and_others |= !other->everywhere;
		return;
	}
	findings->items[findings->count++] = finding;
}

/* What is done to a packet, in words. */
static const char *taken_text(struct lint *lint, const struct packet *packet)
{
	const struct rule *deciding;
	struct outcome outcome;
	size_t i;

	policy_eval(lint->policy, &lint->environment, packet, &outcome, &deciding);
	for (i = 0; i < outcome.step_count; i++)
		if (outcome.steps[i].kind == STEP_ATTEMPT)
			return arena_printf(lint->arena, "redirected to '%s'",
					    lint->policy->labels[outcome.steps[i].index].name);
	return "dropped";
}

static const char *where_text(struct lint *lint, const struct finding *finding)
{
	enum family family = finding->packet.family;
	char range[RANGE_TEXT];

	if (finding->everywhere)
		return finding->families == 3  ? "every ipv4 and ipv6 address"
		       : family == FAMILY_IPV4 ? "every ipv4 address"
					       : "every ipv6 address";
	address_range_format(family, finding->addresses, range);
	return arena_printf(lint->arena, "%s%s", range,
			    finding->and_others ? ", among others" : "");
}

static void warn(struct lint *lint, enum warning warning, const struct finding *finding,
		 const char *what, const char *mend)
{
	diag_warning(lint->diag, warning,
		     finding->rule ? finding->rule->span : lint->policy->end_span, "%s %s on %s",
		     what, taken_text(lint, &finding->packet), where_text(lint, finding));
	diag_note(lint->diag, (struct span){0, 0}, "for example '%s'; %s",
		  packet_text(lint->arena, lint->policy, &finding->packet), mend);
}

/* Nobody logs in by a loopback address from afar: those do not count. */
static void find_ssh(struct lint *lint, enum family family, struct findings *findings)
{
	struct range all = {0, address_last(family)};
	struct range loopback = {1, 1};
	struct range_set left;
	struct packet packet = example_packet(family, PROTOCOL_TCP);

	if (family == FAMILY_IPV4)
		loopback = (struct range){0x7f000000, 0x7fffffff};
	left = taken(lint, family, PROTOCOL_TCP, (struct range){SSH, SSH});
	left = range_set_complement(lint->arena, left, all.last);
	if (without(lint, left, family, loopback).count)
		return;
	packet.values[FIELD_DPORT] = SSH;
	add_finding(lint, findings, all, packet);
}

/* Own sockets have no multicast addresses. Port 0 is no port that a packet has. */
static void find_replies(struct lint *lint, enum family family, struct findings *findings)
{
	struct range all = {0, address_last(family)}, multicast = {(u128)0xff << 120, all.last};
	struct packet packet = example_packet(family, PROTOCOL_UDP);
	struct range_set set = taken(lint, family, PROTOCOL_UDP, (struct range){1, UINT16_MAX});
	size_t i;

	packet.values[FIELD_SPORT] = DOMAIN;
	packet.values[FIELD_DPORT] = EPHEMERAL;
	if (range_set_is_full(set, all.last)) {
		add_finding(lint, findings, all, packet);
		return;
	}
	if (family == FAMILY_IPV4)
		multicast = (struct range){0xe0000000, 0xefffffff};
	set = without(lint, set, family, multicast);
	for (i = 0; i < set.count && i < RANGES_MAX; i++)
		if (lint_spend(lint, 1 + lint->rule_count / 16))
			add_finding(lint, findings, set.ranges[i], packet);
}

void lint_taken(struct lint *lint)
{
	struct findings ssh = {.count = 0}, replies = {.count = 0};
	enum family family;
	size_t i;

	for (family = 0; family < FAMILY_COUNT; family++) {
		if (diag_wants(lint->diag, WARNING_SSH))
			find_ssh(lint, family, &ssh);
		if (diag_wants(lint->diag, WARNING_UDP_REPLIES))
			find_replies(lint, family, &replies);
	}
	for (i = 0; i < ssh.count; i++)
		warn(lint, WARNING_SSH, &ssh.items[i], "port 22 (ssh) is",
		     "where logins are to come through, 'tcp dport ssh pass' goes first");
	for (i = 0; i < replies.count; i++)
		warn(lint, WARNING_UDP_REPLIES, &replies.items[i],
		     "replies to the host's own udp sockets are",
		     "where it asks others, as a resolver, 'udp sport domain pass' goes first");
}
