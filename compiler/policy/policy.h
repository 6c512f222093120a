/* The form that says what was meant: ordered rules over numbers. Names of sets, defines and includes are gone.
 * Chains and maps stay, so that the decision can be built without expanding them. */
#ifndef SKLC_POLICY_H
#define SKLC_POLICY_H

#include "compiler/base/fields.h"
#include "compiler/base/range_set.h"
#include "compiler/base/source.h"
#include "compiler/base/verdict.h"

enum { NO_INDEX = 0xffffffff };

struct verdict {
	enum verdict_kind kind;
	uint32_t target;        /* index of the label, chain or map; else NO_INDEX */
	enum fallback fallback; /* of a redirect */
	bool no_reuseport; /* of a redirect: the registered socket itself, not one of its group */
};

/* One `iif` or `iifname` match as it is written: the interface is one of these, or (negated) none of these. What it
 * means is in the match's set of classes. */
struct interface_match {
	const uint32_t *interfaces;
	size_t count;
	bool negated;
};

/* A match of several fields together: one of the elements holds or, negated, none does. */
struct key_match {
	uint32_t set; /* index of the key set */
	bool negated;
};

/* All that must hold for a rule to match. */
struct match {
	uint8_t families;  /* bits 1 << enum family */
	uint8_t protocols; /* bits 1 << enum protocol */
	/* NULL where any value matches; the set may be empty. Ports and interfaces have the same set in both
	 * families. */
	const struct range_set *values[FAMILY_COUNT][VALUE_FIELD_COUNT];
	const struct interface_match *interfaces; /* as written, for texts; all of them must hold */
	size_t interface_count;
	const struct key_match *key_matches; /* all of them must hold */
	size_t key_match_count;
};

struct rule {
	struct span span;
	struct match match;
	struct verdict verdict;
	uint32_t counter; /* index of its counter, or NO_INDEX */
	const char *comment;
};

struct chain {
	const char *name; /* NULL: the top level, which is always chains[0] */
	struct span span;
	size_t rules_before; /* rules of the top level that stand before it, in the order of the files */
	struct rule *rules;
	size_t count;
};

struct map_element {
	uint8_t families;    /* bits 1 << enum family; one where a key is an address, else both */
	uint32_t verdict;    /* index into the map's verdicts */
	uint32_t span_first; /* see map_element_span */
	uint16_t span_length;
};

/* Elements in the order of declaration; the keys of element i are keys[i * key_count ...]. A key of the field l4proto
 * is a range of enum protocol, one of iifname the classes of one entry. Of two elements that one packet can match,
 * one lies inside the other at the first key in which they differ, and wins. A key set, which matches of several
 * fields have, is a map without verdicts, and its elements may overlap in any way. */
struct map {
	const char *name; /* NULL: written in a rule */
	struct span span;
	size_t key_count;
	enum field key_fields[MAP_KEYS_MAX];
	size_t element_count;
	struct map_element *elements;
	struct range *keys;
	struct verdict *verdicts;
	size_t verdict_count;
};

struct label {
	const char *name;
	struct span span; /* its first use, or its declaration */
};

/* What a rule says of interfaces: one name, or all names that begin alike (`"ppp*"`). A packet has one interface, and
 * to the rules that is its class, a number: that of the entry with its exact name, else of the longest wildcard that
 * matches, else CLASS_OTHER. The entries are sorted so that what a wildcard matches is one range of classes, which
 * begins with its own. Before the runtime has told the program which interfaces there are, a packet has the class
 * CLASS_NOT_KNOWN, for which no match holds, negated or not. */
struct interface {
	const char
		*text; /* as in rules: a wildcard ends in '*', a name that ends in '*' in "\\*" */
	const char *name; /* of a wildcard, what the names begin with */
	bool is_wildcard;
	bool required; /* named by `iif`: must exist at apply */
	struct span span;
};

/* The bytes of an interface's name, as in Linux, and the interfaces of a policy, so that a class fits into 16 bits. */
enum { INTERFACE_NAME_MAX = 15, INTERFACES_MAX = 65533 };

enum { CLASS_NOT_KNOWN = 0, CLASS_FIRST = 1 };

/* An endpoint that the sockets of a socket declaration may have. */
struct declared_endpoint {
	struct span span;
	enum protocol protocol;
	enum family family;
	bool any_address; /* `*`; any_family: of either family */
	bool any_family;
	u128 address;
	uint16_t port;
	const char *device; /* the interface that it must be bound to, or NULL */
	struct span device_span;
};

