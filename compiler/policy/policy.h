/* What was meant: ordered rules over numbers. Names of sets, defines and includes are gone;
 * chains and maps stay, since they are how the decision is built without being expanded. */
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
	bool no_reuseport;      /* of a redirect: exactly the registered socket */
};

/* One `iif` or `iifname` match: equals any of the interfaces, or (negated) differs from all. Neither
 * holds of an interface that the machine does not have. */
struct interface_match {
	const uint32_t *interfaces;
	size_t count;
	bool negated;
};

/* All that must hold for a rule to match. */
struct match {
	uint8_t families;  /* bits 1 << enum family */
	uint8_t protocols; /* bits 1 << enum protocol */
	/* For each family (ports: the same in both), NULL where any value matches. A set may be empty. */
	const struct range_set *values[FAMILY_COUNT][FIELD_COUNT];
	const struct interface_match *interfaces; /* all of them must hold */
	size_t interface_count;
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
	struct rule *rules;
	size_t count;
};

struct map_element {
	uint8_t families;    /* one bit where a key is an address, else both */
	uint32_t verdict;    /* index into the map's verdicts */
	uint32_t span_first; /* a span within its source; see map_element_span */
	uint16_t span_length;
};

/* Elements are in order of declaration; element i's keys are keys[i * key_count ...]. A l4proto key
 * is a range of enum protocol. No two elements overlap without nesting, none has the same keys. */
struct map {
	const char *name; /* NULL: written in place */
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

struct interface {
	const char *name;
	struct span span;
	bool required; /* named by `iif`: must exist at apply */
};

/* A listener that a socket declaration accepts. */
struct declared_endpoint {
	struct span span;
	enum protocol protocol;
	enum family family;
	bool any_address; /* `*`: of either family, when any_family */
	bool any_family;
	u128 address;
	uint16_t port;
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
	u128 values[FIELD_COUNT];
	uint32_t interface; /* index of the interface it came in by, or NO_INDEX: another one */
};

/* A test: for the packet (for every source, where has_source is false) this is the verdict. */
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
	bool override_others; /* redirects replace the choice of programs attached before */
	struct chain *chains;
	size_t chain_count;
	struct map *maps;
	size_t map_count;
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

/* What happens to a packet: counters and attempts in order, then an end. It is also what a part of
 * the rules does, when the end may still be open. */
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
	END_RETURN /* the caller's */
};

enum { ATTEMPTS_MAX = 16, COUNTS_MAX = 32, ACTIONS_MAX = ATTEMPTS_MAX + COUNTS_MAX };

struct outcome {
	struct action actions[ACTIONS_MAX];
	const struct rule
		*rules[ACTIONS_MAX + 1]; /* that each action is from; then, of one too many */
	size_t action_count;
	enum end end; /* PASS or DROP */
};

/* Which interfaces the machine has, by index. */
struct environment {
	const bool *interface_known;
};

/* What happens to a packet, as the language defines it: from top to bottom, the first rule whose every
 * match holds decides. *OUTCOME lists all that is attempted while labels turn out empty; a label is
 * attempted once. *DECIDING is the rule that decides when every label is filled (NULL: the policy's
 * end). False: the outcome has more attempts or counts than are allowed, and holds the first of them. */
bool policy_eval(const struct policy *policy, const struct environment *environment,
		 const struct packet *packet, struct outcome *outcome,
		 const struct rule **deciding);

/* The rules that a packet matches on its way, in order: those that decide, attempt, jump or return. The
 * first MAX are written; gives how many there are. */
size_t policy_trace(const struct policy *policy, const struct environment *environment,
		    const struct packet *packet, const struct rule **rules, size_t max);

/* A packet as the command line takes it: "tcp 198.51.100.9:4242 -> 192.0.2.7:80". */
const char *packet_text(struct arena *arena, const struct policy *policy,
			const struct packet *packet);

/* One rule as the policy dump writes it, in one line without a newline: its identity. */
const char *policy_rule_text(struct arena *arena, const struct policy *policy,
			     const struct rule *rule);

#endif
