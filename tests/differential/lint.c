/* Compares the lint's warnings with brute force, on random rules files. Brute force changes the
 * policy and compares diagrams to find what each rule is:
 *
 *   reached    the diagram changes if the rule gets a counter of its own
 *   never      the rule is not even reached in a policy that has no other rules
 *   shadowed   the rule is not reached, but it is not "never" either
 *   needed     the diagram changes if the rule is taken away: some packets are counted, offered to
 *              labels or ended differently; a rule with a counter is needed if it is reached
 *   redundant  the rule is reached but not needed, neither in the policy nor in what remains of it
 *              when all rules that are not reached are taken away
 *
 * There must be a warning for each rule that is never, shadowed or redundant, and for no other.
 * Rules of a chain that packets never enter have no warnings; if no rule names the chain, there is
 * one warning for the whole chain. Prints TAP. Arguments: how many rules files, and the number of
 * the first. */
#include "tests/differential/lib/generate.h"
#include "tests/differential/lib/lint_taken.h"
#include "tests/differential/lib/tap.h"

#include "compiler/base/arena.h"
#include "compiler/base/diag_queue.h"
#include "compiler/decision/decision.h"
#include "compiler/lint/lint.h"
#include "compiler/pipeline.h"

#include <stdlib.h>
#include <string.h>

/* Files that tell many interfaces apart take longer: one is tested for each INTERFACE_PART small files. */
enum { INTERFACE_PART = 10 };

enum { DEFAULT_FILES = 200, LARGE = 100000 };

/* A policy whose rules can be changed. */
struct copy {
	struct policy policy;
	struct rule *rules;
	uint32_t *chains; /* the chain of each rule */
	size_t count;
};

struct trial {
	struct compilation c;
	struct arena *arena;
	struct diag *ignored; /* takes the errors of changed policies */
	struct copy copy;
	bool *reached, *needed, *never; /* of each rule */
};

/* Compiles a text, and keeps all warnings. */
static void compile_all(struct compilation *c, const char *text,
			const struct compile_options *options)
{
	compilation_start(c);
	c->diag->shown_max = SIZE_MAX;
	compile_memory(c, text, strlen(text), options);
}

static struct copy copy_of(struct arena *arena, const struct policy *policy)
{
	struct copy copy = {*policy, NULL, NULL, 0};
	struct chain *chains = arena_alloc(arena, policy->chain_count, sizeof(*chains));
	size_t i, j;

	for (i = 0; i < policy->chain_count; i++)
		copy.count += policy->chains[i].count;
	copy.rules = arena_alloc(arena, copy.count, sizeof(*copy.rules));
	copy.chains = arena_alloc(arena, copy.count, sizeof(*copy.chains));
	copy.count = 0;
	for (i = 0; i < policy->chain_count; i++) {
		chains[i] = policy->chains[i];
		chains[i].rules = &copy.rules[copy.count];
		for (j = 0; j < policy->chains[i].count; j++) {
			copy.chains[copy.count] = (uint32_t)i;
			copy.rules[copy.count++] = policy->chains[i].rules[j];
		}
	}
	copy.policy.chains = chains;
	copy.policy.counter_count++; /* one more, for the rule in question */
	return copy;
}

/* Whether the decision of the policy, as it is now, is not this one. True, too, if the policy is
 * refused. */
static bool differs(struct trial *trial, const struct decision *decision,
		    const struct policy *policy)
{
	struct compile_options options = {.tables = TABLES_AUTO};
	struct arena *arena = arena_new();
	struct diag *diag = diag_new(arena, trial->c.sources);
	struct decision *changed = policy_to_decision(arena, policy, diag, &options);
	bool result = !changed || !decision_equal(decision, changed);

	arena_free(arena);
	return result;
}

static bool differs_without(struct trial *trial, const struct decision *decision, struct copy *copy,
			    size_t number)
{
	uint8_t families = copy->rules[number].match.families;
	bool result;

	copy->rules[number].match.families = 0;
	result = differs(trial, decision, &copy->policy);
	copy->rules[number].match.families = families;
	return result;
}

