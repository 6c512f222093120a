/* Runs each expect line by BPF_PROG_TEST_RUN (Linux 5.13) against a private copy of the program
 * with a private socket map. In that map each label that an expect line names has slots of its own,
 * and all other labels share four; the cookie of the socket that the run selects says which label
 * it was. The kernel gives a test run the interface 0, so in the copy that is the number of an
 * interface of the class that the packet is to have. */
#include "expect.h"

#include "sentinels.h"

#include "runtime/base/fail.h"
#include "runtime/load/load.h"
#include "runtime/object/object.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

enum { VERDICT_TEXT_MAX = 96 };

/* A copy of the program for the expect lines, told of one class of interfaces at a time, and the map
 * and sockets that they run with. */
struct bench {
	const struct object *object;
	const struct runtime_options *options;
	struct shared_maps shared;
	struct sentinels sentinels;
	struct host host;
	struct loaded loaded;
};

/* What the kernel decided. */
struct result {
	uint32_t verdict;
	uint64_t cookie; /* of a redirect */
};

static unsigned int expect_flow_class(const struct abi_expect *expect)
{
	return (unsigned int)ABI_FLOW_CLASS(expect->family == AF_INET6,
					    expect->protocol == IPPROTO_UDP);
}

static struct bpf_sk_lookup packet_context(const struct abi_expect *expect)
{
	struct bpf_sk_lookup context = {
		.family = expect->family,
		.protocol = expect->protocol,
		.remote_port = htons((uint16_t)expect->remote_port),
		.local_port = expect->local_port,
	};

	if (expect->family == AF_INET) {
		memcpy(&context.remote_ip4, expect->remote_address, 4);
		memcpy(&context.local_ip4, expect->local_address, 4);
	} else {
		memcpy(context.remote_ip6, expect->remote_address, 16);
		memcpy(context.local_ip6, expect->local_address, 16);
	}
	return context;
}

static int run_packet(const struct bench *bench, const struct abi_expect *expect,
		      struct result *result)
{
	struct bpf_sk_lookup in = packet_context(expect), out = {0};
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &in, .ctx_size_in = sizeof(in),
		    .ctx_out = &out, .ctx_size_out = sizeof(out), .repeat = 1);

	if (bpf_prog_test_run_opts(bench->loaded.program, &options))
		return fail(bench->options->report, errno, "run an `expect` line in the kernel");
	result->cookie = out.cookie;
	result->verdict = options.retval == SK_DROP ? ABI_DROP
			  : out.cookie              ? ABI_REDIRECT
						    : ABI_PASS;
	return 0;
}

static int put_socket(const struct bench *bench, uint32_t slot, const struct sentinel *sentinel)
{
	uint64_t fd = (uint64_t)sentinel->fd;

	if (sentinel->fd < 0 ||
	    bpf_map_update_elem(bench->shared.sockets, &slot, &fd, BPF_ANY) == 0)
		return 0;
	return fail(bench->options->report, errno,
		    "put a socket into the map that `expect` lines run with");
}

static int put_others(const struct bench *bench, uint32_t first_slot)
{
	int err = 0;

	for (uint32_t flow_class = 0; !err && flow_class < ABI_FLOW_CLASSES; flow_class++)
		err = put_socket(bench, first_slot + flow_class,
				 &bench->sentinels.other[flow_class]);
	return err;
}

/* Gives each label that an expect line names four slots of its own, and slots 0 to 3 to all others.
 * Puts the `other` sockets into all of them. */
static int give_slots(struct bench *bench)
{
	uint32_t next = ABI_FLOW_CLASSES;
	int err = put_others(bench, 0);

	for (uint32_t i = 0; i < bench->object->header.label_count; i++)
		for (uint32_t flow_class = 0; flow_class < ABI_FLOW_CLASSES; flow_class++)
			bench->host.slots[i].slots[flow_class] = flow_class;
	for (size_t i = 0; !err && i < bench->object->expect_count; i++) {
		const struct abi_expect *expect = &bench->object->expects[i];
		struct abi_label_slots *slots = &bench->host.slots[expect->label];

		if (expect->verdict != ABI_REDIRECT || slots->slots[0])
			continue;
		for (uint32_t flow_class = 0; flow_class < ABI_FLOW_CLASSES; flow_class++)
			slots->slots[flow_class] = next + flow_class;
		err = put_others(bench, next);
		next += ABI_FLOW_CLASSES;
	}
	return err;
}

