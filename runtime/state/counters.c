/* Sums per-CPU counters, and carries the sums over from one generation to the next: those of a rule
 * to the rule that means the same, those of a label to the label of the same name. Sums are modulo
 * 2^64, so that a base may be a negative number.
 *
 * A generation is on trial over another if it was applied on trial while the other was in force. If
 * the trial fails, the other is in force again, and must also have the counts of the trial. */
#include "state.h"

#include "runtime/base/fail.h"
#include "runtime/kernel/caps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* The head of a base. The counts of the rules follow, then those of the labels. */
struct base {
	uint32_t absorbed; /* the last generation on trial over this one that is counted in */
	uint32_t rule_count, label_count;
	uint32_t reserved;
};

static size_t label_count(const struct object *object)
{
	return (size_t)object->header.label_count * ABI_FLOW_CLASSES;
}

static int counters_new(const struct object *object, struct counters *counters)
{
	counters->rules = calloc((size_t)object->header.counter_count + 1, sizeof(uint64_t));
	counters->labels = calloc(label_count(object) + 1, sizeof(struct abi_label_count));
	if (counters->rules && counters->labels)
		return 0;
	counters_free(counters);
	return fail(object->report, ENOMEM, "read the counters");
}

void counters_free(struct counters *counters)
{
	free(counters->rules);
	free(counters->labels);
	*counters = (struct counters){0};
}

/* Adds to SUMS the COUNT elements of a map, of WIDTH numbers each, over all processors. */
static int add_map(int map, size_t count, size_t width, uint64_t *sums)
{
	autofree uint64_t *values = NULL;
	int processors;

	libbpf_set_print(NULL);
	processors = libbpf_num_possible_cpus();
	if (processors <= 0)
		return -EIO;
	values = calloc((size_t)processors * width, sizeof(*values));
	if (!values)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		if (bpf_map_lookup_elem(map, &i, values))
			return -errno;
		for (size_t j = 0; j < (size_t)processors * width; j++)
			sums[i * width + j % width] += values[j];
	}
	return 0;
}

static int add_pinned(const struct generation *generation, const char *name, size_t count,
		      size_t width, uint64_t *sums)
{
	autoclose int map = -1;
	int err;

	if (!count)
		return 0;
	map = pin_get(generation->folder, name);
	/* The object may have no counters, and settling removes those of a replaced one. */
	if (map == -ENOENT)
		return 0;
	err = map < 0 ? map : add_map(map, count, width, sums);
	return err ? fail(generation->report, err, "read the counters of generation %u",
			  generation->record.generation)
		   : 0;
}

static int add_live(const struct generation *generation, const struct object *object,
		    struct counters *counters)
{
	int err = add_pinned(generation, ABI_PIN_RULE_COUNTERS, object->header.counter_count, 1,
			     counters->rules);

	if (err)
		return err;
	return add_pinned(generation, ABI_PIN_LABEL_COUNTERS, label_count(object), 2,
			  (uint64_t *)counters->labels);
}

/* Adds the base of a generation, and reads its ABSORBED. -ENOENT without a message if there is
 * none. */
static int add_base(const struct generation *generation, const struct object *object,
		    uint32_t *absorbed, struct counters *counters)
{
	size_t rules = object->header.counter_count;
	size_t labels = label_count(object);
	const struct base *base;
	const uint64_t *values;
	struct blob blob;
	int err = blob_get(generation->folder, PIN_BASE, &blob);

	*absorbed = 0;
	if (err)
		return err == -ENOENT ? err : fail(object->report, err, "read the counters' base");
	base = blob.bytes;
	if (blob.size < sizeof(*base) || base->rule_count != rules || base->label_count != labels ||
	    blob.size < sizeof(*base) + rules * sizeof(uint64_t) +
				labels * sizeof(struct abi_label_count)) {
		blob_close(&blob);
		return refuse(object->report, EINVAL,
			      "the counters' base of generation %u is damaged",
			      generation->record.generation);
	}
	values = (const uint64_t *)(base + 1);
	*absorbed = base->absorbed;
	for (size_t i = 0; i < rules; i++)
		counters->rules[i] += values[i];
	for (size_t i = 0; i < labels; i++) {
		counters->labels[i].hits += values[rules + 2 * i];
		counters->labels[i].misses += values[rules + 2 * i + 1];
	}
	blob_close(&blob);
	return 0;
}

