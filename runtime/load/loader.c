/* Loads an object with libbpf: opens it in memory, checks that it has only what sklc puts into
 * objects, writes the host's words, and loads it. */
#include "loader.h"

#include "load.h"
#include "refusal.h"

#include "runtime/base/fail.h"
#include "runtime/kernel/caps.h"
#include "runtime/object/allowed.h"
#include "runtime/object/object.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { OUTPUT_MAX = 1 << 15, TRY_UNGUARDED = 1 };

/* The map's name in the object: libbpf prefixes the names of the older data sections
 * with the object's name. */
static const char *map_name(const struct bpf_map *map)
{
	const char *name = bpf_map__name(map), *dot = strchr(name, '.');

	return dot ? dot : name;
}

/* libbpf lets data be mapped into a process where the kernel can do that. */
static bool is_as_allowed(const struct bpf_map *map, const struct allowed_map *allowed)
{
	uint32_t flags = bpf_map__map_flags(map) & ~(uint32_t)BPF_F_MMAPABLE;

	return allowed->entries == bpf_map__max_entries(map) &&
	       allowed->type == (uint32_t)bpf_map__type(map) &&
	       allowed->key_bytes == bpf_map__key_size(map) &&
	       allowed->value_bytes == bpf_map__value_size(map) && allowed->flags == flags &&
	       !bpf_map__map_extra(map) && !bpf_map__numa_node(map) && !bpf_map__ifindex(map) &&
	       !bpf_map__pin_path(map);
}

static const struct allowed_map *find_allowed(const struct allowed_map *allowed, const char *name)
{
	for (size_t i = 0; i < ALLOWED_MAPS; i++)
		if (strcmp(allowed[i].name, name) == 0)
			return &allowed[i];
	return NULL;
}

/* Refuses maps that the object must not have by its header, or that have another size, and a map
 * that is missing. */
static int check_maps(const struct object *object, const struct bpf_object *opened)
{
	struct allowed_map allowed[ALLOWED_MAPS];
	size_t expected = 0, found = 0;
	const struct bpf_map *map;

	allowed_maps(object, allowed);
	for (size_t i = 0; i < ALLOWED_MAPS; i++)
		expected += allowed[i].entries > 0;
	bpf_object__for_each_map(map, opened)
	{
		const struct allowed_map *one = find_allowed(allowed, map_name(map));

		if (!one || !is_as_allowed(map, one))
			return refuse(object->report, EINVAL,
				      "object '%s': the map '%s' is not the one that sklc makes "
				      "for its rules",
				      object->image->name, bpf_map__name(map));
		found++;
	}
	return found == expected
		       ? 0
		       : refuse(object->report, EINVAL, "object '%s' has %zu maps, expected %zu",
				object->image->name, found, expected);
}

static int check_types(const struct object *object, const struct bpf_object *opened)
{
	const struct btf *types = bpf_object__btf(opened);
	uint32_t count = types ? btf__type_cnt(types) : 0;

	for (uint32_t i = 1; i < count; i++) {
		const struct btf_type *type = btf__type_by_id(types, i);
		const char *name = btf__name_by_offset(types, type->name_off);

		if (!name || !allowed_type(btf_kind(type), name))
			return refuse(object->report, EINVAL,
				      "object '%s': its type %u%s%s is not one that sklc makes",
				      object->image->name, i, name && *name ? ", " : "",
				      name ? name : "");
	}
	return 0;
}

static struct bpf_program *only_program(const struct object *object, struct bpf_object *opened)
{
	struct bpf_program *program = bpf_object__next_program(opened, NULL);

	if (program && !bpf_object__next_program(opened, program) &&
	    bpf_program__type(program) == BPF_PROG_TYPE_SK_LOOKUP &&
	    bpf_program__expected_attach_type(program) == BPF_SK_LOOKUP &&
	    !bpf_program__flags(program) &&
	    strcmp(bpf_program__name(program), ABI_PROGRAM_NAME) == 0)
		return program;
	refuse(object->report, EINVAL,
	       "object '%s': expected exactly one program, '%s', of the section '%s'",
	       object->image->name, ABI_PROGRAM_NAME, ABI_PROGRAM_SECTION);
	return NULL;
}