/* Makes interface 0 one of the class. */
static int tell_class(const struct bench *bench, uint32_t class)
{
	struct interface_class entry = {.number = 0, .class = class};
	const struct class_table table = {&entry, 1};
	const struct class_maps maps = {bench->loaded.interfaces, bench->loaded.near,
					bench->loaded.machine};

	if (!bench->object->header.asks_interface)
		return 0;
	return class_table_write(bench->object, &table, &maps);
}

static int load_copy(struct bench *bench, uint32_t class)
{
	const struct load_options options = {.verbose = bench->options->verbose,
					     .guarded = bench->options->guarded};
	int err;

	for (uint32_t i = 0; i < bench->object->header.interface_count; i++)
		bench->host.interfaces[i] = ABI_CLASS_FIRST + i == class ? 0 : i + 1;
	loaded_close(&bench->loaded);
	err = load_object(bench->object, &bench->host, &bench->shared, &options, &bench->loaded);
	return err ? err : tell_class(bench, class);
}

/* Finds the label that got the packet instead of the expected one, by binary search: the labels of
 * one half share a slot that has the `wanted` socket, all others one that has the `other`
 * socket. */
static int find_winner(struct bench *bench, const struct abi_expect *expect, uint32_t *winner)
{
	unsigned int flow_class = expect_flow_class(expect);
	uint32_t first = 0, last = bench->object->header.label_count - 1;
	uint64_t wanted = bench->sentinels.wanted[flow_class].cookie;
	int err = put_socket(bench, ABI_FLOW_CLASSES + flow_class,
			     &bench->sentinels.wanted[flow_class]);

	while (!err && first < last) {
		uint32_t middle = first + (last - first) / 2;
		struct result result;

		for (uint32_t i = 0; i <= last; i++)
			bench->host.slots[i].slots[flow_class] =
				flow_class + (i >= first && i <= middle ? ABI_FLOW_CLASSES : 0);
		err = load_copy(bench, expect->interface);
		if (!err)
			err = run_packet(bench, expect, &result);
		if (!err && result.cookie == wanted)
			last = middle;
		else
			first = middle + 1;
	}
	*winner = first;
	/* For the expect lines that follow, this slot belongs to a label. */
	if (!err)
		err = put_socket(bench, ABI_FLOW_CLASSES + flow_class,
				 &bench->sentinels.other[flow_class]);
	return err;
}

/* For example "'redirect to web'". */
static const char *verdict_text(const struct object *object, uint32_t verdict, uint32_t label,
				char text[VERDICT_TEXT_MAX])
{
	if (verdict == ABI_REDIRECT)
		snprintf(text, VERDICT_TEXT_MAX, "'redirect to %s'",
			 label < object->header.label_count ? object_label(object, label) : "?");
	else
		snprintf(text, VERDICT_TEXT_MAX, verdict == ABI_PASS ? "'pass'" : "'drop'");
	return text;
}

static int refuse_expect(const struct object *object, const struct abi_expect *expect,
			 uint32_t verdict, uint32_t winner)
{
	char expected[VERDICT_TEXT_MAX], decided[VERDICT_TEXT_MAX];
	struct rules_line line;
	int err = rules_line_read(object, expect->file, expect->line, &line);

	if (err)
		return err;
	excerpt_mark(&line.excerpt, object_string(object, expect->text));
	refuse_with(object->report, EINVAL, &(struct message){.excerpt = &line.excerpt},
		    "'%s' fails in the kernel: expected %s, the kernel decided %s",
		    object_string(object, expect->text),
		    verdict_text(object, expect->verdict, expect->label, expected),
		    verdict_text(object, verdict, winner, decided));
	rules_line_free(&line);
	return RUNTIME_EXPECT_FAILED;
}

