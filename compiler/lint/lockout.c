/* Warns of rules that lock an operator out: those that take logins by ssh on every address, and
 * those that take the replies to the host's own UDP sockets, for which the kernel runs sk_lookup
 * programs too.
 *
 * A packet is taken if it is offered to a label or dropped. An address is taken on a range of ports
 * if every packet to it with one of these ports is taken, whatever its source. */
#include "lint.h"

#include "compiler/base/arena.h"
#include "compiler/base/diag.h"

/* Ports. */
enum { SSH = 22, DOMAIN = 53, EPHEMERAL = 40000 };

enum { TAKERS_MAX = 10 }; /* with a warning each; one more warning counts the others */

/* A walk that finds the addresses of a family that are taken on a range of ports. */
struct walk {
	struct lint *lint;
	enum family family;
	struct range ports;
	struct range_set *taken; /* the taken addresses below each node that is done */
	bool *done;
};

/* Addresses that are taken, and an example of a packet to them. */
struct finding {
	unsigned families;      /* bits 1 << family */
	struct range addresses; /* the first range */
	size_t more;            /* how many ranges follow it */
	struct packet packet;
};

static struct range_set one_range(struct lint *lint, u128 first, u128 last)
{
	struct range *range = arena_alloc(lint->arena, 1, sizeof(*range));

	*range = (struct range){first, last};
	return (struct range_set){range, 1};
}

static struct range_set taken_below(struct walk *walk, diagram_ref ref);

static u128 interval_last(const struct diagram_node *node, uint32_t i, u128 last)
{
	return i + 1 < node->count ? node->starts[i + 1] - 1 : last;
}

/* The taken addresses below a node that asks for the address. Its children do not ask for the
 * address again, so below each of them all addresses are taken or none is. */
static struct range_set taken_addresses(struct walk *walk, const struct diagram_node *node)
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

/* Whether interval I of a node has only packets that do not matter: those for other ports, and those whose interface is
 * not known, which the runtime does not let come. */
static bool is_left_out(const struct walk *walk, const struct diagram_node *node, uint32_t i)
{
	u128 last = interval_last(node, i, UINT16_MAX);

	if (node->variable == FIELD_IIFNAME)
		return last == CLASS_NOT_KNOWN;
	return node->variable == FIELD_DPORT &&
	       (node->starts[i] > walk->ports.last || last < walk->ports.first);
}

/* The addresses that are taken below every child, except children that are left out. */
static struct range_set taken_by_all(struct walk *walk, const struct diagram_node *node)
{
	struct range_set all = one_range(walk->lint, 0, address_last(walk->family));
	uint32_t i;

	for (i = 0; i < node->count && all.count; i++) {
		struct range_set below;

		if (is_left_out(walk, node, i))
			continue;
		below = taken_below(walk, node->children[i]);
		if (!lint_spend(walk->lint, all.count + below.count))
			return (struct range_set){NULL, 0};
		all = range_set_intersect(walk->lint->arena, all, below);
	}
	return all;
}

static struct range_set taken_below(struct walk *walk, diagram_ref ref)
{
	const struct decision *decision = walk->lint->decision;
	const struct diagram_node *node;

	if (ref_is_terminal(ref)) {
		const struct diagram_outcome *outcome = &decision->outcomes[ref_index(ref)];

		if (outcome->end == OUTCOME_PASS &&
		    first_label(outcome->actions, outcome->action_count) == NO_INDEX)
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
	return taken_below(&walk, lint->decision->parts[0].roots[family][protocol]);
}

/* A set without the addresses of a range. */
static struct range_set without(struct lint *lint, struct range_set set, enum family family,
				struct range range)
{
	struct range_set hole = one_range(lint, range.first, range.last);