static bool is_reached(struct trial *trial, const struct decision *decision, struct copy *copy,
		       size_t number)
{
	uint32_t counter = copy->rules[number].counter;
	bool result;

	copy->rules[number].counter = (uint32_t)trial->c.policy->counter_count;
	result = differs(trial, decision, &copy->policy);
	copy->rules[number].counter = counter;
	return result;
}

static bool is_never(struct trial *trial, size_t number)
{
	struct policy alone = trial->c.policy[0];
	struct chain *chains = arena_alloc(trial->arena, alone.chain_count, sizeof(*chains));
	struct compile_options options = {.tables = TABLES_AUTO};
	struct rule rule = trial->copy.rules[number];
	struct decision *empty;

	memcpy(chains, alone.chains, alone.chain_count * sizeof(*chains));
	chains[0].rules = &rule;
	chains[0].count = 0;
	alone.chains = chains;
	alone.counter_count++;
	empty = policy_to_decision(trial->arena, &alone, trial->ignored, &options);
	chains[0].count = 1;
	rule.counter = (uint32_t)alone.counter_count - 1;
	return !differs(trial, empty, &alone);
}

static void judge_rules(struct trial *trial)
{
	struct copy shown;
	struct compile_options options = {.tables = TABLES_AUTO};
	struct decision *decision;
	size_t i;

	for (i = 0; i < trial->copy.count; i++) {
		trial->never[i] = is_never(trial, i);
		trial->reached[i] = is_reached(trial, trial->c.decision, &trial->copy, i);
		trial->needed[i] = differs_without(trial, trial->c.decision, &trial->copy, i);
	}
	shown = copy_of(trial->arena, trial->c.policy);
	for (i = 0; i < shown.count; i++)
		if (!trial->reached[i])
			shown.rules[i].match.families = 0;
	decision = policy_to_decision(trial->arena, &shown.policy, trial->ignored, &options);
	for (i = 0; i < shown.count; i++)
		if (trial->reached[i])
			trial->needed[i] |= differs_without(trial, decision, &shown, i);
}

static bool names(const struct policy *policy, const struct verdict *verdict, uint32_t chain)
{
	const struct map *map;
	size_t i;

	if (verdict->kind != VERDICT_MAP)
		return (verdict->kind == VERDICT_JUMP || verdict->kind == VERDICT_GOTO) &&
		       verdict->target == chain;
	map = &policy->maps[verdict->target];
	for (i = 0; i < map->verdict_count; i++)
		if (names(policy, &map->verdicts[i], chain))
			return true;
	return false;
}

static bool is_entered(const struct trial *trial, uint32_t chain)
{
	size_t i;

	for (i = 0; i < trial->copy.count; i++)
		if (trial->reached[i] &&
		    names(trial->c.policy, &trial->copy.rules[i].verdict, chain))
			return true;
	return chain == 0;
}

static bool is_named(const struct trial *trial, uint32_t chain)
{
	size_t i;

	for (i = 0; i < trial->copy.count; i++)
		if (names(trial->c.policy, &trial->copy.rules[i].verdict, chain))
			return true;
	return chain == 0;
}

static const struct diag_item *find_item(const struct diag *diag, enum warning warning,
					 struct span span)
{
	size_t i;

	for (i = 0; i < diag->count; i++)
		if (diag->items[i].warning == warning && diag->items[i].span.first == span.first &&
		    diag->items[i].span.end == span.end)
			return &diag->items[i];
	return NULL;
}

static bool warned_as(const struct trial *trial, enum warning warning, struct span span,
		      bool expected)
{
	struct source_location location = source_location(trial->c.sources, span.first);

	if ((find_item(trial->c.diag, warning, span) != NULL) == expected)
		return true;
	printf("# line %u: %swarned of as -W%s\n", location.line, expected ? "not " : "",
	       warning_name(warning));
	return false;
}

