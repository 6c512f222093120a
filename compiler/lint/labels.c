/* Warns of labels that none of their declared sockets can fill for the packets that rules redirect
 * to them, and of labels whose name is a letter away from a declared one. */
#include "lint.h"

#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/base/nearest.h"

#include <string.h>

struct labels {
	struct lint *lint;
	const struct socket_declaration **declarations; /* of each label, or NULL */
	const uint8_t *attempted; /* the flow classes of each label; see decision_attempts */
};

static void warn_of_names(struct labels *labels)
{
	struct lint *lint = labels->lint;
	const struct policy *policy = lint->policy;
	size_t i, j;

	for (i = 0; i < policy->label_count; i++) {
		if (labels->declarations[i])
			continue;
		if (!lint_spend(lint, policy->socket_count))
			return;
		for (j = 0; j < policy->socket_count; j++) {
			const struct socket_declaration *declared = &policy->sockets[j];
			const char *name = policy->labels[declared->label].name;

			if (!is_one_edit_away(policy->labels[i].name, name))
				continue;
			diag_warning(lint->diag, WARNING_LABEL, policy->labels[i].span,
				     "no socket is declared for label '%s'; did you mean '%s'?",
				     policy->labels[i].name, name);
			diag_note(lint->diag, declared->span, "'%s' is declared here", name);
			break;
		}
	}
}

/* A socket bound to the unspecified IPv6 address may take IPv4 too; bound to any other it may not
 * (ipv6(7), and inet6_bind in Linux 6.18). */
static bool can_take(const struct socket_declaration *declared, unsigned flow_class)
{
	size_t i;

	for (i = 0; i < declared->endpoint_count; i++) {
		const struct declared_endpoint *endpoint = &declared->endpoints[i];

		if (endpoint->protocol != flow_class_protocol(flow_class))
			continue;
		if (endpoint->any_family || endpoint->family == flow_class_family(flow_class) ||
		    (endpoint->family == FAMILY_IPV6 && !endpoint->address))
			return true;
	}
	return false;
}

/* Flow classes in words: "tcp over ipv4, udp over ipv4". */
static const char *flow_classes_text(struct lint *lint, unsigned flow_classes)
{
	const char *text = "";
	unsigned flow_class;

	for (flow_class = 0; flow_class < FLOW_CLASSES; flow_class++)
		if (flow_classes & 1u << flow_class)
			text = arena_printf(lint->arena, "%s%s%s over %s", text, *text ? ", " : "",
					    protocol_word(flow_class_protocol(flow_class)),
					    family_word(flow_class_family(flow_class)));
	return text;
}

/* Warns if no declared socket can take any of the packets that a verdict redirects to its label. */
static void warn_of_verdict(struct labels *labels, const struct verdict *verdict,
			    unsigned flow_classes, struct span span)
{
	struct lint *lint = labels->lint;
	const struct socket_declaration *declared;
	unsigned flow_class;

	if (verdict->kind != VERDICT_REDIRECT)
		return;
	declared = labels->declarations[verdict->target];
	if (!declared || !declared->endpoint_count) /* its sockets are registered */
		return;
	flow_classes &= labels->attempted[verdict->target];
	for (flow_class = 0; flow_class < FLOW_CLASSES; flow_class++)
		if (flow_classes & 1u << flow_class && can_take(declared, flow_class))
			return;
	if (!flow_classes)
		return;
	diag_warning(lint->diag, WARNING_LABEL, span, "nothing can fill label '%s' for this: %s",
		     lint->policy->labels[verdict->target].name,
		     flow_classes_text(lint, flow_classes));
	diag_note(lint->diag, declared->span, "its sockets are declared here");
}

/* Warns of each verdict of the rule's map once, at the first element that has it. */
static void warn_of_map(struct labels *labels, const struct rule *rule)
{
	struct lint *lint = labels->lint;
	const struct map *map = &lint->policy->maps[rule->verdict.target];
	unsigned *flow_classes = arena_alloc(lint->arena, map->verdict_count,
					     sizeof(*flow_classes));
	const struct map_element **first = arena_alloc(lint->arena, map->verdict_count,
						       sizeof(*first));
	unsigned possible = match_flow_classes(lint->policy, rule);
	size_t i;

	if (!lint_spend(lint, map->element_count))
		return;
	for (i = 0; i < map->element_count; i++) {
		uint32_t verdict = map->elements[i].verdict;

		flow_classes[verdict] |= element_flow_classes(rule, map, i, possible);
		if (!first[verdict])
			first[verdict] = &map->elements[i];
	}
	for (i = 0; i < map->verdict_count; i++)
		if (first[i])
			warn_of_verdict(labels, &map->verdicts[i], flow_classes[i],
					map_element_span(first[i]));
}

void lint_labels(struct lint *lint)
{
	const struct policy *policy = lint->policy;
	struct labels labels = {.lint = lint};
	size_t i;

	if (!policy->socket_count || !diag_wants(lint->diag, WARNING_LABEL))
		return;
	labels.declarations = arena_alloc(lint->arena, policy->label_count,
					  sizeof(*labels.declarations));
	labels.attempted = decision_attempts(lint->arena, lint->decision);
	for (i = 0; i < policy->socket_count; i++)
		labels.declarations[policy->sockets[i].label] = &policy->sockets[i];
	warn_of_names(&labels);
	for (i = 0; i < lint->rule_count; i++)
		if (lint->rules[i]->verdict.kind == VERDICT_MAP)
			warn_of_map(&labels, lint->rules[i]);
		else
			warn_of_verdict(&labels, &lint->rules[i]->verdict,
					rule_flow_classes(policy, lint->rules[i]),
					lint->rules[i]->span);
}
