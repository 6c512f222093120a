/* Says what was registered. */
#include "registering.h"

#include "runtime/base/document.h"
#include "runtime/base/fail.h"
#include "runtime/status/described.h"

#include <limits.h>

/* Whether another socket, which is none of its siblings, was the first of a flow class before: 1, 0, or
 * -errno after a message. */
static int has_replaced(const struct registering *r, unsigned int flow_class)
{
	uint64_t before = r->before[flow_class], first;
	int err;

	if (!before || !(r->flow_classes >> flow_class & 1) || is_of_group(r, before))
		return 0;
	err = slots_first(r->label.sockets, r->label.slots.slots[flow_class], &first);
	return err ? fail_to_look(r, err) : first != before;
}

/* How many of the group have a slot in a flow class of the label. -errno after a message. */
static int count_members(const struct registering *r, unsigned int flow_class)
{
	uint32_t word = r->label.slots.slots[flow_class];
	int members = 0;

	for (uint32_t i = 0; i < slot_count(word); i++) {
		uint64_t cookie;
		int err = slot_read(r->label.sockets, slot_at(word, i), &cookie);

		if (err)
			return fail_to_look(r, err);
		members += cookie && is_of_group(r, cookie);
	}
	return members;
}

int registered_members(struct registering *r)
{
	r->members = count_siblings(r) + 1;
	for (unsigned int i = 0; i < ABI_FLOW_CLASSES; i++) {
		int members = r->flow_classes >> i & 1 ? count_members(r, i) : INT_MAX;

		if (members < 0)
			return members;
		if ((size_t)members < r->members)
			r->members = (size_t)members;
	}
	return 0;
}

void registered_warn_of_room(const struct registering *r)
{
	size_t all = count_siblings(r) + 1;

	/* Rules of an older sklc, which have room for one, are warned of earlier. */
	if (r->members < all && (r->takes_blocks || r->way != WAY_UNDECLARED))
		warn(r->label.state.report,
		     "only %zu of the %zu sockets of its SO_REUSEPORT group have room behind the "
		     "label '%s', and the others serve as long as one of these is there; run "
		     "fewer, or call `sklc sync` whenever some of them are gone",
		     r->members, all, r->label.name);
}

/* The sockets that the command tells of: the registered one itself (OWN); and for each flow class the one
 * that it replaced, and the one that was registered before it: that one stands behind it under rules that
 * declare nothing, or is replaced too. */
enum { OWN, REPLACED, BEHIND = REPLACED + ABI_FLOW_CLASSES, TOLD = BEHIND + ABI_FLOW_CLASSES };

static void print_other(const struct registering *r, unsigned int flow_class, const char *what,
			const struct described *other, FILE *out)
{
	if (!other->cookie)
		return;
	fprintf(out, "%s: %s %s: ", r->label.name, flow_class_name(flow_class), what);
	described_print(other, out);
	fputc('\n', out);
}

static void print_text(const struct registering *r, const struct described *told, FILE *out)
{
	const bool override = r->way == WAY_OVERRIDE;
	size_t siblings = count_siblings(r);

	for (unsigned int i = 0; i < ABI_FLOW_CLASSES; i++) {
		if (!(r->flow_classes >> i & 1))
			continue;
		fprintf(out, "%s: %s registered: ", r->label.name, flow_class_name(i));
		described_print(&told[OWN], out);
		if (siblings)
			fprintf(out, " and %zu more of its SO_REUSEPORT group", siblings);
		if (siblings && r->members <= siblings)
			fprintf(out, ", %zu of which %s a slot", r->members ? r->members - 1 : 0,
				r->members == 2 ? "has" : "have");
		fputc('\n', out);
		print_other(r, i, "replaced", &told[REPLACED + i], out);
		print_other(r, i, override ? "behind it where nothing is declared" : "replaced",
			    &told[BEHIND + i], out);
	}
}

static void add_json(json_t *array, unsigned int flow_class, const struct described *other)
{
	json_t *one;

	if (!other->cookie)
		return;
	one = flow_class_to_json(flow_class);
	json_object_set_new(one, "socket", described_to_json(other));
	json_array_append_new(array, one);
}

static int print_json(const struct registering *r, const struct described *told, FILE *out)
{
	const bool override = r->way == WAY_OVERRIDE;
	json_t *replaced = json_array(), *behind = json_array();

	for (unsigned int i = 0; i < ABI_FLOW_CLASSES; i++) {
		add_json(replaced, i, &told[REPLACED + i]);
		add_json(override ? behind : replaced, i, &told[BEHIND + i]);
	}
	return document_print(
		r->label.state.report,
		json_pack("{s:i, s:s, s:o, s:b, s:o, s:o, s:I, s:I, s:o, s:o}", "version", 1,
			  "result", "registered", "label", json_text(r->label.name), "override",
			  override, "socket", described_to_json(&told[OWN]), "flow_classes",
			  flow_classes_to_json(r->flow_classes), "siblings",
			  (json_int_t)count_siblings(r), "members", (json_int_t)r->members,
			  "replaced", replaced, "behind", behind),
		out);
}

int registered_print(const struct registering *r, FILE *out)
{
	struct described told[TOLD] = {[OWN].cookie = r->cookie};
	struct known_sockets known;
	int err;

	if (r->label.options->quiet && !r->label.options->json)
		return 0;
	for (unsigned int i = 0; i < ABI_FLOW_CLASSES; i++) {
		int replaced = has_replaced(r, i);

		if (replaced < 0)
			return replaced;
		told[REPLACED + i].cookie = replaced ? r->before[i] : 0;
		told[BEHIND + i].cookie = registered_behind(r, i);
		if (r->way == WAY_UNDECLARED &&
		    told[BEHIND + i].cookie == told[REPLACED + i].cookie)
			told[BEHIND + i].cookie = 0;
	}
	err = sockdiag_read(&r->label.state.netns, &known);
	if (!err)
		err = describe(r->label.state.report, &known, told, TOLD);
	sockdiag_free(&known);
	if (err)
		return err;
	if (!told[OWN].pid)
		told[OWN].pid = r->pid;
	if (r->label.options->json)
		return print_json(r, told, out);
	print_text(r, told, out);
	return 0;
}