/* Makes slot words what the program of an object of today reads. */
static void make_host_words(uint32_t *words, size_t slots)
{
	for (size_t i = 0; i < slots; i++)
		words[i] = ABI_HOST_WORD(words[i], i);
}

static int set_host(const struct object *object, struct bpf_object *opened, const struct host *host)
{
	struct bpf_map *map = bpf_object__find_map_by_name(opened, object_machine(object));
	size_t slot_bytes = object->header.label_count * sizeof(*host->slots);
	size_t interface_bytes = object_has_classes(object) ? 0
							    : object->header.interface_count *
								      sizeof(*host->interfaces);
	autofree char *words = NULL; /* aligned for words, as all that malloc gives */
	const void *initial = NULL;
	size_t size = 0;

	if (map)
		initial = bpf_map__initial_value(map, &size);
	if (!initial || size < slot_bytes + interface_bytes)
		return refuse(object->report, EINVAL, "object '%s': the section '%s' is too small",
			      object->image->name, object_machine(object));
	words = malloc(size);
	if (!words)
		return fail(object->report, ENOMEM, "load '%s'", object->image->name);
	memcpy(words, initial, size);
	memcpy(words, host->slots, slot_bytes);
	memcpy(words + slot_bytes, host->interfaces, interface_bytes);
	if (object->header.version > 3)
		make_host_words((uint32_t *)words, slot_bytes / sizeof(uint32_t));
	if (bpf_map__set_initial_value(map, words, size))
		return fail(object->report, errno, "write the slots of '%s'", object->image->name);
	return 0;
}

static int use_map(const struct object *object, struct bpf_object *opened, const char *name, int fd)
{
	struct bpf_map *map = bpf_object__find_map_by_name(opened, name);
	int err = map && fd >= 0 ? bpf_map__reuse_fd(map, fd) : 0;

	return err ? fail(object->report, err, "give '%s' the map '%s'", object->image->name, name)
		   : 0;
}

/* Prints libbpf's messages. libbpf passes no argument to this function, so it writes to standard
 * error, which keep_output redirects. */
static int print_all(enum libbpf_print_level level, const char *format, va_list arguments)
{
	return level <= LIBBPF_INFO ? vfprintf(stderr, format, arguments) : 0;
}

/* Makes libbpf's messages go to a file in memory, whose descriptor it returns. */
static int keep_output(void)
{
	int output = memfd_create("libbpf", MFD_CLOEXEC);

	libbpf_set_print(output >= 0 && dup2(output, STDERR_FILENO) >= 0 ? print_all : NULL);
	return output;
}

static void report_output(const struct object *object, int output)
{
	char kept[OUTPUT_MAX + 1];
	ssize_t size = pread(output, kept, OUTPUT_MAX, 0);

	if (size <= 0)
		return;
	kept[size] = '\0';
	object->report->take(object->report, &(struct message){.severity = SEVERITY_NOTE,
							       .text = "what libbpf says of it:",
							       .details = kept});
}

/* libbpf loads without a log first, and with one only if that fails. So a program that the verifier
 * accepts is never refused because the log does not fit into the buffer. */
static int load_program(const struct object *object, struct bpf_object *opened,
			struct bpf_program *program, const struct load_options *options)
{
	autofree char *log = calloc(1, LOADER_LOG_BYTES);
	int err;

	if (!log)
		return fail(object->report, ENOMEM, "load '%s'", object->image->name);
	bpf_program__set_log_buf(program, log, LOADER_LOG_BYTES);
	err = bpf_object__load(opened);
	bpf_program__set_log_buf(program, NULL, 0);
	if (err && options->guarded && refusal_by_guards(err, log))
		return TRY_UNGUARDED;
	return err ? refusal_report(object, bpf_object__btf(opened), err, log, options->verbose)
		   : 0;
}