static bool check_warnings(struct trial *trial)
{
	const struct policy *policy = trial->c.policy;
	bool good = true;
	uint32_t i;

	for (i = 0; i < trial->copy.count; i++) {
		struct span span = trial->copy.rules[i].span;
		bool entered = is_entered(trial, trial->copy.chains[i]);
		bool live = entered && !trial->never[i];

		good &= warned_as(trial, WARNING_NEVER, span, entered && trial->never[i]);
		good &= warned_as(trial, WARNING_SHADOWED, span, live && !trial->reached[i]);
		good &= warned_as(trial, WARNING_REDUNDANT, span,
				  live && trial->reached[i] && !trial->needed[i]);
	}
	for (i = 0; i < policy->chain_count; i++)
		good &= warned_as(trial, WARNING_SHADOWED, policy->chains[i].span,
				  !is_named(trial, i));
	return good;
}

/* The rule at a span; the number of rules if there is none. */
static size_t rule_at(const struct trial *trial, struct span span)
{
	size_t i;

	for (i = 0; i < trial->copy.count; i++)
		if (trial->copy.rules[i].span.first == span.first &&
		    trial->copy.rules[i].span.end == span.end)
			break;
	return i;
}

/* Marks the rules whose jumps lead to a chain, directly or through other chains. There is a round
 * for each of the 16 levels to which chains may nest. */
static void keep_callers(const struct trial *trial, uint32_t chain, bool *kept)
{
	bool *leads = arena_alloc(trial->arena, trial->c.policy->chain_count, sizeof(*leads));
	size_t round, i;
	uint32_t c;

	leads[chain] = true;
	for (round = 0; round < 16; round++)
		for (i = 0; i < trial->copy.count; i++)
			for (c = 0; c < trial->c.policy->chain_count; c++)
				if (leads[c] &&
				    names(trial->c.policy, &trial->copy.rules[i].verdict, c))
					kept[i] = leads[trial->copy.chains[i]] = true;
}

/* Whether packets reach the rule in a policy that has only the kept rules and the rule itself. */
static bool reached_among(struct trial *trial, size_t number, const bool *kept)
{
	struct compile_options options = {.tables = TABLES_AUTO};
	struct copy few = copy_of(trial->arena, trial->c.policy);
	struct decision *decision;
	size_t i;

	for (i = 0; i < few.count; i++)
		if (!kept[i] && i != number)
			few.rules[i].match.families = 0;
	decision = policy_to_decision(trial->arena, &few.policy, trial->ignored, &options);
	return !decision || is_reached(trial, decision, &few, number);
}

/* Whether the rules that the notes show cover the rule, and each of them is needed for that. A
 * warning may have no notes: the lint does not find the covers if, without some of them, only
 * packets whose interface is not known would reach the rule. */
static bool check_cover(struct trial *trial, size_t number)
{
	const struct diag_item *item = find_item(trial->c.diag, WARNING_SHADOWED,
						 trial->copy.rules[number].span);
	bool *callers = arena_alloc(trial->arena, trial->copy.count + 1, sizeof(*callers));
	bool *kept = arena_alloc(trial->arena, trial->copy.count + 1, sizeof(*kept));
	bool good = true;
	size_t i;

	if (!item->note_count && trial->c.policy->interface_count)
		return true;
	keep_callers(trial, trial->copy.chains[number], callers);
	memcpy(kept, callers, trial->copy.count);
	for (i = 0; i < item->note_count; i++) {
		if (!item->notes[i].span.first)
			return true; /* more rules than are shown */
		kept[rule_at(trial, item->notes[i].span)] = true;
	}
	good = !reached_among(trial, number, kept);
	for (i = 0; i < trial->copy.count; i++) {
		if (!kept[i] || callers[i])
			continue;
		kept[i] = false;
		good &= reached_among(trial, number, kept);
		kept[i] = true;
	}
	if (!good)
		printf("# line %u: covered, but not by the rules shown, or not by all of them\n",
		       source_location(trial->c.sources, trial->copy.rules[number].span.first)
			       .line);
	return good;
}