	return range_set_intersect(lint->arena, set,
				   range_set_complement(lint->arena, hole, address_last(family)));
}

static bool is_everywhere(const struct finding *finding)
{
	return finding->addresses.last - finding->addresses.first ==
	       address_last(finding->packet.family);
}

/* Adds addresses that are above all those of the same family added before. Where they are the
 * first, PACKET becomes the example, sent to the first of them if its own address is not among
 * them. */
static void add_addresses(struct finding *finding, struct range addresses, struct packet packet)
{
	u128 example = packet.values[FIELD_DADDR];
	unsigned family = 1u << packet.family;
	bool is_all = addresses.last - addresses.first == address_last(packet.family);

	if (!finding->families) {
		if (example < addresses.first || example > addresses.last)
			packet.values[FIELD_DADDR] = addresses.first;
		*finding = (struct finding){family, addresses, 0, packet};
	} else if (is_all && is_everywhere(finding)) {
		finding->families |= family;
	} else {
		finding->more++;
	}
}

static const char *where_text(struct lint *lint, const struct finding *finding)
{
	const enum family family = finding->packet.family;
	char range[RANGE_TEXT];
	const char *where = range;

	if (!is_everywhere(finding))
		address_range_format(family, finding->addresses, range);
	else if (finding->families == 3)
		where = "every ipv4 and ipv6 address";
	else
		where = family == FAMILY_IPV4 ? "every ipv4 address" : "every ipv6 address";
	if (!finding->more)
		return arena_printf(lint->arena, "%s", where);
	return arena_printf(lint->arena, "%s and %zu more range%s of addresses", where,
			    finding->more, finding->more == 1 ? "" : "s");
}

/* Warns at the rule that decides the example by the definition. */
static void warn(struct lint *lint, enum warning warning, const struct finding *finding,
		 const char *what, const char *mend)
{
	const struct rule *deciding;
	struct outcome outcome;
	uint32_t label;

	policy_eval(lint->policy, &finding->packet, &outcome, &deciding);
	label = first_label(outcome.actions, outcome.action_count);
	diag_warning(lint->diag, warning, deciding ? deciding->span : lint->policy->end_span,
		     "%s %s on %s", what,
		     label == NO_INDEX ? "dropped"
				       : arena_printf(lint->arena, "redirected to '%s'",
						      lint->policy->labels[label].name),
		     where_text(lint, finding));
	diag_note(lint->diag, (struct span){0, 0}, "for example '%s'; %s",
		  packet_text(lint->arena, lint->policy, &finding->packet), mend);
}

/* Whether every address but the loopback ones is taken. (Nobody can log in at a loopback address
 * from another host.) */
static bool takes_ssh(struct lint *lint, enum family family)
{
	struct range loopback = {1, 1};
	struct range_set left;

	if (family == FAMILY_IPV4)
		loopback = (struct range){0x7f000000, 0x7fffffff};
	left = taken(lint, family, PROTOCOL_TCP, (struct range){SSH, SSH});
	left = range_set_complement(lint->arena, left, address_last(family));
	return !without(lint, left, family, loopback).count;
}

/* Gives one warning for both families where the same rule decides. */
static void find_ssh(struct lint *lint)
{
	struct finding findings[FAMILY_COUNT] = {{0}};
	const struct rule *deciding[FAMILY_COUNT];
	struct outcome outcome;
	enum family family;

	for (family = 0; family < FAMILY_COUNT; family++) {
		struct packet packet = example_packet(lint->policy, family, PROTOCOL_TCP);
		enum family index = family;

		packet.values[FIELD_DPORT] = SSH;
		if (!takes_ssh(lint, family))
			continue;
		policy_eval(lint->policy, &packet, &outcome, &deciding[family]);
		if (family && findings[0].families && deciding[0] == deciding[family])
			index = 0;
		add_addresses(&findings[index], (struct range){0, address_last(family)}, packet);
	}
	for (family = 0; family < FAMILY_COUNT; family++)
		if (findings[family].families)
			warn(lint, WARNING_SSH, &findings[family], "port 22 (ssh) is",
			     "where logins are to come through, 'tcp dport ssh pass' goes first");
}

/* What takes replies: a finding for each label, and one more, the last, for replies that are
 * dropped. */
struct takers {
	struct lint *lint;
	struct finding *findings;
	struct range multicast; /* no socket of the host has such an address */
};

static struct finding *finding_of(const struct takers *takers, uint32_t label)
{
	return &takers->findings[label == NO_INDEX ? takers->lint->policy->label_count : label];
}

/* The label that takes a packet, or NO_INDEX where it is dropped. *LAST is the last destination
 * address from the packet's on that has the same path through the diagram. */
static uint32_t taker_of(const struct lint *lint, const struct packet *packet, u128 *last)
{
	diagram_ref ref = lint->decision->parts[0].roots[packet->family][packet->protocol];
	const struct diagram_outcome *outcome;

	*last = address_last(packet->family);
	while (!ref_is_terminal(ref)) {
		const struct diagram_node *node = &lint->decision->nodes[ref];
		uint32_t i = decision_branch(node, packet);

		if (node->variable == FIELD_DADDR)
			*last = interval_last(node, i, *last);
		ref = node->children[i];
	}
	outcome = &lint->decision->outcomes[ref_index(ref)];
	return first_label(outcome->actions, outcome->action_count);
}

/* The same as taker_of, except that multicast addresses count as taken by BEFORE, the taker of the
 * addresses before them. */
static uint32_t next_taker(const struct takers *takers, const struct packet *packet,
			   uint32_t before, u128 *last)
{
	u128 address = packet->values[FIELD_DADDR];
	uint32_t label;

	if (address == takers->multicast.first) {
		*last = takers->multicast.last;
		return before;
	}
	label = taker_of(takers->lint, packet, last);
	if (address < takers->multicast.first && *last >= takers->multicast.first)
		*last = takers->multicast.first - 1;
	return label;
}

/* Splits a range of addresses by the label that takes PACKET there, and adds each part to the
 * label's finding. The range must not begin with a multicast address. False if the effort is
 * spent. */
static bool add_range(const struct takers *takers, struct range range, const struct packet *packet)
{
	struct packet at = *packet;
	u128 *address = &at.values[FIELD_DADDR], first = range.first, last;
	uint32_t label, before;

	*address = first;
	before = next_taker(takers, &at, NO_INDEX, &last);
	while (last < range.last) {
		if (!lint_spend(takers->lint, 1))
			return false;
		*address = last + 1;
		label = next_taker(takers, &at, before, &last);
		if (label == before)
			continue;
		add_addresses(finding_of(takers, before), (struct range){first, *address - 1},
			      *packet);
		first = *address;
		before = label;
	}
	add_addresses(finding_of(takers, before), (struct range){first, range.last}, *packet);
	return true;
}

/* Ports start at 1, since no packet has port 0. */
static void find_replies_of(struct takers *takers, enum family family)
{
	struct lint *lint = takers->lint;
	const u128 last = address_last(family);
	struct packet packet = example_packet(lint->policy, family, PROTOCOL_UDP);
	struct range_set set = taken(lint, family, PROTOCOL_UDP, (struct range){1, UINT16_MAX});
	size_t i;

	packet.values[FIELD_SPORT] = DOMAIN;
	packet.values[FIELD_DPORT] = EPHEMERAL;
	takers->multicast = (struct range){(u128)0xff << 120, last};
	if (family == FAMILY_IPV4)
		takers->multicast = (struct range){0xe0000000, 0xefffffff};
	if (!range_set_is_full(set, last))
		set = without(lint, set, family, takers->multicast);
	for (i = 0; i < set.count; i++)
		if (!add_range(takers, set.ranges[i], &packet))
			return;
}

static void find_replies(struct lint *lint)
{
	const size_t count = lint->policy->label_count + 1;
	struct takers takers = {
		lint, arena_alloc(lint->arena, count, sizeof(*takers.findings)), {0, 0}};
	enum family family;
	size_t i, found = 0;

	for (family = 0; family < FAMILY_COUNT; family++)
		find_replies_of(&takers, family);
	for (i = 0; i < count; i++) {
		found += takers.findings[i].families != 0;
		if (takers.findings[i].families && found <= TAKERS_MAX)
			warn(lint, WARNING_UDP_REPLIES, &takers.findings[i],
			     "replies to the host's own udp sockets are",
			     "where it asks others, as a resolver, 'udp sport domain pass' goes "
			     "first");
	}
	if (found > TAKERS_MAX)
		diag_warning(lint->diag, WARNING_UDP_REPLIES, (struct span){0, 0},
			     "replies to the host's own udp sockets are redirected to %zu more "
			     "labels",
			     found - TAKERS_MAX);
}

void lint_lockout(struct lint *lint)
{
	if (diag_wants(lint->diag, WARNING_SSH))
		find_ssh(lint);
	if (diag_wants(lint->diag, WARNING_UDP_REPLIES))
		find_replies(lint);
}
