/* Checks each `expect` against the language's definition, policy_eval. An `expect` without a source
 * must hold for every source: the diagram gives a packet for each outcome that some source leads
 * to, and the definition judges that packet. */
#include "compiler/pipeline.h"

#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "lint.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct check {
	const struct policy *policy;
	const struct decision *decision;
	const struct expect *expect;
	struct diag *diag;
};

static void verdict_text(const struct policy *policy, enum verdict_kind kind, uint32_t label,
			 char text[ADDRESS_TEXT + 64])
{
	snprintf(text, ADDRESS_TEXT + 64, "%s%s%s", verdict_word(kind),
		 kind == VERDICT_REDIRECT ? " to " : "",
		 kind == VERDICT_REDIRECT ? policy->labels[label].name : "");
}

/* The verdict where every label is filled: the first attempt, or the end. */
static enum verdict_kind filled_verdict(const struct outcome *outcome, uint32_t *label)
{
	*label = first_label(outcome->actions, outcome->action_count);
	if (*label != NO_INDEX)
		return VERDICT_REDIRECT;
	return outcome->end == END_PASS ? VERDICT_PASS : VERDICT_DROP;
}

static bool asks_for_source(const struct diagram_node *node)
{
	return field_info(node->variable)->side == FIELD_REMOTE;
}

/* Whether the packet's path depends on its source. */
static bool is_by_source(const struct check *check, const struct packet *packet)
{
	diagram_ref ref = check->decision->parts[0].roots[packet->family][packet->protocol];

	while (!ref_is_terminal(ref)) {
		const struct diagram_node *node = &check->decision->nodes[ref];

		if (asks_for_source(node))
			return true;
		ref = node->children[diagram_interval(node, packet->values[node->variable])];
	}
	return false;
}

static void note_source(const struct check *check, const struct packet *packet)
{
	char address[ADDRESS_TEXT];

	address_format(packet->family, packet->values[FIELD_SADDR], address);
	diag_note(check->diag, (struct span){0, 0}, "from the source %s%s%s:%u, among others",
		  packet->family == FAMILY_IPV6 ? "[" : "", address,
		  packet->family == FAMILY_IPV6 ? "]" : "", (unsigned)packet->values[FIELD_SPORT]);
}

/* The verdict by the definition. */
static enum verdict_kind verdict_of(const struct check *check, const struct packet *packet,
				    uint32_t *label, const struct rule **deciding)
{
	struct outcome outcome;

	policy_eval(check->policy, packet, &outcome, deciding);
	return filled_verdict(&outcome, label);
}

static bool holds(const struct check *check, const struct packet *packet)
{
	const struct verdict *wanted = &check->expect->verdict;
	const struct rule *deciding;
	uint32_t label;

	return verdict_of(check, packet, &label, &deciding) == wanted->kind &&
	       (wanted->kind != VERDICT_REDIRECT || label == wanted->target);
}

static void report(const struct check *check, const struct packet *packet)
{
	const struct policy *policy = check->policy;
	char wanted[ADDRESS_TEXT + 64], found[ADDRESS_TEXT + 64];
	const struct rule *deciding;
	enum verdict_kind kind;
	uint32_t label;

	kind = verdict_of(check, packet, &label, &deciding);
	verdict_text(policy, check->expect->verdict.kind, check->expect->verdict.target, wanted);
	verdict_text(policy, kind, label, found);
	diag_error(check->diag, check->expect->span, "expected '%s', but the verdict is '%s'",
		   wanted, found);
	if (deciding)
		diag_note(check->diag, deciding->span, "this rule decides");
	else
		diag_note(check->diag, policy->end_span, "no rule decides, the policy does");
	if (!check->expect->has_source && is_by_source(check, packet))
		note_source(check, packet);
}

static bool arrive(void *argument, const struct packet *packet, diagram_ref ref)
{
	(void)ref;
	return holds(argument, packet);
}

static void check_expect(struct check *check)
{
	const struct decision *decision = check->decision;
	const struct packet *packet = &check->expect->packet;
	struct diagram_walk walk = {
		.nodes = decision->nodes,
		.node_count = decision->node_count,
		.varies = asks_for_source,
		.arrive = arrive,
		.argument = check,
		.packet = *packet,
	};

	if (check->expect->has_source
		    ? !holds(check, &walk.packet)
		    : !diagram_walk(&walk,
				    decision->parts[0].roots[packet->family][packet->protocol]))
		report(check, &walk.packet);
}

/* Checks an `expect` where no diagram has all rules: by a diagram of those that concern packets to its address. */
static void check_restricted(struct check *check)
{
	struct arena *arena = arena_new();

	check->decision = decision_restricted(arena, check->policy, &check->expect->packet);
	if (check->decision)
		check_expect(check);
	else
		diag_warning(check->diag, WARNING_LINT_TIME, check->expect->span,
			     "this was not checked for every source: too many rules match packets "
			     "to this address");
	arena_free(arena);
}

void policy_check_expects(const struct policy *policy, const struct decision *decision,
			  struct diag *diag)
{
	struct check check = {.policy = policy, .decision = decision, .diag = diag};
	size_t i;

	for (i = 0; i < policy->expect_count; i++) {
		check.expect = &policy->expects[i];
		if (decision->part_count == 1 || check.expect->has_source)
			check_expect(&check);
		else
			check_restricted(&check);
	}
}
