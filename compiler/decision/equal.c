/* Compares two decisions. Both are reduced, so in the same order of fields they give each packet
 * the same outcome if and only if they are the same graph. */
#include "decision.h"

#include <stdlib.h>
#include <string.h>

struct comparison {
	const struct decision *a, *b;
	uint32_t *equals; /* the node of B that each node of A equals; NO_INDEX: none known */
};

static bool outcomes_equal(const struct comparison *cmp, diagram_ref a, diagram_ref b)
{
	const struct diagram_outcome *first = &cmp->a->outcomes[ref_index(a)];
	const struct diagram_outcome *second = &cmp->b->outcomes[ref_index(b)];
	size_t i;

	if (first->action_count != second->action_count || first->end != second->end)
		return false;
	for (i = 0; i < first->action_count; i++) {
		struct action x = first->actions[i], y = second->actions[i];

		if (x.kind != y.kind || x.no_reuseport != y.no_reuseport ||
		    outcome_number(first, i) != outcome_number(second, i))
			return false;
		if (x.kind == ACTION_COUNT ? x.index != y.index
					   : strcmp(cmp->a->policy->labels[x.index].name,
						    cmp->b->policy->labels[y.index].name) != 0)
			return false;
	}
	return outcome_number(first, i) == outcome_number(second, i);
}

static bool refs_equal(struct comparison *cmp, diagram_ref a, diagram_ref b)
{
	const struct diagram_node *first, *second;
	size_t i;

	if (ref_is_terminal(a) || ref_is_terminal(b))
		return ref_is_terminal(a) && ref_is_terminal(b) && outcomes_equal(cmp, a, b);
	if (cmp->equals[a] != NO_INDEX)
		return cmp->equals[a] == b;
	first = &cmp->a->nodes[a];
	second = &cmp->b->nodes[b];
	if (first->variable != second->variable || first->count != second->count)
		return false;
	for (i = 0; i < first->count; i++)
		if (first->starts[i] != second->starts[i] ||
		    !refs_equal(cmp, first->children[i], second->children[i]))
			return false;
	cmp->equals[a] = b;
	return true;
}

static bool parts_equal(struct comparison *cmp, const struct decision_part *a,
			const struct decision_part *b)
{
	unsigned flow_class;

	for (flow_class = 0; flow_class < FLOW_CLASSES; flow_class++) {
		enum family family = flow_class_family(flow_class);
		enum protocol protocol = flow_class_protocol(flow_class);

		if (!refs_equal(cmp, a->roots[family][protocol], b->roots[family][protocol]))
			return false;
	}
	return true;
}

bool decision_equal(const struct decision *a, const struct decision *b)
{
	struct comparison cmp = {a, b, malloc(sizeof(*cmp.equals) * (a->node_count + 1))};
	bool equal = cmp.equals && a->part_count == b->part_count;
	size_t i;

	if (cmp.equals)
		memset(cmp.equals, 0xff, sizeof(*cmp.equals) * (a->node_count + 1));
	for (i = 0; equal && i < a->part_count; i++)
		equal = parts_equal(&cmp, &a->parts[i], &b->parts[i]);
	free(cmp.equals);
	return equal;
}