struct socket_declaration {
	uint32_t label;
	struct span span;
	struct declared_endpoint *endpoints; /* in order of preference */
	size_t endpoint_count;
	const char *uid;    /* a user's name or number as written, or NULL */
	const char *cgroup; /* a path, or NULL */
	struct span uid_span, cgroup_span;
};

struct packet {
	enum family family;
	enum protocol protocol;
	u128 values[VALUE_FIELD_COUNT];
};

/* An `expect`: this packet (from every source, if has_source is false) must get this verdict. */
struct expect {
	struct span span;
	struct packet packet;
	bool has_source;
	const char *interface;  /* as named after `iif`, or NULL */
	struct verdict verdict; /* pass, drop or redirect */
};

struct policy {
	const struct sources *sources;
	enum verdict_kind end; /* pass or drop, where no rule decides */
	struct span end_span;
	bool override_others; /* redirects also replace what programs that were attached earlier chose */
	struct chain *chains;
	size_t chain_count;
	struct map *maps;
	size_t map_count;
	struct map *key_sets;
	size_t key_set_count;
	struct label *labels;
	size_t label_count;
	struct interface *interfaces;
	size_t interface_count;
	struct socket_declaration *sockets;
	size_t socket_count;
	struct expect *expects;
	size_t expect_count;
	const struct rule **counters; /* the rule of each counter */
	size_t counter_count;
	const char *const *definitions; /* the -D options as given, "NAME=VALUE" */
	size_t definition_count;
};

static inline struct span map_element_span(const struct map_element *element)
{
	return (struct span){element->span_first, element->span_first + element->span_length};
}

/* What happens to a packet: counts and attempts in order, then an end. A part of the rules has an outcome, too,
 * whose end may be open. */
enum action_kind { ACTION_COUNT, ACTION_ATTEMPT };

struct action {
	enum action_kind kind;
	uint32_t index; /* of the counter, or of the label */
	bool no_reuseport;
};

enum end {
	END_PASS,
	END_DROP,
	END_NEXT /* the next rule decides */,
	END_RETURN /* the rule after the jump decides */
};

enum { ATTEMPTS_MAX = 16, COUNTS_MAX = 32, ACTIONS_MAX = ATTEMPTS_MAX + COUNTS_MAX };

struct outcome {
	struct action actions[ACTIONS_MAX];
	/* The rule of each action, and of the one that is too many, if one is. */
	const struct rule *rules[ACTIONS_MAX + 1];
	size_t action_count;
	enum end end; /* PASS or DROP */
};

/* Evaluates the rules for a packet from top to bottom: the first rule whose every match holds decides. *OUTCOME
 * lists all attempts that are made while labels turn out to have no socket; a label is attempted once.
 * *DECIDING is the rule that decides if every label has a socket; NULL: the policy's end. Returns false if
 * there are more attempts or counts than allowed; *OUTCOME then has the first of them. */
bool policy_eval(const struct policy *policy, const struct packet *packet, struct outcome *outcome,
		 const struct rule **deciding);

/* Lists the rules that a packet matches, in order: rules that decide, attempt, jump or return. Writes the first
 * MAX and returns how many there are. */
size_t policy_trace(const struct policy *policy, const struct packet *packet,
		    const struct rule **rules, size_t max);

/* The class of an interface of the host by its name. */
uint16_t interface_class(const struct policy *policy, const char *name);

/* The class of an interface that no entry matches. */
static inline uint16_t class_other(const struct policy *policy)
{
	return (uint16_t)(CLASS_FIRST + policy->interface_count);
}

/* The name of an interface of a class; NULL: of none that the rules name. */
const char *interface_of_class(struct arena *arena, const struct policy *policy, uint16_t class);

/* A range of classes in words: "\"eth0\"", "\"ppp*\" to \"ppp1\"", "not known", "any other". */
const char *class_range_text(struct arena *arena, const struct policy *policy, struct range range);

/* A packet as the command line takes it: "tcp 198.51.100.9:4242 -> 192.0.2.7:80". */
const char *packet_text(struct arena *arena, const struct policy *policy,
			const struct packet *packet);

/* A rule as in the policy dump, on one line without a newline. The text identifies the rule. */
const char *policy_rule_text(struct arena *arena, const struct policy *policy,
			     const struct rule *rule);

#endif