static bool check_covers(struct trial *trial)
{
	bool good = true;
	size_t i;

	for (i = 0; i < trial->copy.count; i++)
		if (find_item(trial->c.diag, WARNING_SHADOWED, trial->copy.rules[i].span))
			good &= check_cover(trial, i);
	return good;
}

/* Reads "ADDRESS:PORT" and returns the text after it; NULL if there is no such text. */
static const char *read_endpoint(const char *text, struct packet *packet, enum field address,
				 enum field port)
{
	bool is_ipv6 = *text == '[';
	const char *end = strchr(text, is_ipv6 ? ']' : ':');
	char reason[ADDRESS_REASON], *rest;

	text += is_ipv6;
	if (!end || !address_parse(text, (size_t)(end - text), &packet->family,
				   &packet->values[address], reason))
		return NULL;
	packet->values[port] = strtoul(end + (is_ipv6 ? 2 : 1), &rest, 10);
	return rest;
}

/* Reads the packet that a note quotes. */
static bool read_packet(const struct policy *policy, const char *note, struct packet *packet)
{
	const char *text = strchr(note, '\'');
	char name[INTERFACE_NAME_MAX + 1];

	if (!text)
		return false;
	packet->protocol = text[1] == 'u' ? PROTOCOL_UDP : PROTOCOL_TCP;
	packet->values[FIELD_IIFNAME] = class_other(policy);
	text = read_endpoint(text + 5, packet, FIELD_SADDR, FIELD_SPORT);
	if (!text || strncmp(text, " -> ", 4) != 0)
		return false;
	text = read_endpoint(text + 4, packet, FIELD_DADDR, FIELD_DPORT);
	if (!text)
		return false;
	if (sscanf(text, " iif %15[^']", name) == 1)
		packet->values[FIELD_IIFNAME] = interface_class(policy, name);
	return true;
}

/* Whether the packet that a note quotes reaches the redundant rule, and without it the rule that
 * the note shows would decide. */
static bool check_instead(struct trial *trial, size_t number, const struct diag_note *note)
{
	const struct rule *trace[64], *deciding;
	struct match *match = &trial->copy.rules[number].match;
	uint8_t families = match->families;
	struct packet packet = {.family = FAMILY_IPV4};
	struct outcome outcome;
	size_t count, i;

	if (!read_packet(trial->c.policy, note->message, &packet))
		return false;
	count = policy_trace(&trial->copy.policy, &packet, trace, 64);
	for (i = 0; i < count && trace[i] != &trial->copy.rules[number];)
		i++;
	match->families = 0;
	policy_eval(&trial->copy.policy, &packet, &outcome, &deciding);
	match->families = families;
	if (i == count)
		return false;
	if (!deciding)
		return note->span.first == trial->c.policy->end_span.first;
	return rule_at(trial, note->span) == (size_t)(deciding - trial->copy.rules);
}

static bool check_witnesses(struct trial *trial)
{
	const struct diag_item *item;
	bool good = true;
	size_t i;

	for (i = 0; i < trial->copy.count; i++) {
		item = find_item(trial->c.diag, WARNING_REDUNDANT, trial->copy.rules[i].span);
		if (!item || !item->note_count || check_instead(trial, i, &item->notes[0]))
			continue;
		printf("# line %u: not what '%s' says\n",
		       source_location(trial->c.sources, trial->copy.rules[i].span.first).line,
		       item->notes[0].message);
		good = false;
	}
	return good;
}

static bool check_taken(struct trial *trial)
{
	return lint_says_what_is_taken(&trial->c);
}

enum check { CHECK_WARNINGS, CHECK_COVERS, CHECK_WITNESSES, CHECK_TAKEN, CHECK_COUNT };

