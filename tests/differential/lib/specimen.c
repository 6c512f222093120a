/* What fails is tried again and again, each time with less, in a child, since some of what is tried may crash. */
#include "specimen.h"

#include "child.h"
#include "shrink.h"
#include "variants.h"

#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { AGAIN_SECONDS = 20 };

/* Writes all samples down, for a process that reports if this one crashes. */
static void publish(struct specimen *specimen, const struct trial *trial)
{
	uint32_t i;

	specimen->count = trial->count;
	for (i = 0; i < trial->count; i++) {
		bool is_round = i && trial->samples[i].packet.values[FIELD_IIFNAME] ==
					     trial->samples[i - 1].packet.values[FIELD_IIFNAME];

		specimen->samples[i] = trial->samples[i];
		if (is_round)
			memcpy(specimen->interfaces[i], specimen->interfaces[i - 1],
			       INTERFACE_TEXT);
		else
			trial_interface(trial, i, specimen->interfaces[i]);
	}
}

static uint32_t count_suitable(const struct kind_of_file *kind)
{
	uint32_t count = 0;
	size_t variant;

	for (variant = 0; variant < variant_count(); variant++)
		count += variant_suits(variant, kind);
	return count;
}

void hunt_run(struct hunt *hunt)
{
	struct random random = {hunt->seed};
	struct trial trial;
	uint32_t left = count_suitable(hunt->kind), wanted = hunt->variants ? hunt->variants : left;
	size_t variant;
	bool good = trial_open(&trial, hunt->text, &hunt->specimen->failure);

	if (good) {
		trial_draw(&trial, &random, hunt->packets);
		publish(hunt->specimen, &trial);
		good = trial_define(&trial, hunt->lab);
	}
	for (variant = 0; good && variant < variant_count(); variant++) {
		if (!variant_suits(variant, hunt->kind) || random_below(&random, left--) >= wanted)
			continue;
		wanted--;
		good = trial_variant(&trial, hunt->lab, variant);
	}
	hunt->programs = trial.programs;
	trial_free(&trial);
}

/* A text that is tried with the samples of a specimen. */
struct again {
	struct lab *lab;
	const char *text;
	struct specimen *specimen;
};

static void run_again(void *data)
{
	struct again *again = data;
	struct specimen *specimen = again->specimen;
	size_t variant = specimen->failure.variant;
	struct trial trial;
	bool good;

	libbpf_set_print(NULL);
	good = trial_open(&trial, again->text, &specimen->failure);
	specimen->failure.variant = variant;
	if (good) {
		trial_take(&trial, specimen->samples, specimen->interfaces, specimen->count);
		if (trial_define(&trial, again->lab))
			trial_variant(&trial, again->lab, variant);
	}
	trial_free(&trial);
}

bool specimen_fails(struct specimen *specimen, struct lab *lab, const char *text)
{
	struct again again = {lab, text, specimen};
	char end[FAILURE_TEXT];

	if (!child_run(run_again, &again, AGAIN_SECONDS, true, end, sizeof(end))) {
		specimen->failure.kind = FAILURE_CRASH;
		memcpy(specimen->failure.text, end, sizeof(end));
	}
	return specimen->failure.kind != FAILURE_NONE;
}

/* Making it smaller. */

struct shrinking {
	struct lab *lab;
	struct specimen *smallest, *tried;
	const char *text; /* for which samples are left out */
	struct effort effort;
	unsigned tries;
	time_t end;
};

/* Whether two messages of the compiler are the same, but for names and numbers, which change. */
static bool same_message(const char *a, const char *b)
{
	size_t same = strcspn(a, "'\"0123456789");

	return same == strcspn(b, "'\"0123456789") && !strncmp(a, b, same);
}

static bool same_failure(const struct failure *a, const struct failure *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == FAILURE_COMPILER_REFUSES)
		return same_message(a->text, b->text);
	return a->kind != FAILURE_CRASH || !strcmp(a->text, b->text);
}

/* In seconds, of this process and the children that it has waited for. */
static time_t cpu_time(void)
{
	struct rusage own, children;

	getrusage(RUSAGE_SELF, &own);
	getrusage(RUSAGE_CHILDREN, &children);
	return own.ru_utime.tv_sec + own.ru_stime.tv_sec + children.ru_utime.tv_sec +
	       children.ru_stime.tv_sec;
}

