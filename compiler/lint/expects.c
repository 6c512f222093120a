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
	struct packet packet;
	bool by_source; /* a node that asks for the source chose the packet's source */
	bool *seen;     /* by node, then by outcome: it was judged for this expect */
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

static void note_source(const struct check *check)
{
	const struct packet *packet = &check->packet;
	char address[ADDRESS_TEXT];

	if (!check->by_source)
		return;
	address_format(packet->family, packet->values[FIELD_SADDR], address);
	diag_note(check->diag, (struct span){0, 0}, "from the source %s%s%s:%u, among others",
		  packet->family == FAMILY_IPV6 ? "[" : "", address,
		  packet->family == FAMILY_IPV6 ? "]" : "", (unsigned)packet->values[FIELD_SPORT]);
}

/* Judges the packet by the definition. False, after an error, if it gets another verdict. */
static bool judge(struct check *check)
{
	const struct policy *policy = check->policy;
	char wanted[ADDRESS_TEXT + 64], found[ADDRESS_TEXT + 64];
	const struct rule *deciding;
	struct outcome outcome;
	enum verdict_kind kind;
	uint32_t label;

	policy_eval(policy, &check->packet, &outcome, &deciding);
	kind = filled_verdict(&outcome, &label);
	if (kind == check->expect->verdict.kind &&
	    (kind != VERDICT_REDIRECT || label == check->expect->verdict.target))
		return true;
	verdict_text(policy, check->expect->verdict.kind, check->expect->verdict.target, wanted);
	verdict_text(policy, kind, label, found);
	diag_error(check->diag, check->expect->span, "expected '%s', but the verdict is '%s'",
		   wanted, found);
	if (deciding)
		diag_note(check->diag, deciding->span, "this rule decides");
	else
		diag_note(check->diag, policy->end_span, "no rule decides, the policy does");
	note_source(check);
	return false;
}

static bool judge_all(struct check *check, diagram_ref ref);

/* Judges what each interval of a node that asks for the source leads to. */
static bool judge_sources(struct check *check, const struct diagram_node *node)
{
	u128 before = check->packet.values[node->variable];
	bool good = true, by_source = check->by_source;
	uint32_t i;

	check->by_source = true;
	for (i = 0; good && i < node->count; i++) {
		check->packet.values[node->variable] = node->starts[i];
		good = judge_all(check, node->children[i]);
	}
	check->packet.values[node->variable] = before;
	check->by_source = by_source;
	return good;
}

/* Judges the packet, with each source where a node asks for the source. */
static bool judge_all(struct check *check, diagram_ref ref)
{
	bool *seen =
		&check->seen[ref_is_terminal(ref) ? check->decision->node_count + ref_index(ref)
						  : ref];
	const struct diagram_node *node;

	if (*seen)
		return true;
	*seen = true;
	if (ref_is_terminal(ref))
		return judge(check);
	node = &check->decision->nodes[ref];
	if (field_info(node->variable)->side == FIELD_REMOTE)
		return judge_sources(check, node);
	return judge_all(check, node->children[decision_branch(node, &check->packet)]);
}

void policy_check_expects(const struct policy *policy, const struct decision *decision,
			  struct diag *diag)
{
	size_t seen_count = decision->node_count + decision->outcome_count;
	struct arena *arena = arena_new();
	struct check check = {.policy = policy, .decision = decision, .diag = diag};
	size_t i;

	check.seen = arena_alloc(arena, seen_count, sizeof(*check.seen));
	for (i = 0; i < policy->expect_count; i++) {
		check.expect = &policy->expects[i];
		check.packet = check.expect->packet;
		if (check.expect->has_source) {
			judge(&check);
			continue;
		}
		memset(check.seen, 0, seen_count * sizeof(*check.seen));
		judge_all(&check, decision->roots[check.packet.family][check.packet.protocol]);
	}
	arena_free(arena);
}