static const struct {
	bool (*run)(struct trial *trial);
	const char *says;
} CHECKS[CHECK_COUNT] = {
	[CHECK_WARNINGS] = {check_warnings, "rules are warned of as what they are"},
	[CHECK_COVERS] = {check_covers,
			  "rules shown to cover another do, and none is shown in vain"},
	[CHECK_WITNESSES] = {check_witnesses,
			     "packets shown meet the rule, and the one shown instead"},
	[CHECK_TAKEN] = {check_taken, "ports and replies are taken when the warnings say so"},
};

/* The checks that a rules file passes, as bits 1 << enum check. */
static unsigned check_text(const char *text)
{
	struct compile_options options = {.tables = TABLES_AUTO};
	struct trial trial;
	unsigned good = 0;
	size_t i;

	compile_all(&trial.c, text, &options);
	if (trial.c.decision) {
		trial.arena = trial.c.arena;
		trial.ignored = diag_new(trial.arena, trial.c.sources);
		trial.copy = copy_of(trial.arena, trial.c.policy);
		trial.reached = arena_alloc(trial.arena, trial.copy.count, sizeof(bool));
		trial.needed = arena_alloc(trial.arena, trial.copy.count, sizeof(bool));
		trial.never = arena_alloc(trial.arena, trial.copy.count, sizeof(bool));
		judge_rules(&trial);
		for (i = 0; i < CHECK_COUNT; i++)
			good |= (unsigned)CHECKS[i].run(&trial) << i;
	} else {
		diag_print(trial.c.diag, stdout, DIAG_COLOR_NEVER);
	}
	compilation_free(&trial.c);
	return good;
}

static void check_random_files(struct tap *tap, char *(*generate)(struct random *random),
			       const char *kind, uint64_t first, uint64_t count)
{
	unsigned good = (1u << CHECK_COUNT) - 1, passed;
	uint64_t seed;
	size_t i;

	for (seed = first; good && seed < first + count; seed++) {
		struct random random = {seed};
		char *text = generate(&random);

		passed = check_text(text);
		if (good & ~passed)
			printf("# rules file %lu:\n%s\n", (unsigned long)seed, text);
		good &= passed;
		free(text);
	}
	for (i = 0; i < CHECK_COUNT; i++)
		tap_result(tap, good & 1u << i, "%lu %s rules files: %s", (unsigned long)count,
			   kind, CHECKS[i].says);
}

/* A rule for each of LARGE addresses, and after them ten rules that ten of those cover. */
static char *many_rules(void)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	uint32_t i;

	if (!out)
		abort();
	for (i = 0; i < LARGE; i++)
		fprintf(out, "tcp daddr 10.%u.%u.%u dport %u redirect to l%u\n", i >> 16,
			i >> 8 & 255, i & 255, 80 + i % 3, i % GENERATE_LABELS);
	for (i = 0; i < LARGE; i += LARGE / 10)
		fprintf(out, "tcp daddr 10.%u.%u.%u dport %u drop\n", i >> 16, i >> 8 & 255,
			i & 255, 80 + i % 3);
	fclose(out);
	return text;
}

static void check_large_file(struct tap *tap)
{
	struct compile_options options = {.tables = TABLES_AUTO};
	char *text = many_rules();
	struct compilation c;
	size_t i, shadowed = 0;

	compile_all(&c, text, &options);
	for (i = 0; i < c.diag->count; i++)
		shadowed += c.diag->items[i].warning == WARNING_SHADOWED &&
			    c.diag->items[i].note_count == 1;
	tap_result(tap, c.diag->count == 10 && shadowed == 10,
		   "of %u rules the 10 that are covered are found, with what covers them",
		   LARGE + 10);
	compilation_free(&c);
	free(text);
}

int main(int argc, char **argv)
{
	uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : DEFAULT_FILES;
	uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	struct tap tap = {0};

	check_random_files(&tap, generate_rules, "random", first, count);
	check_random_files(&tap, generate_interfaces, "interface", first,
			   (count + INTERFACE_PART - 1) / INTERFACE_PART);
	check_large_file(&tap);
	return tap_end(&tap);
}