/* Adds what FROM counted to the same rules and labels of TO. */
static int add_mapped(const struct object *from, const struct counters *source,
		      const struct object *to, struct counters *counters)
{
	autofree uint32_t *rules = NULL;
	autofree uint32_t *labels = NULL;
	int err = identity_of_counters(from, to, &rules);

	if (!err)
		err = identity_of_labels(from, to, &labels);
	if (err)
		return err;
	for (uint32_t i = 0; i < from->header.counter_count; i++)
		if (rules[i] != ABI_NO_COUNTER)
			counters->rules[rules[i]] += source->rules[i];
	for (uint32_t i = 0; i < from->header.label_count; i++) {
		if (labels[i] == ABI_NO_STRING)
			continue;
		for (uint32_t flow_class = 0; flow_class < ABI_FLOW_CLASSES; flow_class++) {
			struct abi_label_count *sum =
				&counters->labels[labels[i] * ABI_FLOW_CLASSES + flow_class];

			sum->hits += source->labels[i * ABI_FLOW_CLASSES + flow_class].hits;
			sum->misses += source->labels[i * ABI_FLOW_CLASSES + flow_class].misses;
		}
	}
	return 0;
}

/* Which counts of another generation to add: only its own, or also those carried over to it. */
enum extent { EXTENT_LIVE, EXTENT_ALL };

static int add_carried(const struct state *state, const struct generation *generation,
		       const struct object *object, uint32_t via, uint32_t *absorbed,
		       struct counters *counters);

static int add_other(const struct state *state, const struct generation *other, enum extent extent,
		     uint32_t via, const struct object *object, struct counters *counters)
{
	struct counters sums = {0};
	struct applied applied;
	uint32_t absorbed;
	int err = generation_read(other, &applied);

	if (err)
		return err;
	err = counters_new(&applied.object, &sums);
	if (!err)
		err = add_live(other, &applied.object, &sums);
	if (!err && extent == EXTENT_ALL)
		err = add_carried(state, other, &applied.object, via, &absorbed, &sums);
	if (!err)
		err = add_mapped(&applied.object, &sums, object, counters);
	counters_free(&sums);
	applied_free(&applied);
	return err;
}

/* Returns 1 if the generation ID was on trial over this one, and opens it as OTHER. Else 0, or
 * -errno after a message. Its number is then the larger one. */
static int tried_over(const struct state *state, const struct generation *generation, uint32_t id,
		      struct generation *other)
{
	int err = id > generation->record.generation ? generation_open(state, id, other) : -ENOENT;

	if (err)
		return err == -ENOENT ? 0 : err;
	if (other->record.trial_program && other->record.previous == generation->record.generation)
		return 1;
	generation_close(other);
	return 0;
}

/* Adds what generations on trial over this one counted, and sets *ABSORBED to the last of them. VIA
 * is not added: it is the generation whose own counts the caller adds; 0: none. */
static int add_trials(const struct state *state, const struct generation *generation,
		      const struct object *object, uint32_t via, uint32_t *absorbed,
		      struct counters *counters)
{
	autofree uint32_t *ids = NULL;
	uint32_t last = *absorbed;
	size_t count;
	int err = generation_list(state, &ids, &count);

	for (size_t i = 0; !err && i < count; i++) {
		struct generation other;
		int found = ids[i] == via || ids[i] == last
				    ? 0
				    : tried_over(state, generation, ids[i], &other);

		if (found <= 0) {
			err = found;
			continue;
		}
		err = add_other(state, &other, EXTENT_LIVE, via, object, counters);
		*absorbed = ids[i];
		generation_close(&other);
	}
	return err;
}

/* Adds the counts of the generation before, if its folder is still there. */
static int add_previous(const struct state *state, const struct generation *generation,
			const struct object *object, struct counters *counters)
{
	struct generation previous;
	int err;

	if (!generation->record.previous)
		return 0;
	err = generation_open(state, generation->record.previous, &previous);
	if (err)
		return err == -ENOENT ? 0 : err;
	err = add_other(state, &previous, EXTENT_ALL, generation->record.generation, object,
			counters);
	generation_close(&previous);
	return err;
}

/* Adds what was counted before this generation: its base, or what the base would be if it is not
 * written yet. */
static int add_carried(const struct state *state, const struct generation *generation,
		       const struct object *object, uint32_t via, uint32_t *absorbed,
		       struct counters *counters)
{
	int err = add_base(generation, object, absorbed, counters);

	if (err == -ENOENT)
		err = add_previous(state, generation, object, counters);
	if (err)
		return err;
	return add_trials(state, generation, object, via, absorbed, counters);
}

int counters_read(const struct state *state, const struct generation *generation,
		  const struct object *object, struct counters *counters)
{
	uint32_t absorbed;
	int err = counters_new(object, counters);

	if (err)
		return err;
	err = add_live(generation, object, counters);
	if (!err)
		err = add_carried(state, generation, object, 0, &absorbed, counters);
	if (err)
		counters_free(counters);
	return err;
}

