/* Opens a label of the rules that are applied. */
#include "label.h"

#include "not_applied.h"

#include "runtime/base/fail.h"
#include "runtime/transaction/transaction.h"

#include <errno.h>
#include <string.h>

void label_close(struct opened_label *label)
{
	free(label->stood);
	hands_free(&label->hands);
	close_fd(&label->sockets);
	close_fd(&label->labels);
	close_fd(&label->hand);
	standing_close(&label->standing);
	state_close(&label->state);
}

static int refuse_label(const struct opened_label *label)
{
	autofree struct label_entry *entries = NULL;
	const struct label_entry *nearest;
	size_t count = 0;
	int err = labels_read(label->state.report, label->labels, &entries, &count);

	if (err)
		return err;
	nearest = nearest_label(label->name, entries, count);
	if (nearest)
		return refuse(label->state.report, RUNTIME_NOT_THERE,
			      "the rules applied to %s name no label '%s'; "
			      "did you mean '%s'?",
			      label->state.netns.words, label->name, nearest->key.label);
	return refuse(label->state.report, RUNTIME_NOT_THERE,
		      "the rules applied to %s name no label '%s'; "
		      "`sklc status` lists them",
		      label->state.netns.words, label->name);
}

/* Finds the key that the label has in a generation; -ENOENT without a message if the generation
 * has no such label. */
static int find_key_in(struct opened_label *label, uint32_t generation)
{
	autofree struct abi_slot_key *keys = NULL;
	size_t count = 0;
	int err = generation_keys(&label->state, generation, &keys, &count);

	for (size_t i = 0; !err && i < count; i++)
		if (strncmp(keys[i].label, label->name, sizeof(keys[i].label)) == 0) {
			label->key = keys[i];
			label->generation = generation;
			return 0;
		}
	return err ? err : -ENOENT;
}

/* Finds the slots of the label in the rules that decide; if they do not name it, in those
 * before. */
static int find_slots(struct opened_label *label)
{
	int err = find_key_in(label, label->standing.current);

	if (err == -ENOENT)
		err = find_key_in(label, label->standing.previous);
	if (err == -ENOENT)
		return refuse_label(label);
	if (err)
		return err;
	err = labels_find(label->labels, &label->key, &label->slots);
	if (err == -ENOENT && label->generation != label->standing.current)
		return refuse_label(label); /* it gave its slots up, to make room */
	if (label->generation != label->standing.current)
		warn(label->state.report,
		     "the rules that decide name no label '%s', only those before them do: no "
		     "packet goes to it unless these come back",
		     label->name);
	return err ? fail(label->state.report, err, "read the label '%s'", label->name) : 0;
}

static int find_label(struct opened_label *label)
{
	int err = standing_begin(&label->state, &label->standing);

	if (err)
		return err;
	if (label->standing.link < 0)
		return refuse_not_applied(&label->state);
	err = standing_maps(&label->state, &label->sockets, &label->labels);
	if (!err)
		err = find_slots(label);
	if (!err)
		err = standing_hand(&label->state, &label->hand);
	return err ? err : hands_read(label->state.report, label->hand, &label->hands);
}

int label_open(const char *name, const struct runtime_options *options, struct opened_label *label)
{
	int err;

	*label = (struct opened_label){
		.name = name, .options = options, .sockets = -1, .labels = -1, .hand = -1};
	label->standing.link = -1;
	err = state_open(options, STATE_CHANGE, &label->state);
	if (err)
		return err;
	err = find_label(label);
	if (err)
		label_close(label);
	return err;
}

bool label_is_resting(const struct opened_label *label)
{
	return label->generation != label->standing.current &&
	       label->standing.trial != TRIAL_RUNNING;
}
