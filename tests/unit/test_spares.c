/* How labels get blocks of spare slots, in one apply and in the next. The maps are the kernel's. */
#include "runtime/base/report.h"
#include "runtime/labels/labels.h"
#include "runtime/load/load.h"
#include "runtime/object/object.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { NAME_BYTES = 16, LABELS_MAX = 5000, FLOW_CLASS = ABI_FLOW_CLASS(0, 0) };

/* The maps and an object whose labels have one declared socket each, for IPv4 and TCP. */
struct fixture {
	struct report report; /* stays first */
	unsigned warnings;
	int labels, marks;
	struct hands hands;
	struct object object;
	uint8_t declaration; /* of all labels */
	struct abi_slot_key keys[LABELS_MAX];
	struct abi_label_slots slots[LABELS_MAX];
};

static bool count_warning(struct report *report, const struct message *message)
{
	((struct fixture *)report)->warnings += message->severity == SEVERITY_WARNING;
	return message->severity == SEVERITY_ERROR;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->report.take = count_warning;
	f->labels = labels_create();
	f->marks = spare_marks_create();
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close(f->labels);
	close(f->marks);
	free(f);
	return 0;
}

/* An object with the labels [FIRST, END). */
static void make_object(struct fixture *f, uint32_t first, uint32_t end)
{
	uint32_t count = end - first, i;
	struct object *object = &f->object;

	*object = (struct object){
		.report = &f->report,
		.header = {.label_count = count, .tries_spares = 1},
		.strings = calloc(count, NAME_BYTES),
		.labels = calloc(count, sizeof(*object->labels)),
		.sockets = calloc(count, sizeof(*object->sockets)),
		.socket_count = count,
	};
	for (i = 0; i < count; i++) {
		snprintf(object->strings + (size_t)i * NAME_BYTES, NAME_BYTES, "l%u", first + i);
		object->labels[i].name = i * NAME_BYTES;
		label_key(object->strings + (size_t)i * NAME_BYTES, &f->keys[i]);
		f->keys[i].declaration[0] = f->declaration;
		object->sockets[i] = (struct abi_socket){
			.label = i, .protocol = IPPROTO_TCP, .family = AF_INET};
	}
}

static void free_object(const struct fixture *f)
{
	free(f->object.strings);
	free(f->object.labels);
	free(f->object.sockets);
}

/* Applies an object with the labels [FIRST, END). */
static void assign(struct fixture *f, uint32_t first, uint32_t end)
{
	if (f->labels < 0 || f->marks < 0)
		skip(); /* this process may not create maps */
	make_object(f, first, end);
	assert_int_equal(
		labels_assign(f->labels, f->marks, &f->object, f->keys, &f->hands, f->slots), 0);
	free_object(f);
}

/* For how many keys and flow classes of the object with the labels [FIRST, END) there is no
 * room. */
static size_t excess(struct fixture *f, uint32_t first, uint32_t end)
{
	struct excess found;

	make_object(f, first, end);
	assert_int_equal(labels_excess(f->labels, &f->object, f->keys, &f->hands, &found), 0);
	free_object(f);
	return found.keys + found.flow_classes;
}

static uint32_t word_of(const struct fixture *f, uint32_t label)
{
	struct abi_label_slots slots;
	struct abi_slot_key key;
	char name[NAME_BYTES];

	snprintf(name, sizeof(name), "l%u", label);
	label_key(name, &key);
	key.declaration[0] = f->declaration;
	assert_int_equal(labels_find(f->labels, &key, &slots), 0);
	return slots.slots[FLOW_CLASS];
}

/* How many blocks the label has. */
static uint32_t blocks_of(const struct fixture *f, uint32_t label)
{
	uint32_t word = word_of(f, label);

	return ABI_SPARE_BLOCK(word) ? ABI_SPARE_RUN(word) : 0;
}

static void forget(const struct fixture *f, uint32_t label)
{
	struct abi_slot_key key;
	char name[NAME_BYTES];

	snprintf(name, sizeof(name), "l%u", label);
	label_key(name, &key);
	assert_int_equal(bpf_map_delete_elem(f->labels, &key), 0);
}

