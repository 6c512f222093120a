/* The samples are run in rounds: packets that follow each other, come in by one interface, and find sockets in the same
 * slots. */
#include "trial.h"

#include "bundle.h"
#include "variants.h"

#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/decision/decision.h"
#include "compiler/layout/layout.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Where there are more samples than FEW, each variant's decision is asked for every DECIDED_STEPth. */
enum { ROUND_MAX = 4096, FEW = 1024, DECIDED_STEP = 16 };

const char *failure_words(enum failure_kind kind)
{
	static const char *const words[] = {
#define FAILURE_WORDS(constant, words) words,
		FAILURES(FAILURE_WORDS)
#undef FAILURE_WORDS
	};

	return words[kind];
}

bool lab_open(struct lab *lab)
{
	*lab = (struct lab){.fault = lab->fault};
	return kernel_sentinels_open(&lab->sentinels, GENERATE_LABELS) && batch_open(&lab->batch);
}

void lab_close(struct lab *lab)
{
	batch_close(&lab->batch);
	kernel_sentinels_close(&lab->sentinels);
}

static bool fails(struct trial *trial, enum failure_kind kind, const char *text)
{
	trial->failure->kind = kind;
	snprintf(trial->failure->text, FAILURE_TEXT, "%s", text);
	return false;
}

/* The first error as it is printed, but for the file and the line before it. */
static bool compiler_refuses(struct trial *trial, struct diag *diag)
{
	char *text = NULL;
	const char *message;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	diag_print(diag, out, DIAG_COLOR_NEVER);
	fclose(out);
	message = strstr(text, "error: ");
	if (message)
		text[(size_t)(message - text) + strcspn(message, "\n")] = '\0';
	fails(trial, FAILURE_COMPILER_REFUSES, message ? message : "no error is printed");
	free(text);
	return false;
}

bool trial_open(struct trial *trial, const char *text, struct failure *failure)
{
	*trial = (struct trial){.text = text, .failure = failure};
	compilation_start(&trial->c);
	*failure = (struct failure){.kind = FAILURE_NONE};
	if (!bundle_compile(&trial->c, text, variant_options(0), STAGE_DECISION))
		return compiler_refuses(trial, trial->c.diag);
	trial->counted = counted_new(trial->c.arena, trial->c.policy);
	return true;
}

void trial_free(struct trial *trial)
{
	compilation_free(&trial->c);
}

/* A label's number is the one in its name: the generators' labels are l0, l1, … */
static uint32_t label_number(const struct policy *policy, uint32_t label)
{
	const char *name = policy->labels[label].name;

	return name[0] == 'l' && isdigit((unsigned char)name[1]) && !name[2]
		       ? (uint32_t)(name[1] - '0')
		       : GENERATE_LABELS;
}

/* Whether all labels are those of the generators. Words that are left out may make others. */
static bool are_numbered(const struct policy *policy)
{
	uint32_t i;

	for (i = 0; i < policy->label_count; i++)
		if (label_number(policy, i) >= GENERATE_LABELS)
			return false;
	return true;
}

static void filled_slots(const struct trial *trial, uint32_t filling, bool filled[SLOTS])
{
	const struct policy *policy = trial->c.policy;
	uint32_t label, flow_class;

	memset(filled, 0, SLOTS * sizeof(bool));
	for (label = 0; label < policy->label_count; label++)
		for (flow_class = 0; flow_class < ABI_FLOW_CLASSES; flow_class++)
			filled[label * ABI_FLOW_CLASSES + flow_class] =
				filling & FILLING_BIT(label_number(policy, label), flow_class);
}

void trial_take(struct trial *trial, const struct sample *samples,
		const char (*interfaces)[INTERFACE_TEXT], uint32_t count)
{
	uint32_t i;

	trial->samples = arena_alloc(trial->c.arena, count, sizeof(*trial->samples));
	trial->count = count;
	for (i = 0; i < count; i++) {
		trial->samples[i] = samples[i];
		trial->samples[i].packet.values[FIELD_IIFNAME] =
			*interfaces[i] ? interface_class(trial->c.policy, interfaces[i])
				       : CLASS_NOT_KNOWN;
	}
}

void trial_interface(const struct trial *trial, uint32_t sample, char name[INTERFACE_TEXT])
{
	u128 class = trial->samples[sample].packet.values[FIELD_IIFNAME];
	const char *known = interface_of_class(trial->c.arena, trial->c.policy, (uint16_t) class);

	snprintf(name, INTERFACE_TEXT, "%s",
		 class == CLASS_NOT_KNOWN ? ""
		 : known                  ? known
					  : "other0");
}

/* The slot, as the label's number, since that stays when rules are left out. */
static int in_numbers(const struct trial *trial, int chosen)
{
	return chosen < 0 ? chosen
			  : (int)label_number(trial->c.policy, (uint32_t)chosen / ABI_FLOW_CLASSES);
}

static bool sample_fails(struct trial *trial, enum failure_kind kind, uint32_t number, int chose)
{
	const struct packet *packet = &trial->samples[number].packet;

	trial->failure->sample = number;
	trial->failure->expected = in_numbers(trial, trial->expected[number]);
	trial->failure->chose = in_numbers(trial, chose);
	return fails(trial, kind, packet_text(trial->c.arena, trial->c.policy, packet));
}