/* Puts the prefixes of the object into the trie, which libbpf does not do. */
static int fill_prefixes(const struct object *object, const struct bpf_object *opened)
{
	const struct bpf_map *map = bpf_object__find_map_by_name(opened, ABI_PREFIXES);

	for (size_t i = 0; map && i < object->prefix_count; i++) {
		const struct abi_prefix *prefix = &object->prefixes[i];

		if (bpf_map_update_elem(bpf_map__fd(map), &prefix->key, &prefix->value, BPF_ANY))
			return fail(object->report, errno,
				    "put %zu prefixes of '%s' into their map", object->prefix_count,
				    object->image->name);
	}
	return 0;
}

static int map_fd(const struct bpf_object *opened, const char *name)
{
	const struct bpf_map *map = bpf_object__find_map_by_name(opened, name);

	return map ? bpf_map__fd(map) : -1;
}

static void take_maps(const struct object *object, const struct bpf_object *opened,
		      struct loaded *loaded)
{
	loaded->rule_counters = map_fd(opened, ABI_RULE_COUNTERS);
	loaded->label_counters = map_fd(opened, ABI_LABEL_COUNTERS);
	loaded->machine = map_fd(opened, object_machine(object));
	loaded->tables = map_fd(opened, object_tables(object));
	loaded->interfaces = map_fd(opened, ABI_INTERFACES);
	loaded->near = map_fd(opened, ABI_NEAR_INTERFACES);
}

/* TRY_UNGUARDED without a message if the guards are what the verifier refuses. */
static int load(const struct object *object, const struct host *host,
		const struct shared_maps *shared, const struct load_options *load_options,
		struct loaded *loaded)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "sklc");
	struct bpf_program *program;
	struct bpf_object *opened;
	int err;

	opened = bpf_object__open_mem(object->image->bytes, object->image->size, &options);
	if (!opened)
		return fail(object->report, errno, "open object '%s'", object->image->name);
	program = only_program(object, opened);
	err = program ? check_types(object, opened) : -EINVAL;
	if (!err)
		err = check_maps(object, opened);
	if (!err)
		err = set_host(object, opened, host);
	if (!err)
		err = use_map(object, opened, ABI_SOCKETS, shared->sockets);
	if (!err)
		err = use_map(object, opened, ABI_SPARE_MARKS, shared->spare_marks);
	if (!err)
		err = load_program(object, opened, program, load_options);
	if (!err)
		err = fill_prefixes(object, opened);
	if (err == TRY_UNGUARDED)
		bpf_object__close(opened);
	if (err)
		return err;
	loaded->guarded = load_options->guarded;
	loaded->program = bpf_program__fd(program);
	take_maps(object, opened, loaded);
	return 0;
}

/* Lays CAP_PERFMON down for the first attempt. Some machines' kernels or settings may have none to
 * lay down; that is no guarded load then. */
static int load_as_guarded_as_fits(const struct object *object, const struct host *host,
				   const struct shared_maps *shared,
				   const struct load_options *options, struct loaded *loaded)
{
	struct load_options unguarded = *options;
	int err;

	unguarded.guarded = false;
	if (!options->guarded)
		return load(object, host, shared, &unguarded, loaded);
	err = caps_lay_down_tracing(object->report);
	if (!err)
		err = load(object, host, shared, options, loaded);
	if (err != TRY_UNGUARDED)
		return err;
	err = caps_take_up_tracing(object->report);
	return err ? err : load(object, host, shared, &unguarded, loaded);
}

int loader_run(const struct object *object, const struct host *host,
	       const struct shared_maps *shared, const struct load_options *options,
	       struct loaded *loaded)
{
	int output = -1, err;

	libbpf_set_print(NULL);
	if (options->verbose)
		output = keep_output();
	err = load_as_guarded_as_fits(object, host, shared, options, loaded);
	if (output >= 0)
		report_output(object, output);
	return err;
}