static void no_block_is_given_twice(const struct fixture *f, uint32_t first, uint32_t end)
{
	bool used[ABI_SPARE_BLOCKS + 1] = {false};
	uint32_t label, i;

	for (label = first; label < end; label++)
		for (i = 0; i < blocks_of(f, label); i++) {
			uint32_t block = ABI_SPARE_BLOCK(word_of(f, label)) + i;

			assert_true(block >= 1 && block <= ABI_SPARE_BLOCKS && !used[block]);
			used[block] = true;
		}
}

static void the_more_labels_there_are_the_fewer_blocks_each_gets(void **state)
{
	static const struct {
		uint32_t labels, blocks;
	} shares[] = {{1, 16},  {128, 16}, {129, 8},  {256, 8},  {257, 4},
		      {512, 4}, {513, 2},  {1024, 2}, {1025, 1}, {4096, 1}};
	struct fixture *f = *state;
	size_t i;
	uint32_t label;

	for (i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		assign(f, 0, shares[i].labels);
		for (label = 0; label < shares[i].labels; label++)
			assert_int_equal(blocks_of(f, label), shares[i].blocks);
		no_block_is_given_twice(f, 0, shares[i].labels);
		for (label = 0; label < shares[i].labels; label++)
			forget(f, label);
	}
	assert_int_equal(f->warnings, 0);
}

static void a_flow_class_that_is_not_declared_gets_no_blocks(void **state)
{
	struct fixture *f = *state;

	assign(f, 0, 1);
	assert_int_equal(ABI_SPARE_BLOCK(f->slots[0].slots[ABI_FLOW_CLASS(0, 1)]), 0);
	assert_int_equal(ABI_SPARE_BLOCK(f->slots[0].slots[ABI_FLOW_CLASS(1, 0)]), 0);
	assert_int_equal(f->slots[0].slots[FLOW_CLASS], word_of(f, 0));
}

static void a_label_keeps_its_blocks_and_later_ones_get_some_too(void **state)
{
	struct fixture *f = *state;
	uint32_t word;

	assign(f, 0, 128);
	word = word_of(f, 100);
	assign(f, 0, 1000);
	assert_int_equal(word_of(f, 100), word);
	assert_int_equal(blocks_of(f, 999), 1);
	no_block_is_given_twice(f, 0, 1000);
}

static void gaps_between_kept_blocks_are_filled_with_shorter_runs(void **state)
{
	struct fixture *f = *state;
	uint32_t label;

	assign(f, 0, 4096);
	for (label = 0; label < 4096; label++)
		if (label % 8 >= 2)
			forget(f, label);
	assign(f, 4096, 4100);
	for (label = 4096; label < 4100; label++)
		assert_int_equal(blocks_of(f, label), 4);
	for (label = 0; label < 4096; label += 8)
		assert_int_equal(blocks_of(f, label), 1);
}

static void labels_that_get_no_blocks_are_warned_of(void **state)
{
	struct fixture *f = *state;

	assign(f, 0, 4098);
	assert_int_equal(blocks_of(f, 4095), 1);
	assert_int_equal(blocks_of(f, 4096), 0);
	assert_int_equal(f->warnings, 1);
}

static void a_label_that_declares_something_else_gets_other_blocks(void **state)
{
	struct fixture *f = *state;
	uint32_t first, other;

	assign(f, 0, 3);
	first = word_of(f, 1);
	f->declaration = 1;
	assign(f, 0, 3);
	other = word_of(f, 1);
	assert_int_not_equal(ABI_SLOT(first), ABI_SLOT(other));
	assert_int_not_equal(ABI_SPARE_BLOCK(first), ABI_SPARE_BLOCK(other));
	f->declaration = 0;
	assign(f, 0, 3);
	assert_int_equal(word_of(f, 1), first);
}

static void labels_that_would_get_no_blocks_are_in_excess(void **state)
{
	struct fixture *f = *state;

	assign(f, 0, 3000);
	assert_int_equal(excess(f, 0, 4096), 0);
	assert_int_equal(excess(f, 0, 4098), 2);
	f->declaration = 1;
	assert_int_equal(excess(f, 0, 1096), 0);
	assert_int_equal(excess(f, 0, 1100), 4);
}

