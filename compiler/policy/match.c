/* Makes sets of numbers of a rule's matches. All matches of a rule must hold, so each narrows what the earlier
 * ones left. */
#include "ast_to_policy.h"

#include <string.h>

enum { ALL_FAMILIES = (1 << FAMILY_COUNT) - 1 };

/* Families and protocols. */

void limit_families(struct rule_draft *draft, uint8_t families, struct span span)
{
	struct match *match = draft->match;
	bool is_six = families == 1 << FAMILY_IPV6;

	if (match->families && families && !(match->families & families)) {
		diag_error(
			draft->t->diag, span,
			"%s here and %s before it never hold together, so the rule never matches",
			is_six ? "IPv6" : "IPv4", is_six ? "IPv4" : "IPv6");
		diag_note(draft->t->diag, draft->family_span, "%s is said here",
			  is_six ? "IPv4" : "IPv6");
		return;
	}
	if (families != ALL_FAMILIES && match->families == ALL_FAMILIES)
		draft->family_span = span;
	match->families &= families;
}

void limit_protocols(struct rule_draft *draft, uint8_t protocols, struct span span)
{
	struct match *match = draft->match;
	bool is_udp = protocols == 1 << PROTOCOL_UDP;

	if (match->protocols && protocols && !(match->protocols & protocols)) {
		diag_error(draft->t->diag, span,
			   "'%s' here and '%s' before it never hold together, so the rule never "
			   "matches",
			   is_udp ? "udp" : "tcp", is_udp ? "tcp" : "udp");
		diag_note(draft->t->diag, draft->protocol_span, "'%s' is said here",
			  is_udp ? "tcp" : "udp");
		return;
	}
	if (protocols != (1 << PROTOCOL_COUNT) - 1 && !draft->protocol_span.end)
		draft->protocol_span = span;
	match->protocols &= protocols;
}

static bool check_equality(struct rule_draft *draft, const struct ast_match *match)
{
	if (match->compare == AST_COMPARE_EQUAL || match->compare == AST_COMPARE_UNEQUAL)
		return true;
	diag_error(draft->t->diag, match->span, "only ports are compared by order, not '%s'",
		   field_word(match->field.field));
	return false;
}

static bool match_words(struct rule_draft *draft, const struct ast_match *match,
			enum value_type type)
{
	struct resolved *resolved;
	uint8_t bits;

	if (!check_equality(draft, match))
		return false;
	resolved = resolve_values(draft->t, match->values, type);
	if (!resolved)
		return false;
	bits = match->compare == AST_COMPARE_EQUAL ? resolved->bits
						   : (uint8_t)(~resolved->bits & 3);
	if (type == TYPE_FAMILY)
		limit_families(draft, bits, match->span);
	else
		limit_protocols(draft, bits, match->span);
	return true;
}

/* Sets of addresses and ports. */

/* Narrows a field in one family. A set of all values is not stored. */
static void narrow(struct rule_draft *draft, enum family family, enum field field,
		   const struct range_set *set)
{
	const struct range_set **at = &draft->match->values[family][field];
	struct range_set *both;

	if (*at) {
		both = arena_alloc(draft->t->arena, 1, sizeof(*both));
		*both = range_set_intersect(draft->t->arena, **at, *set);
		*at = both;
	} else if (!range_set_is_full(*set, field_last(field, family))) {
		*at = set;
	}
}

/* The families that a match on addresses allows: those of its values, limited by how the field is written
 * (`ip`, `ip6`). */
static bool families_of(struct rule_draft *draft, const struct ast_match *match, uint8_t named,
			uint8_t *families)
{
	uint8_t spelled = match->field.families ? match->field.families : (uint8_t)ALL_FAMILIES;
	bool is_shared = !match->values->is_list &&
			 match->values->values->kind != AST_VALUE_ADDRESS;
	bool is_four = spelled == 1 << FAMILY_IPV4;

	*families = named ? named & spelled : spelled;
	if (*families && (is_shared || !(named & ~spelled)))
		return true;
	diag_error(draft->t->diag, match->values->span, "'%s %s' takes %s addresses",
		   is_four ? "ip" : "ip6", field_word(match->field.field),
		   is_four ? "IPv4" : "IPv6");
	return false;
}

static bool match_addresses(struct rule_draft *draft, const struct ast_match *match,
			    enum field field)
{
	bool negated = match->compare == AST_COMPARE_UNEQUAL;
	struct resolved *resolved;
	enum family family;
	uint8_t families;

	if (!check_equality(draft, match))
		return false;
	resolved = resolve_values(draft->t, match->values, TYPE_ADDRESS);
	if (!resolved || !families_of(draft, match, resolved->bits, &families))
		return false;
	limit_families(draft, families, match->span);
	for (family = 0; family < FAMILY_COUNT; family++)
		if (families & 1u << family)
			narrow(draft, family, field,
			       negated && resolved->bits
				       ? resolved_complement(draft->t, resolved, family,
							     field_last(field, family))
				       : resolved->sets[family]);
	return true;
}

