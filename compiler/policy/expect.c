/* Expects: the packet of each, and the verdict that the rules must give it. */
#include "ast_to_policy.h"

#include "compiler/base/nearest.h"

#include <string.h>

/* The packet's interface need not be one that rules name. */
static bool check_packet_interface(struct translation *t, const struct ast_name *interface)
{
	const struct ast_value value = {
		.kind = AST_VALUE_STRING, .span = interface->span, .text = interface->text};

	if (!interface->text)
		return true;
	if (!check_interface(t, &value))
		return false;
	if (!interface_is_wildcard(interface->text))
		return true;
	diag_error(t->diag, interface->span,
		   "a packet comes in by one interface, not by all that '%s' matches",
		   interface->text);
	return false;
}

static bool check_packet(struct translation *t, const struct ast_expect *expect)
{
	const struct endpoint *source = &expect->source, *destination = &expect->destination;

	if (destination->any || source->any) {
		diag_error(t->diag,
			   destination->any ? expect->destination_span : expect->source_span,
			   "a packet has one address, not '*'");
		return false;
	}
	if (!expect->has_source || source->family == destination->family)
		return true;
	diag_error(t->diag, span_join(expect->source_span, expect->destination_span),
		   "a packet has two addresses of one family, not IPv4 and IPv6");
	return false;
}

/* Finds the label of an expected redirect, which some rule or socket must name. */
static bool expected_label(struct translation *t, const struct ast_verdict *verdict,
			   uint32_t *label)
{
	const char *name = label_name(t, verdict), *nearest;

	if (!name)
		return false;
	*label = names_find(&t->label_names, name, strlen(name));
	if (*label != NO_NAME)
		return true;
	if (t->rules_failed || !is_first_missing(t, '!', name))
		return false;
	nearest = nearest_word(name, strlen(name), t->label_names.texts, t->label_names.count);
	if (nearest)
		diag_error(t->diag, verdict->target.span,
			   "no rule redirects to '%s'; did you mean '%s'?", name, nearest);
	else
		diag_error(t->diag, verdict->target.span, "no rule redirects to '%s'", name);
	return false;
}

static bool expected_verdict(struct translation *t, const struct ast_verdict *verdict,
			     struct verdict *out)
{
	*out = (struct verdict){verdict->kind, NO_INDEX, verdict->fallback, verdict->no_reuseport};
	if (verdict->kind == VERDICT_REDIRECT)
		return expected_label(t, verdict, &out->target);
	if (verdict->kind == VERDICT_PASS || verdict->kind == VERDICT_DROP)
		return true;
	diag_error(t->diag, verdict->span,
		   "a packet ends in 'pass', 'drop' or 'redirect to LABEL', not '%s'",
		   verdict_word(verdict->kind));
	return false;
}

static struct packet to_packet(const struct ast_expect *expect)
{
	struct packet packet = {.family = expect->destination.family, .protocol = expect->protocol};

	packet.values[FIELD_DADDR] = expect->destination.address;
	packet.values[FIELD_DPORT] = expect->destination.port;
	packet.values[FIELD_SADDR] = expect->source.address;
	packet.values[FIELD_SPORT] = expect->source.port;
	return packet;
}

void to_expects(struct translation *t)
{
	struct policy *policy = t->policy;
	const struct ast_expect *expect;
	struct verdict verdict;
	size_t i;

	t->rules_failed = diag_error_count(t->diag);
	policy->expects = arena_alloc(t->arena, t->expect_count, sizeof(*policy->expects));
	for (i = 0; i < t->expect_count; i++) {
		expect = t->expects[i];
		if (!check_packet(t, expect) || !check_packet_interface(t, &expect->interface) ||
		    !expected_verdict(t, expect->verdict, &verdict))
			continue;
		policy->expects[policy->expect_count++] = (struct expect){
			.span = expect->item.span,
			.packet = to_packet(expect),
			.has_source = expect->has_source,
			.interface = expect->interface.text,
			.verdict = verdict,
		};
	}
}
