/* Loads an object and runs its `expect` lines in this kernel, and prints how large its program is.
 * Leaves nothing behind. */
#include "runtime/base/document.h"
#include "runtime/base/fail.h"
#include "runtime/base/text.h"
#include "runtime/expect/expect.h"
#include "runtime/kernel/caps.h"
#include "runtime/kernel/clock.h"
#include "runtime/kernel/netns.h"
#include "runtime/load/load.h"
#include "runtime/object/object.h"
#include "runtime/runtime.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <sys/resource.h>

/* The size of a program. */
struct weight {
	size_t emitted; /* instructions in the object */
	/* Instructions that the verifier walked; 0 before Linux 5.16. GUARDED: without CAP_PERFMON,
	 * 0 also if it refuses the program so, or was not asked. */
	uint32_t verified, guarded;
	uint32_t maps;
	size_t table_bytes; /* with the words of the host */
	uint32_t jited_bytes;
	uint64_t load_us; /* the CPU time that loading took */
	size_t expects;
	char hash[HASH_TEXT_MAX]; /* of the rules within */
};

static int weigh(const struct object *object, const struct loaded *loaded, struct weight *weight)
{
	struct bpf_prog_info info = {0};
	uint32_t size = sizeof(info);
	struct object_hash hash;
	int err = object_hash(object, &hash);

	if (err)
		return err;
	if (bpf_obj_get_info_by_fd(loaded->program, &info, &size))
		return fail(object->report, errno, "ask what the program weighs");
	*weight = (struct weight){
		.emitted = (object->program_bytes + object->called_bytes) / sizeof(struct bpf_insn),
		.verified = info.verified_insns,
		.maps = info.nr_map_ids,
		.table_bytes = object->tables_bytes + object->machine_bytes,
		.jited_bytes = info.jited_prog_len,
		.expects = object->expect_count,
	};
	object_hash_text(hash.content, weight->hash);
	return 0;
}

static void print_text(const struct weight *weight, const char *name, bool verbose, FILE *out)
{
	text_print(out, name);
	fprintf(out, ": accepted by this kernel's verifier\n");
	fprintf(out, "  %zu instructions emitted, %" PRIu32 " verified", weight->emitted,
		weight->verified);
	if (weight->guarded)
		fprintf(out, " (%" PRIu32 " without CAP_PERFMON)", weight->guarded);
	else if (verbose)
		fprintf(out, " (refused without CAP_PERFMON)");
	fprintf(out, "\n");
	fprintf(out, "  %" PRIu32 " maps, %zu bytes of tables, %" PRIu32 " bytes of machine code\n",
		weight->maps, weight->table_bytes, weight->jited_bytes);
	if (verbose)
		fprintf(out, "  loads in about %" PRIu64 ".%" PRIu64 " ms of CPU time here\n",
			weight->load_us / 1000, weight->load_us % 1000 / 100);
	if (weight->expects)
		fprintf(out, "  %zu expect %s in the kernel\n", weight->expects,
			weight->expects == 1 ? "line holds" : "lines hold");
	fprintf(out, "  hash %.12s\n", weight->hash);
}

static int print_json(struct report *report, const struct weight *weight, const char *name,
		      FILE *out)
{
	json_t *root = json_pack(
		"{s:i, s:s, s:o, s:I, s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:s}", "version", 1,
		"result", "accepted", "name", json_text(name), "instructions_emitted",
		(json_int_t)weight->emitted, "instructions_verified", (json_int_t)weight->verified,
		"instructions_verified_without_perfmon",
		weight->guarded ? json_integer(weight->guarded) : json_null(), "maps",
		(json_int_t)weight->maps, "table_bytes", (json_int_t)weight->table_bytes,
		"machine_code_bytes", (json_int_t)weight->jited_bytes, "load_microseconds",
		(json_int_t)weight->load_us, "expects", (json_int_t)weight->expects, "hash",
		weight->hash);

	return document_print(report, root, out);
}

/* Loads the program once more as one from elsewhere is loaded, for what the verifier walks then. */
static int weigh_guarded(const struct object *object, const struct host *host,
			 const struct shared_maps *shared, struct weight *weight)
{
	const struct load_options options = {.guarded = true};
	struct weight guarded = {0};
	struct loaded loaded = LOADED_NONE;
	int err = load_object(object, host, shared, &options, &loaded);

	if (!err)
		err = weigh(object, &loaded, &guarded);
	weight->guarded = loaded.guarded ? guarded.verified : 0;
	loaded_close(&loaded);
	return err;
}

/* The CPU time, in microseconds, of the processes that this one has started and that have ended: loading has one of its
 * own. A busy machine does not make it longer. */
static int64_t processes_us(void)
{
	struct rusage usage = {0};

	getrusage(RUSAGE_CHILDREN, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64_C(1000000) +
	       usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static int load_and_weigh(const struct object *object, const struct runtime_options *options,
			  struct weight *weight)
{
	autoclose int sockets = sockets_create();
	const struct shared_maps shared = {sockets, -1};
	struct host host = {0};
	const struct load_options load_options = {.verbose = options->verbose};
	struct loaded loaded = LOADED_NONE;
	int64_t begin, taken;
	int err = 0;

	if (sockets < 0)
		err = caps_fail(options->report, sockets, caps_for_load, "make a socket map");
	if (!err)
		err = host_new(object, &host);
	if (err)
		return err;
	host_default_slots(object, &host);
	for (uint32_t i = 0; i < object->header.interface_count; i++)
		host.interfaces[i] = ABI_INTERFACE_UNKNOWN;
	begin = processes_us();
	err = load_object(object, &host, &shared, &load_options, &loaded);
	taken = processes_us() - begin;
	if (!err)
		err = weigh(object, &loaded, weight);
	weight->load_us = (uint64_t)taken;
	loaded_close(&loaded);
	if (!err && (options->verbose || options->json))
		err = weigh_guarded(object, &host, &shared, weight);
	host_free(&host);
	return err;
}

/* Looks up the interfaces in the namespace of the options, which must exist. */
static int check_interfaces(const struct object *object, const struct runtime_options *options)
{
	struct host host = {0};
	struct netns netns;
	int err;

	if (!object->header.interface_count)
		return 0;
	err = netns_open(options->report, options->netns, &netns);
	if (err)
		return err;
	err = host_new(object, &host);
	if (!err)
		err = host_find_interfaces(object, &netns, false, &host);
	host_free(&host);
	netns_close(&netns);
	return err;
}

int runtime_check(const struct object_image *image, const struct runtime_options *options,
		  FILE *out)
{
	struct weight weight = {0};
	struct object object;
	int err = object_read(options->report, image, &object);

	if (err)
		return err;
	err = load_and_weigh(&object, options, &weight);
	if (!err)
		err = check_interfaces(&object, options);
	if (!err)
		err = expect_run(&object, options);
	if (!err && options->json)
		err = print_json(options->report, &weight, image->name, out);
	else if (!err && !options->quiet)
		print_text(&weight, image->name, options->verbose, out);
	object_free(&object);
	return err;
}