/* The ports that a comparison like `< 1024` allows. */
static const struct range_set *ports_in_order(struct rule_draft *draft,
					      const struct ast_match *match)
{
	const struct ast_value *value = NULL;
	struct range_set *set = arena_alloc(draft->t->arena, 1, sizeof(*set));
	struct range port, all = {0, field_last(match->field.field, FAMILY_IPV4)};
	enum family family;

	if (!match->values->is_list && match->values->values->kind != AST_VALUE_SET) {
		value = resolve_single(draft->t, match->values->values);
		if (!value ||
		    !value_range(draft->t, value, field_type(match->field.field), &family, &port))
			return NULL;
	}
	if (!value || port.first != port.last) {
		diag_error(draft->t->diag, match->values->span,
			   "ports are compared by order with a single port, not '%.*s'",
			   quoted_length(match->values->span),
			   source_text(draft->t->ast->sources, match->values->span));
		return NULL;
	}
	set->ranges = arena_alloc(draft->t->arena, 1, sizeof(all));
	set->count = 1;
	if (match->compare == AST_COMPARE_LESS && port.first == 0)
		set->count = 0;
	else if (match->compare == AST_COMPARE_GREATER && port.first == all.last)
		set->count = 0;
	else if (match->compare == AST_COMPARE_LESS || match->compare == AST_COMPARE_LESS_EQUAL)
		all.last = port.first - (match->compare == AST_COMPARE_LESS);
	else
		all.first = port.first + (match->compare == AST_COMPARE_GREATER);
	set->ranges[0] = all;
	return set;
}

/* Other programs take 0 for any port. */
static void warn_of_port_0(struct rule_draft *draft, const struct ast_match *match)
{
	const struct ast_value *value = match->values->values;

	if (match->compare == AST_COMPARE_EQUAL && !match->values->is_list &&
	    value->kind == AST_VALUE_NUMBER && !value->range.last)
		diag_warning(draft->t->diag, WARNING_NEVER, value->span,
			     "port 0 stands for no other port, and nothing is sent to it; where "
			     "every port matches, no port is named");
}

static const struct range_set *ports_of(struct rule_draft *draft, const struct ast_match *match)
{
	struct resolved *resolved;

	if (match->compare != AST_COMPARE_EQUAL && match->compare != AST_COMPARE_UNEQUAL)
		return ports_in_order(draft, match);
	resolved = resolve_values(draft->t, match->values, field_type(match->field.field));
	if (!resolved)
		return NULL;
	warn_of_port_0(draft, match);
	if (match->compare == AST_COMPARE_EQUAL)
		return resolved->sets[0];
	return resolved_complement(draft->t, resolved, FAMILY_IPV4,
				   field_last(match->field.field, FAMILY_IPV4));
}

static bool match_ports(struct rule_draft *draft, const struct ast_match *match, enum field field)
{
	const struct range_set *set = ports_of(draft, match);

	if (!set)
		return false;
	narrow(draft, FAMILY_IPV4, field, set);
	draft->match->values[FAMILY_IPV6][field] = draft->match->values[FAMILY_IPV4][field];
	return true;
}

/* Interfaces. */

/* `iif` names interfaces that must exist. */
bool refuse_wildcard(struct translation *t, struct ast_name name)
{
	if (!interface_is_wildcard(name.text))
		return false;
	diag_error(t->diag, name.span,
		   "'iif' takes the name of one interface, which must exist; 'iifname' takes '%s'",
		   name.text);
	return true;
}

static bool check_required(struct rule_draft *draft, const struct resolved *resolved)
{
	size_t i;

	for (i = 0; i < resolved->interface_count; i++)
		if (refuse_wildcard(draft->t, resolved->interfaces[i]))
			return false;
	return true;
}

static bool match_interfaces(struct rule_draft *draft, const struct ast_match *match)
{
	bool required = match->field.field == FIELD_IIF;
	struct match *out = draft->match;
	struct interface_match *all = (struct interface_match *)out->interfaces;
	struct resolved *resolved;
	uint32_t *numbers;
	size_t i;

	if (!check_equality(draft, match))
		return false;
	resolved = resolve_values(draft->t, match->values, TYPE_INTERFACE);
	if (!resolved || (required && !check_required(draft, resolved)))
		return false;
	numbers = arena_alloc(draft->t->arena, resolved->interface_count, sizeof(*numbers));
	for (i = 0; i < resolved->interface_count; i++)
		numbers[i] = interface_number(draft->t, resolved->interfaces[i], required);
	*ARENA_PUSH(draft->t->arena, all, out->interface_count,
		    draft->interface_capacity) = (struct interface_match){
		numbers, resolved->interface_count, match->compare == AST_COMPARE_UNEQUAL};
	out->interfaces = all;
	return true;
}

bool to_match(struct rule_draft *draft, const struct ast_match *match)
{
	enum field field = match->field.field;

	if (match->lookup)
		return to_key_match(draft, match);
	switch (field_type(field)) {
	case TYPE_PROTOCOL:
	case TYPE_FAMILY:
		return match_words(draft, match, field_type(field));
	case TYPE_ADDRESS:
		return match_addresses(draft, match, field);
	case TYPE_PORT:
		return match_ports(draft, match, field);
	case TYPE_INTERFACE:
		return match_interfaces(draft, match);
	case TYPE_COUNT:
		break;
	}
	return false;
}