/* Whether the samples that are tried fail as before with a text; then they are the smallest. */
static bool still_fails(struct shrinking *s, const char *text)
{
	const struct effort *effort = &s->effort;
	struct specimen *tried = s->tried;

	if (s->tries >= effort->tries || cpu_time() >= s->end || (effort->stop && *effort->stop))
		return false;
	s->tries++;
	tried->failure = s->smallest->failure;
	if (!specimen_fails(tried, s->lab, text) ||
	    !same_failure(&tried->failure, &s->smallest->failure))
		return false;
	s->tried = s->smallest;
	s->smallest = tried;
	return true;
}

static void copy_samples(struct specimen *to, const struct specimen *from, uint32_t first,
			 uint32_t count)
{
	to->count = count;
	memcpy(to->samples, from->samples + first, count * sizeof(*to->samples));
	memcpy(to->interfaces, from->interfaces + first, count * sizeof(*to->interfaces));
}

static bool text_fails(void *data, const char *text)
{
	struct shrinking *s = data;

	copy_samples(s->tried, s->smallest, 0, s->smallest->count);
	return still_fails(s, text);
}

/* Samples that are left out, of all that there were when the list was begun. */
struct sample_list {
	struct shrinking *shrinking;
	struct specimen *all;
};

static bool samples_fail(void *data, const bool *kept)
{
	struct sample_list *list = data;
	struct specimen *tried = list->shrinking->tried;
	uint32_t i;

	tried->count = 0;
	for (i = 0; i < list->all->count; i++)
		if (kept[i]) {
			tried->samples[tried->count] = list->all->samples[i];
			memcpy(tried->interfaces[tried->count++], list->all->interfaces[i],
			       INTERFACE_TEXT);
		}
	return still_fails(list->shrinking, list->shrinking->text);
}

static void shrink_samples(struct shrinking *s)
{
	struct sample_list list = {s, shared_memory(sizeof(struct specimen))};
	uint32_t count = s->smallest->count;
	bool *kept = malloc(count + 1);

	if (!kept)
		abort();
	memset(kept, true, count);
	copy_samples(list.all, s->smallest, 0, count);
	shrink_list(kept, count, samples_fail, &list);
	free(kept);
	shared_free(list.all, sizeof(struct specimen));
}

/* Mostly one packet alone is decided wrongly. */
static void keep_one_sample(struct shrinking *s)
{
	const struct failure *failure = &s->smallest->failure;
	uint32_t number = failure->sample;

	if (s->smallest->count == 0)
		return;
	if (failure->kind != FAILURE_CHOICE && failure->kind != FAILURE_DIAGRAM)
		number = 0;
	copy_samples(s->tried, s->smallest, number, 1);
	still_fails(s, s->text);
	if (s->smallest->count > 1) {
		copy_samples(s->tried, s->smallest, 0, 0);
		if (!still_fails(s, s->text))
			shrink_samples(s);
	}
}

/* Values that say nothing become 0; sockets are everywhere, or nowhere. */
static void simplify_sample(struct shrinking *s)
{
	const uint32_t fillings[] = {FILLING_ALL, 0};
	enum field field;
	size_t i;

	for (i = 0; i < 2 && s->smallest->count == 1; i++) {
		copy_samples(s->tried, s->smallest, 0, 1);
		s->tried->samples[0].filling = fillings[i];
		if (still_fails(s, s->text))
			break;
	}
	for (field = 0; field < VALUE_FIELD_COUNT && s->smallest->count == 1; field++) {
		copy_samples(s->tried, s->smallest, 0, 1);
		if (field_type(field) == TYPE_INTERFACE)
			strcpy(s->tried->interfaces[0], "other0");
		else
			s->tried->samples[0].packet.values[field] = 0;
		still_fails(s, s->text);
	}
}

char *specimen_shrink(struct specimen *specimen, struct lab *lab, const char *text,
		      struct effort effort, unsigned *tries)
{
	struct specimen *other = shared_memory(sizeof(*other)), *spare;
	struct shrinking s = {.lab = lab,
			      .smallest = specimen,
			      .tried = other,
			      .text = text,
			      .effort = effort,
			      .end = cpu_time() + (time_t)effort.seconds};
	char *small;

	keep_one_sample(&s);
	small = shrink_text(text, text_fails, &s);
	s.text = small;
	if (s.smallest->count > 1)
		shrink_samples(&s);
	simplify_sample(&s);
	*tries = s.tries;
	if (s.smallest != specimen) {
		spare = s.smallest;
		specimen->failure = spare->failure;
		copy_samples(specimen, spare, 0, spare->count);
	}
	shared_free(other, sizeof(*other));
	return small;
}