static void slots_that_two_keys_have_are_emptied_with_the_last_one(void **state)
{
	struct fixture *f = *state;
	bool *used = calloc(ABI_SOCKETS_MAX, sizeof(*used));
	int sockets = sockets_create(), server = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in any = {.sin_family = AF_INET};
	struct label_entry entry = {0};
	uint64_t value = (uint64_t)server;
	uint32_t spare;

	assert_int_equal(bind(server, (struct sockaddr *)&any, sizeof(any)), 0);
	assign(f, 0, 1);
	entry.key = f->keys[0];
	entry.slots = f->slots[0];
	spare = slot_at(entry.slots.slots[FLOW_CLASS], 1);
	assert_int_equal(bpf_map_update_elem(sockets, &spare, &value, BPF_ANY), 0);
	slots_mark(&entry.slots, used);
	assert_int_equal(labels_drop(&f->report, f->labels, sockets, &entry, used), 0);
	assert_int_equal(slot_read(sockets, spare, &value), 0);
	assert_int_not_equal(value, 0);
	assert_int_equal(labels_find(f->labels, &entry.key, &entry.slots), -ENOENT);
	memset(used, 0, ABI_SOCKETS_MAX);
	assert_int_equal(labels_drop(&f->report, f->labels, sockets, &entry, used), 0);
	assert_int_equal(slot_read(sockets, spare, &value), 0);
	assert_int_equal(value, 0);
	close(server);
	close(sockets);
	free(used);
}

static void blocks_are_given_without_marks(void **state)
{
	struct fixture *f = *state;
	struct abi_spare_marks marks;
	uint32_t block;

	assign(f, 0, 1);
	block = ABI_SPARE_BLOCK(word_of(f, 0));
	memset(&marks, 1, sizeof(marks));
	assert_int_equal(bpf_map_update_elem(f->marks, &block, &marks, BPF_ANY), 0);
	assign(f, 0, 1);
	assert_int_equal(bpf_map_lookup_elem(f->marks, &block, &marks), 0);
	assert_int_equal(marks.used[0], 1);
	forget(f, 0);
	assign(f, 1, 2);
	assert_int_equal(ABI_SPARE_BLOCK(word_of(f, 1)), block);
	assert_int_equal(bpf_map_lookup_elem(f->marks, &block, &marks), 0);
	assert_int_equal(marks.used[0], 0);
}

static void an_unreadable_slot_is_not_an_empty_one(void **state)
{
	struct fixture *f = *state;
	int sockets = sockets_create();
	uint64_t cookie, *present;

	assign(f, 0, 1);
	assert_int_equal(slots_empty(sockets, word_of(f, 0)), 1);
	assert_int_equal(slots_first(sockets, word_of(f, 0), &cookie), 0);
	assert_int_equal(slots_have(sockets, word_of(f, 0), 1), 0);
	assert_int_equal(slots_look(&f->report, sockets, f->slots, 1, &present), 0);
	free(present);
	close(sockets);
	assert_int_equal(slots_empty(-1, word_of(f, 0)), -EBADF);
	assert_int_equal(slots_first(-1, word_of(f, 0), &cookie), -EBADF);
	assert_int_equal(slots_have(-1, word_of(f, 0), 1), -EBADF);
	assert_int_equal(slots_look(&f->report, -1, f->slots, 1, &present), -EBADF);
}

static void several_flow_classes_are_named_in_a_list(void **state)
{
	char text[FLOW_CLASSES_TEXT_MAX];

	(void)state;
	assert_false(flow_classes_text(0, text));
	assert_string_equal(text, "");
	assert_true(flow_classes_text(0xf, text));
	assert_string_equal(text, "tcp ipv4, udp ipv4, tcp ipv6, udp ipv6");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_more_labels_there_are_the_fewer_blocks_each_gets),
		TEST(a_flow_class_that_is_not_declared_gets_no_blocks),
		TEST(a_label_keeps_its_blocks_and_later_ones_get_some_too),
		TEST(gaps_between_kept_blocks_are_filled_with_shorter_runs),
		TEST(labels_that_get_no_blocks_are_warned_of),
		TEST(a_label_that_declares_something_else_gets_other_blocks),
		TEST(labels_that_would_get_no_blocks_are_in_excess),
		TEST(slots_that_two_keys_have_are_emptied_with_the_last_one),
		TEST(blocks_are_given_without_marks),
		TEST(an_unreadable_slot_is_not_an_empty_one),
		cmocka_unit_test(several_flow_classes_are_named_in_a_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