bool trial_define(struct trial *trial, struct lab *lab)
{
	const struct policy *policy = trial->c.policy;
	bool filled[SLOTS] = {false};
	struct outcome outcome;
	uint32_t i;
	bool alike;

	counted_reset(&trial->counted, policy);
	trial->expected = arena_alloc(trial->c.arena, trial->count, sizeof(*trial->expected));
	if (!are_numbered(policy))
		return fails(trial, FAILURE_RUN, "there are labels that no generator has");
	for (i = 0; i < trial->count; i++) {
		const struct sample *sample = &trial->samples[i];

		if (!i || sample->filling != sample[-1].filling)
			filled_slots(trial, sample->filling, filled);
		alike = decided_alike(policy, trial->c.decision, &sample->packet, &outcome);
		trial->expected[i] = expected_choice(&outcome, &sample->packet, filled,
						     &trial->counted);
		batch_put(&lab->batch, i, &sample->packet);
		if (!alike)
			return sample_fails(trial, FAILURE_DIAGRAM, i, RUN_FAILED);
	}
	return true;
}

static uint32_t class_of(const struct sample *sample)
{
	return (uint32_t)sample->packet.values[FIELD_IIFNAME];
}

static uint32_t round_length(const struct trial *trial, uint32_t first)
{
	const struct sample *sample = &trial->samples[first];
	uint32_t length = 1;

	while (first + length < trial->count && length < ROUND_MAX &&
	       sample[length].filling == sample->filling &&
	       class_of(&sample[length]) == class_of(sample))
		length++;
	return length;
}

static bool run_round(struct trial *trial, struct lab *lab, struct program *program, uint32_t first,
		      uint32_t length)
{
	const struct sample *sample = &trial->samples[first];
	bool filled[SLOTS];

	if (!first || sample->filling != sample[-1].filling) {
		filled_slots(trial, sample->filling, filled);
		if (!program_fill(program, &lab->sentinels, filled, trial->c.policy->label_count))
			return false;
	}
	return program_set_class(program, BATCH_INTERFACE, class_of(sample), (first >> 7) % 3) &&
	       batch_run(&lab->batch, first, length);
}

/* After a wrong choice: whether the packet alone, in a BPF_PROG_TEST_RUN, gives the same. */
static bool is_same_alone(struct trial *trial, struct lab *lab, const struct program *program,
			  uint32_t number, int chosen)
{
	return program_run(program, &lab->sentinels, &trial->samples[number].packet) == chosen;
}

static bool run_samples(struct trial *trial, struct lab *lab, struct program *program)
{
	uint32_t first, length, i;

	for (first = 0; first < trial->count; first += length) {
		length = round_length(trial, first);
		if (!run_round(trial, lab, program, first, length))
			return fails(trial, FAILURE_RUN, "a round of packets does not run");
		for (i = first; i < first + length; i++) {
			int chosen = batch_chosen(&lab->batch, i);

			if (chosen == trial->expected[i])
				continue;
			trial->failure->seen_alone = is_same_alone(trial, lab, program, i, chosen);
			return sample_fails(trial, FAILURE_CHOICE, i, chosen);
		}
	}
	return true;
}

static bool try_program(struct trial *trial, struct lab *lab, const struct compilation *c)
{
	char counter[COUNTER_TEXT];
	struct program program;
	bool good;

	if (!program_load(&program, c->object, c))
		return fails(trial, FAILURE_KERNEL_REFUSES, "");
	good = batch_use(&lab->batch, &program) ||
	       fails(trial, FAILURE_RUN, "the program cannot be called");
	good = good && run_samples(trial, lab, &program);
	if (good && !same_counters(&program, &c->layout->object, &trial->counted, counter))
		good = fails(trial, FAILURE_COUNTER, counter);
	program_close(&program);
	return good;
}

/* Asks the decision that a variant has made for some of the samples. */
static bool check_decision(struct trial *trial, const struct compilation *c, size_t variant)
{
	uint32_t step = trial->count > FEW ? DECIDED_STEP : 1, i;
	struct outcome outcome;

	for (i = (uint32_t)variant % step; i < trial->count; i += step)
		if (!decided_alike(c->policy, c->decision, &trial->samples[i].packet, &outcome))
			return sample_fails(trial, FAILURE_DIAGRAM, i, RUN_FAILED);
	return true;
}

/* Whether an earlier variant made the same program; if not, it is kept as one that is asked. */
static bool was_asked(struct trial *trial, const struct compilation *c)
{
	struct digest digest = digest_of(c);
	uint32_t i;

	for (i = 0; i < trial->programs; i++)
		if (memcmp(&trial->asked[i], &digest, sizeof(digest)) == 0)
			return true;
	trial->asked[trial->programs++] = digest;
	return false;
}

bool trial_variant(struct trial *trial, struct lab *lab, size_t variant)
{
	struct compilation c;
	bool good;

	trial->failure->variant = variant;
	compilation_start(&c);
	diag_be_quiet(c.diag);
	good = bundle_compile(&c, trial->text, variant_options(variant), STAGE_OBJECT);
	if (good) {
		if (lab->fault)
			lab->fault(&c);
		good = check_decision(trial, &c, variant) &&
		       (was_asked(trial, &c) || try_program(trial, lab, &c));
	} else {
		good = (variant_at(variant)->may_refuse && c.decision && !c.layout) ||
		       compiler_refuses(trial, c.diag);
	}
	compilation_free(&c);
	return good;
}