/* Finds out which label got the packet, with another copy of the program, and reports it. */
static int find_fault(struct bench *bench, const struct abi_expect *expect,
		      const struct result *result)
{
	const struct object *object = bench->object;
	uint32_t winner = 0;
	int err = 0;

	if (result->verdict == ABI_REDIRECT && object->header.label_count) {
		struct bench copy = *bench;

		copy.loaded = LOADED_NONE;
		err = host_new(object, &copy.host);
		if (!err)
			err = find_winner(&copy, expect, &winner);
		host_free(&copy.host);
		loaded_close(&copy.loaded);
	}
	if (err)
		return err;
	return refuse_expect(object, expect, result->verdict, winner);
}

/* 0, RUNTIME_EXPECT_FAILED after a message, or -errno. */
static int run_expect(struct bench *bench, const struct abi_expect *expect)
{
	unsigned int flow_class = expect_flow_class(expect);
	const struct sentinel *wanted = &bench->sentinels.wanted[flow_class];
	bool is_redirect = expect->verdict == ABI_REDIRECT;
	uint32_t slot = is_redirect ? bench->host.slots[expect->label].slots[flow_class] : 0;
	struct result result;
	bool holds;
	int err = 0;

	if (wanted->fd < 0) {
		note(bench->options->report,
		     "this machine has no IPv6: an `expect` line was not run in the kernel");
		return 0;
	}
	if (is_redirect)
		err = put_socket(bench, slot, wanted);
	if (!err)
		err = run_packet(bench, expect, &result);
	if (!err && is_redirect)
		err = put_socket(bench, slot, &bench->sentinels.other[flow_class]);
	if (err)
		return err;
	holds = result.verdict == expect->verdict &&
		(!is_redirect || result.cookie == wanted->cookie);
	return holds ? 0 : find_fault(bench, expect, &result);
}

/* Runs all expect lines with packets of one class. Loads a copy only if there are any. */
static int run_class(struct bench *bench, uint32_t class)
{
	bool loaded = false;
	int result = 0;

	for (size_t i = 0; i < bench->object->expect_count; i++) {
		const struct abi_expect *expect = &bench->object->expects[i];
		int err = 0;

		if (expect->interface != class)
			continue;
		if (!loaded)
			err = load_copy(bench, class);
		loaded = true;
		if (!err)
			err = run_expect(bench, expect);
		if (err && err != RUNTIME_EXPECT_FAILED)
			return err;
		result = err ? err : result;
	}
	return result;
}

/* Before version 4, the numbers of interfaces are fixed when a program is loaded. */
static int run_by_class(struct bench *bench)
{
	int result = 0;

	for (uint32_t class = ABI_CLASS_FIRST; class <= object_class_other(bench->object);
	     class ++) {
		int err = run_class(bench, class);

		if (err && err != RUNTIME_EXPECT_FAILED)
			return err;
		result = err ? err : result;
	}
	return result;
}

/* One copy of the program is told another class wherever the next line has one. */
static int run_in_order(struct bench *bench)
{
	uint32_t class = bench->object->expects[0].interface;
	int err = load_copy(bench, class), result = 0;

	for (size_t i = 0; !err && i < bench->object->expect_count; i++) {
		const struct abi_expect *expect = &bench->object->expects[i];

		if (expect->interface != class)
			err = tell_class(bench, expect->interface);
		class = expect->interface;
		if (!err)
			err = run_expect(bench, expect);
		if (err == RUNTIME_EXPECT_FAILED) {
			result = err;
			err = 0;
		}
	}
	return err ? err : result;
}

static int run_all(struct bench *bench)
{
	int err = give_slots(bench);

	if (err)
		return err;
	return object_has_classes(bench->object) ? run_in_order(bench) : run_by_class(bench);
}

int expect_run(const struct object *object, const struct runtime_options *options)
{
	struct bench bench = {.object = object, .options = options, .loaded = LOADED_NONE};
	int err;

	if (!object->expect_count)
		return 0;
	err = sentinels_open(options->report, &bench.sentinels);
	if (err)
		return err;
	bench.shared = (struct shared_maps){sockets_create(), -1};
	err = bench.shared.sockets < 0
		      ? fail(options->report, bench.shared.sockets, "make a socket map")
		      : 0;
	if (!err)
		err = host_new(object, &bench.host);
	if (!err)
		err = run_all(&bench);
	host_free(&bench.host);
	loaded_close(&bench.loaded);
	close_fd(&bench.shared.sockets);
	sentinels_close(&bench.sentinels);
	return err;
}