/* Replaces the base, if there is one, atomically by a rename. */
static int pin_base(const struct generation *generation, const void *bytes, size_t size)
{
	autoclose int map = blob_create(PIN_BASE, bytes, size);
	int err = map < 0 ? map : pin_remove(generation->folder, PIN_NEW_BASE);

	if (!err)
		err = pin_put(generation->folder, PIN_NEW_BASE, map);
	if (!err && renameat(generation->folder, PIN_NEW_BASE, generation->folder, PIN_BASE))
		err = -errno;
	return err ? caps_fail(generation->report, err, caps_for_programs,
			       "keep the counters of generation %u", generation->record.generation)
		   : 0;
}

static int write_base(const struct generation *generation, const struct object *object,
		      uint32_t absorbed, const struct counters *counters)
{
	size_t rules = object->header.counter_count * sizeof(*counters->rules);
	size_t labels = label_count(object) * sizeof(*counters->labels);
	size_t size = sizeof(struct base) + rules + labels;
	autofree char *bytes = malloc(size);
	const struct base base = {
		.absorbed = absorbed,
		.rule_count = object->header.counter_count,
		.label_count = (uint32_t)label_count(object),
	};

	if (!bytes)
		return fail(object->report, ENOMEM, "keep the counters");
	memcpy(bytes, &base, sizeof(base));
	memcpy(bytes + sizeof(base), counters->rules, rules);
	memcpy(bytes + sizeof(base) + rules, counters->labels, labels);
	return pin_base(generation, bytes, size);
}

/* Whether the base is missing, or lacks the counts of a trial. */
static int base_is_missing(const struct state *state, const struct generation *generation,
			   bool *missing)
{
	autofree uint32_t *ids = NULL;
	const struct base *base;
	struct blob blob;
	uint32_t absorbed = 0;
	size_t count;
	int err = blob_get(generation->folder, PIN_BASE, &blob);

	*missing = err == -ENOENT && generation->record.previous;
	if (err && err != -ENOENT)
		return fail(state->report, err, "read the counters' base");
	base = blob.bytes;
	if (!err && blob.size >= sizeof(*base))
		absorbed = base->absorbed;
	blob_close(&blob);
	err = generation_list(state, &ids, &count);
	for (size_t i = 0; !err && !*missing && i < count; i++) {
		struct generation other;
		int found = ids[i] == absorbed ? 0 : tried_over(state, generation, ids[i], &other);

		if (found > 0)
			generation_close(&other);
		*missing = found > 0;
		err = found < 0 ? found : 0;
	}
	return err;
}

static int fold(const struct state *state, const struct generation *generation)
{
	struct counters counters = {0};
	struct applied applied;
	uint32_t absorbed;
	int err = generation_read(generation, &applied);

	if (err)
		return err;
	wait_for_programs();
	err = counters_new(&applied.object, &counters);
	if (!err)
		err = add_carried(state, generation, &applied.object, 0, &absorbed, &counters);
	if (!err)
		err = write_base(generation, &applied.object, absorbed, &counters);
	counters_free(&counters);
	applied_free(&applied);
	return err;
}

int counters_fold(const struct state *state, uint32_t id)
{
	struct generation generation;
	bool missing;
	int err = generation_require(state, id, &generation);

	if (err)
		return err;
	err = base_is_missing(state, &generation, &missing);
	if (!err && missing)
		err = fold(state, &generation);
	generation_close(&generation);
	return err;
}

static void negate(const struct object *object, struct counters *counters)
{
	for (uint32_t i = 0; i < object->header.counter_count; i++)
		counters->rules[i] = 0 - counters->rules[i];
	for (size_t i = 0; i < label_count(object); i++) {
		counters->labels[i].hits = 0 - counters->labels[i].hits;
		counters->labels[i].misses = 0 - counters->labels[i].misses;
	}
}

int counters_reset(const struct state *state, uint32_t id)
{
	struct counters counters = {0}, base = {0};
	struct generation generation;
	struct applied applied = {0};
	uint32_t absorbed = 0;
	int err = generation_require(state, id, &generation);

	if (err)
		return err;
	err = generation_read(&generation, &applied);
	if (!err)
		err = counters_new(&applied.object, &counters);
	if (!err)
		err = counters_new(&applied.object, &base);
	if (!err)
		err = add_base(&generation, &applied.object, &absorbed, &base);
	if (!err || err == -ENOENT)
		err = add_live(&generation, &applied.object, &counters);
	if (!err) {
		negate(&applied.object, &counters);
		err = write_base(&generation, &applied.object, absorbed, &counters);
	}
	counters_free(&base);
	counters_free(&counters);
	applied_free(&applied);
	generation_close(&generation);
	return err;
}
