/* The workshop in which a diagram is made: nodes and outcomes stored once, and the operations on them,
 * each remembered. Its outcomes may be open: `next` is where the rules that follow decide. Under
 * "first a, then b" (builder_then) they form a monoid with `next` as its identity, which is what lets
 * any run of rules be built apart from what surrounds it. */
#ifndef SKLC_DECISION_BUILDER_H
#define SKLC_DECISION_BUILDER_H

#include "decision.h"

/* Outcomes without steps, which every builder has at these references. */
#define REF_NEXT ((decision_ref)REF_OUTCOME | END_NEXT)
#define REF_RETURN ((decision_ref)REF_OUTCOME | END_RETURN)
#define REF_PASS ((decision_ref)REF_OUTCOME | END_PASS)
#define REF_DROP ((decision_ref)REF_OUTCOME | END_DROP)
#define REF_MATCH ((decision_ref)REF_OUTCOME | 4) /* a condition holds; where it does not: REF_NEXT */

struct builder;

/* ORDER says the position of each field; interfaces come after. Once more than EFFORT_MAX intervals were
 * put into nodes the builder is exhausted: it goes on to answer, but with nonsense. */
struct builder *builder_new(struct arena *arena, const enum field order[FIELD_COUNT],
			    size_t effort_max);
bool builder_is_exhausted(const struct builder *builder);

/* Intervals of all nodes. */
size_t builder_intervals(const struct builder *builder);

const struct decision_node *builder_node(const struct builder *builder, decision_ref ref);
const struct decision_outcome *builder_outcome(const struct builder *builder, decision_ref ref);

/* Whether an outcome had more attempts or counts than are allowed; its steps are then cut short. */
bool outcome_is_too_long(const struct decision_outcome *outcome);

decision_ref builder_outcome_of(struct builder *builder, const struct step *steps, size_t count,
				enum end end);

/* A node is made interval by interval, in order; while it is, others may be begun and ended. */
void builder_begin(struct builder *builder);
void builder_interval(struct builder *builder, u128 start, decision_ref child);
decision_ref builder_end(struct builder *builder, uint32_t variable);

/* A, and where it leaves the decision open, B. */
decision_ref builder_then(struct builder *builder, decision_ref a, decision_ref b);

/* Where CONDITION matches, A; else next. */
decision_ref builder_where(struct builder *builder, decision_ref condition, decision_ref a);

/* A with the ends NEXT and RETURN replaced. */
decision_ref builder_replace_ends(struct builder *builder, decision_ref a, enum end next,
				  enum end returned);

/* The part of FROM that is reached from ROOT, copied into TO. */
decision_ref builder_import(struct builder *to, const struct builder *from, decision_ref root);

/* All nodes and outcomes, for as long as the builder's arena lives. */
const struct decision_node *builder_nodes(const struct builder *builder, size_t *count);
const struct decision_outcome *builder_outcomes(const struct builder *builder, size_t *count);

#endif
