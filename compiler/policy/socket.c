/* Sockets and expects: endpoints to numbers, labels to theirs. */
#include "ast_to_policy.h"

#include "compiler/base/nearest.h"

#include <string.h>

static struct declared_endpoint to_place(const struct ast_endpoint *place)
{
	return (struct declared_endpoint){
		.span = place->span,
		.protocol = place->protocol,
		.family = place->endpoint.family,
		.any_address = place->endpoint.any,
		.any_family = place->endpoint.any,
		.address = place->endpoint.address,
		.port = place->endpoint.port,
	};
}

static void check_owner(struct context *cx, const struct ast_socket *socket)
{
	if (socket->uid.text && !socket->uid.text[0])
		diag_error(cx->diag, socket->uid.span, "a user's name or number is missing");
	if (socket->cgroup.text && socket->cgroup.text[0] != '/')
		diag_error(cx->diag, socket->cgroup.span,
			   "a cgroup is a path from the root, like '/system.slice/nginx.service'");
}

void to_socket(struct context *cx, const struct ast_socket *socket)
{
	struct policy *policy = cx->policy;
	struct socket_declaration *out;
	const struct ast_endpoint *place;
	size_t count = 0;

	check_owner(cx, socket);
	out = ARENA_PUSH(cx->arena, policy->sockets, policy->socket_count, cx->socket_capacity);
	for (place = socket->places; place; place = place->next)
		count++;
	out->label = label_number(cx, socket->label.text, socket->label.span);
	out->span = socket->item.span;
	out->places = arena_alloc(cx->arena, count, sizeof(*out->places));
	for (place = socket->places; place; place = place->next)
		out->places[out->place_count++] = to_place(place);
	out->uid = socket->uid.text;
	out->uid_span = socket->uid.span;
	out->cgroup = socket->cgroup.text;
	out->cgroup_span = socket->cgroup.span;
}

/* Expects. */

static bool check_packet(struct context *cx, const struct ast_expect *expect)
{
	const struct endpoint *source = &expect->source, *destination = &expect->destination;

	if (destination->any || source->any) {
		diag_error(cx->diag,
			   destination->any ? expect->destination_span : expect->source_span,
			   "a packet has one address, not '*'");
		return false;
	}
	if (!expect->has_source || source->family == destination->family)
		return true;
	diag_error(cx->diag, span_join(expect->source_span, expect->destination_span),
		   "a packet has two addresses of one family, not IPv4 and IPv6");
	return false;
}

/* The label that is expected: one that some rule or socket names. */
static bool expected_label(struct context *cx, const struct ast_verdict *verdict, uint32_t *label)
{
	const char *name = label_name(cx, verdict), *nearest;

	if (!name)
		return false;
	*label = names_find(&cx->label_names, name, strlen(name));
	if (*label != NO_NAME)
		return true;
	nearest = nearest_word(name, strlen(name), cx->label_names.texts, cx->label_names.count);
	if (nearest)
		diag_error(cx->diag, verdict->target.span,
			   "no rule redirects to '%s'; did you mean '%s'?", name, nearest);
	else
		diag_error(cx->diag, verdict->target.span, "no rule redirects to '%s'", name);
	return false;
}

static bool expected_verdict(struct context *cx, const struct ast_verdict *verdict,
			     struct verdict *out)
{
	*out = (struct verdict){verdict->kind, NO_INDEX, verdict->fallback, verdict->no_reuseport};
	if (verdict->kind == VERDICT_REDIRECT)
		return expected_label(cx, verdict, &out->target);
	if (verdict->kind == VERDICT_PASS || verdict->kind == VERDICT_DROP)
		return true;
	diag_error(cx->diag, verdict->span,
		   "a packet ends in 'pass', 'drop' or 'redirect to LABEL', not '%s'",
		   verdict_word(verdict->kind));
	return false;
}

static struct packet to_packet(struct context *cx, const struct ast_expect *expect)
{
	struct packet packet = {.family = expect->destination.family,
				.protocol = expect->protocol,
				.interface = NO_INDEX};
	const char *interface = expect->interface.text;

	packet.values[FIELD_DADDR] = expect->destination.address;
	packet.values[FIELD_DPORT] = expect->destination.port;
	packet.values[FIELD_SADDR] = expect->source.address;
	packet.values[FIELD_SPORT] = expect->source.port;
	if (interface)
		packet.interface = names_find(&cx->interface_names, interface, strlen(interface));
	return packet;
}

void to_expects(struct context *cx)
{
	struct policy *policy = cx->policy;
	const struct ast_expect *expect;
	struct verdict verdict;
	size_t i;

	policy->expects = arena_alloc(cx->arena, cx->expect_count, sizeof(*policy->expects));
	for (i = 0; i < cx->expect_count; i++) {
		expect = cx->expects[i];
		if (!check_packet(cx, expect) || !expected_verdict(cx, expect->verdict, &verdict))
			continue;
		policy->expects[policy->expect_count++] = (struct expect){
			.span = expect->item.span,
			.packet = to_packet(cx, expect),
			.has_source = expect->has_source,
			.interface = expect->interface.text,
			.verdict = verdict,
		};
	}
}
