/* The object file: what libbpf sees in it, what the runtime reads, and whether the kernel accepts
 * it. */
#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/bytecode/bytecode.h"
#include "compiler/layout/layout.h"
#include "compiler/object/object.h"
#include "compiler/pipeline.h"
#include "compiler/policy/policy.h"
#include "runtime/abi.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <gelf.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

enum { STEERED_PORT = 8080, TABLE_OFFSET = 64, TABLE_BYTES = 100, LARGE_TABLE = 1 << 20 };

static const char rules_text[] = "define p = 8080\n"
				 "\ttcp daddr 127.0.0.1 dport $p counter redirect to web\n"
				 "udp dport 53 drop\n"
				 "expect tcp 192.0.2.7:8080 redirect to web\n";

struct fixture {
	struct arena *arena;
	struct sources *sources;
	struct diag *diag;
	struct policy policy;
	struct layout layout;
	unsigned char *tables;
	struct span rule;
};

/* The span at which WORDS first occur in the rules. */
static struct span span_of(const struct fixture *f, const char *words)
{
	uint32_t first = f->sources->files[0]->base +
			 (uint32_t)(strstr(rules_text, words) - rules_text);

	return (struct span){first, first + (uint32_t)strlen(words)};
}

static void make_rules(struct fixture *f)
{
	struct rule *rules = arena_alloc(f->arena, 2, sizeof(*rules));
	struct chain *chain = arena_alloc(f->arena, 1, sizeof(*chain));
	struct verdict redirect = {VERDICT_REDIRECT, 0, FALLBACK_DROP, false};
	struct verdict drop = {VERDICT_DROP, NO_INDEX, FALLBACK_DROP, false};

	f->rule = span_of(f, "tcp daddr 127.0.0.1 dport $p counter redirect to web");
	rules[0] = (struct rule){
		.span = f->rule,
		.match = {.families = 3, .protocols = 1},
		.verdict = redirect,
	};
	rules[1] = (struct rule){
		.span = span_of(f, "udp dport 53 drop"),
		.match = {.families = 3, .protocols = 2},
		.verdict = drop,
		.counter = NO_INDEX,
	};
	*chain = (struct chain){.rules = rules, .count = 2};
	f->policy.chains = chain;
	f->policy.chain_count = 1;
	f->policy.counters = arena_alloc(f->arena, 1, sizeof(*f->policy.counters));
	f->policy.counters[0] = &rules[0];
	f->policy.counter_count = 1;
}

static void make_names(struct fixture *f)
{
	static struct label label = {"web", {0, 0}};
	static struct interface interface = {.text = "eth1", .name = "eth1", .required = true};
	static const char *const definitions[] = {"p=8080"};
	struct expect *expect = arena_alloc(f->arena, 1, sizeof(*expect));

	*expect = (struct expect){
		.span = span_of(f, "expect tcp 192.0.2.7:8080 redirect to web"),
		.packet = {FAMILY_IPV4, PROTOCOL_TCP, {0xc0000207, 8080}},
		.verdict = {VERDICT_REDIRECT, 0, FALLBACK_DROP, false},
	};
	f->policy.expects = expect;
	f->policy.expect_count = 1;
	f->policy.labels = &label;
	f->policy.label_count = 1;
	f->policy.interfaces = &interface;
	f->policy.interface_count = 1;
	f->policy.definitions = definitions;
	f->policy.definition_count = 1;
}

static int setup(void **state)
{
	static const uint8_t flow_classes[] = {1 << ABI_FLOW_CLASS(0, 0)};
	static const uint32_t port = STEERED_PORT;
	struct arena *arena = arena_new();
	struct fixture *f = arena_alloc(arena, 1, sizeof(*f));

	f->arena = arena;
	f->sources = sources_new(arena);
	f->diag = diag_new(arena, f->sources);
	source_add(f->sources, "web.conf", rules_text, sizeof(rules_text) - 1, (struct span){0, 0});
	f->policy.sources = f->sources;
	f->policy.end = VERDICT_DROP;
	make_rules(f);
	make_names(f);
	f->tables = arena_alloc(arena, LARGE_TABLE, 1);
	memcpy(f->tables + TABLE_OFFSET, &port, sizeof(port));
	f->layout.object = (struct layout_object){
		.tables = f->tables,
		.table_bytes = TABLE_BYTES,
		.label_count = 1,
		.asks_interface = true,
		.counter_count = 1,
		.label_flow_classes = flow_classes,
	};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	arena_free(f->arena);
	return 0;
}

/* R0 = map_lookup_elem(MAP, R10 - 4), which has the key. */
static void emit_lookup(struct bytecode *code, enum bytecode_symbol map)
{
	bytecode_map(code, R1, map);
	bytecode_alu(code, BPF_MOV, R2, R10);
	bytecode_alu_imm(code, BPF_ADD, R2, -4);
	bytecode_call(code, BPF_FUNC_map_lookup_elem);
}

static void emit_assign(struct bytecode *code)
{
	bytecode_alu(code, BPF_MOV, R7, R0);
	bytecode_alu(code, BPF_MOV, R1, R6);
	bytecode_alu(code, BPF_MOV, R2, R7);
	bytecode_alu_imm(code, BPF_MOV, R3, 0);
	bytecode_call(code, BPF_FUNC_sk_assign);
	bytecode_alu(code, BPF_MOV, R1, R7);
	bytecode_call(code, BPF_FUNC_sk_release);
}

static void emit_end(struct bytecode *code, struct basic_block block, int verdict)
{
	bytecode_begin_block(code, block);
	bytecode_alu_imm(code, BPF_MOV, R0, verdict);
	bytecode_exit(code);
}

/* A program that redirects packets to the port in the tables to the slot in the first word of
 * .bss, and counts them. */
static struct bytecode *steering_program(struct fixture *f)
{
	struct bytecode *code = bytecode_new(f->arena);
	struct basic_block pass = bytecode_new_block(code), drop = bytecode_new_block(code);

	bytecode_alu(code, BPF_MOV, R6, R1);
	bytecode_load(code, BPF_W, R1, R6, offsetof(struct bpf_sk_lookup, local_port));
	bytecode_data(code, R2, SYMBOL_TABLES, TABLE_OFFSET);
	bytecode_load(code, BPF_W, R3, R2, 0);
	bytecode_jump32_if_reg(code, BPF_JNE, R1, R3, pass);
	bytecode_origin(code, f->rule);
	bytecode_alu32_imm(code, BPF_MOV, R1, 0);
	bytecode_store(code, BPF_W, R10, -4, R1);
	emit_lookup(code, SYMBOL_RULE_COUNTERS);
	bytecode_jump_if(code, BPF_JEQ, R0, 0, drop);
	bytecode_load(code, BPF_DW, R1, R0, 0);
	bytecode_alu_imm(code, BPF_ADD, R1, 1);
	bytecode_store(code, BPF_DW, R0, 0, R1);
	bytecode_data(code, R1, SYMBOL_HOST, 0);
	bytecode_load(code, BPF_W, R1, R1, 0);
	bytecode_store(code, BPF_W, R10, -4, R1);
	emit_lookup(code, SYMBOL_SOCKETS);
	bytecode_jump_if(code, BPF_JEQ, R0, 0, drop);
	emit_assign(code);
	emit_end(code, pass, SK_PASS);
	emit_end(code, drop, SK_DROP);
	assert_null(bytecode_finish(code));
	return code;
}

static struct object *make(struct fixture *f)
{
	struct object *object = bytecode_to_elf(f->arena, steering_program(f), &f->layout,
						&f->policy, f->diag);

	assert_non_null(object);
	return object;
}

static struct bpf_object *open_object(const struct object *object)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "rules");
	struct bpf_object *opened = bpf_object__open_mem(object->bytes, object->size, &options);

	assert_false(libbpf_get_error(opened));
	return opened;
}

/* The bytes of a section; NULL if there is no such section. */
static const void *section(const struct object *object, const char *name, size_t *size)
{
	Elf *elf = elf_memory((char *)object->bytes, object->size);
	const void *bytes = NULL;
	Elf_Scn *scn = NULL;
	GElf_Shdr header;
	size_t names;

	assert_non_null(elf);
	assert_int_equal(elf_getshdrstrndx(elf, &names), 0);
	while ((scn = elf_nextscn(elf, scn))) {
		gelf_getshdr(scn, &header);
		if (strcmp(elf_strptr(elf, names, header.sh_name), name))
			continue;
		bytes = object->bytes + header.sh_offset;
		*size = header.sh_size;
	}
	elf_end(elf);
	return bytes;
}

static void the_same_input_gives_the_same_bytes(void **state)
{
	struct object *a = make(*state), *b = make(*state);

	assert_int_equal(a->size, b->size);
	assert_memory_equal(a->bytes, b->bytes, a->size);
}

static void expect_map(struct bpf_object *object, const char *name, enum bpf_map_type type,
		       uint32_t value_size, uint32_t entries)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, name);

	assert_non_null(map);
	assert_int_equal(bpf_map__type(map), type);
	assert_int_equal(bpf_map__key_size(map), 4);
	assert_int_equal(bpf_map__value_size(map), value_size);
	assert_int_equal(bpf_map__max_entries(map), entries);
}

static void libbpf_sees_the_maps_and_the_program(void **state)
{
	struct bpf_object *object = open_object(make(*state));
	struct bpf_program *program = bpf_object__find_program_by_name(object, ABI_PROGRAM_NAME);

	expect_map(object, ABI_SOCKETS, BPF_MAP_TYPE_SOCKMAP, 8, ABI_SLOT_CAPACITY);
	expect_map(object, ABI_RULE_COUNTERS, BPF_MAP_TYPE_PERCPU_ARRAY, 8, 1);
	expect_map(object, ABI_LABEL_COUNTERS, BPF_MAP_TYPE_PERCPU_ARRAY, 16, ABI_FLOW_CLASSES);
	expect_map(object, ABI_TABLES, BPF_MAP_TYPE_ARRAY, TABLE_BYTES, 1);
	expect_map(object, ABI_MACHINE, BPF_MAP_TYPE_ARRAY, 20, 1);
	assert_non_null(program);
	assert_int_equal(bpf_program__type(program), BPF_PROG_TYPE_SK_LOOKUP);
	bpf_object__close(object);
}

static void the_words_of_the_host_have_usable_defaults(void **state)
{
	static const uint32_t expected[ABI_FLOW_CLASSES + 1] = {0};
	struct bpf_object *object = open_object(make(*state));
	struct bpf_map *map = bpf_object__find_map_by_name(object, ABI_MACHINE);
	size_t size = 0;

	assert_memory_equal(bpf_map__initial_value(map, &size), expected, sizeof(expected));
	assert_int_equal(size, sizeof(expected));
	bpf_object__close(object);
}

static void maps_that_nothing_uses_are_left_out(void **state)
{
	struct fixture *f = *state;
	struct bytecode *code = bytecode_new(f->arena);
	struct bpf_object *opened;
	struct object *object;

	f->layout.object = (struct layout_object){0};
	f->policy = (struct policy){.sources = f->sources, .end = VERDICT_PASS};
	bytecode_alu_imm(code, BPF_MOV, R0, SK_PASS);
	bytecode_exit(code);
	assert_null(bytecode_finish(code));
	object = bytecode_to_elf(f->arena, code, &f->layout, &f->policy, f->diag);
	assert_non_null(object);
	opened = open_object(object);
	expect_map(opened, ABI_MACHINE, BPF_MAP_TYPE_ARRAY, 4, 1);
	assert_null(bpf_object__find_map_by_name(opened, ABI_RULE_COUNTERS));
	assert_null(bpf_object__find_map_by_name(opened, ABI_LABEL_COUNTERS));
	assert_null(bpf_object__find_map_by_name(opened, ABI_TABLES));
	bpf_object__close(opened);
}

static void a_reference_to_a_missing_map_is_an_error(void **state)
{
	struct fixture *f = *state;

	f->layout.object.counter_count = 0;
	assert_null(
		bytecode_to_elf(f->arena, steering_program(f), &f->layout, &f->policy, f->diag));
	assert_int_equal(diag_error_count(f->diag), 1);
}

static void a_large_table_is_stored_unchanged_and_aligned(void **state)
{
	struct fixture *f = *state;
	struct object *object;
	const void *tables;
	size_t size = 0, i;

	for (i = TABLE_BYTES; i < LARGE_TABLE; i++)
		f->tables[i] = (unsigned char)(i * 7 / 3);
	f->layout.object.table_bytes = LARGE_TABLE;
	object = make(f);
	tables = section(object, ABI_TABLES, &size);
	assert_int_equal(size, LARGE_TABLE);
	assert_memory_equal(tables, f->tables, size);
	assert_int_equal(((const unsigned char *)tables - object->bytes) % 64, 0);
	bpf_object__close(open_object(object));
}

static void the_records_say_what_the_rules_say(void **state)
{
	struct object *object = make(*state);
	size_t size = 0;
	const char *strings = section(object, ABI_STRINGS_SECTION, &size);
	const struct abi_header *header = section(object, ABI_HEADER_SECTION, &size);
	const struct abi_label *labels = section(object, ABI_LABELS_SECTION, &size);
	const struct abi_rule *rules = section(object, ABI_RULES_SECTION, &size);
	const struct abi_interface *interfaces;
	const struct abi_expect *expects = section(object, ABI_EXPECTS_SECTION, &size);
	const uint32_t *definitions = section(object, ABI_DEFINITIONS_SECTION, &size);
	const struct abi_text *texts = section(object, ABI_TEXTS_SECTION, &size);

	interfaces = section(object, ABI_INTERFACES_SECTION, &size);
	assert_int_equal(header->magic, ABI_MAGIC);
	assert_int_equal(header->policy, ABI_DROP);
	assert_int_equal(header->counter_count, 1);
	assert_int_equal(header->text_bytes, sizeof(rules_text) - 1);
	assert_string_equal(strings + labels[0].name, "web");
	assert_int_equal(labels[0].flow_classes, 1);
	assert_string_equal(strings + rules[0].text,
			    "tcp daddr 127.0.0.1 dport $p counter redirect to web");
	assert_int_equal(rules[0].line, 2);
	assert_int_equal(rules[0].column, 2);
	assert_int_equal(rules[0].counter, 0);
	assert_int_equal(rules[0].chain, ABI_NO_STRING);
	assert_int_equal(rules[1].line, 3);
	assert_int_equal(rules[1].counter, ABI_NO_COUNTER);
	assert_string_equal(strings + interfaces[0].name, "eth1");
	assert_string_equal(strings + expects[0].text, "expect tcp 192.0.2.7:8080 redirect to web");
	assert_memory_equal(expects[0].local_address, "\xc0\x00\x02\x07\x00", 5);
	assert_int_equal(expects[0].local_port, 8080);
	assert_int_equal(expects[0].verdict, ABI_REDIRECT);
	assert_string_equal(strings + definitions[0], "p=8080");
	assert_string_equal(strings + texts[0].name, "web.conf");
}

static void the_text_is_stored_compressed(void **state)
{
	struct object *object = make(*state);
	char text[sizeof(rules_text)];
	uLongf length = sizeof(text);
	size_t size = 0;
	const void *packed = section(object, ABI_TEXT_SECTION, &size);

	assert_int_equal(uncompress((Bytef *)text, &length, packed, size), Z_OK);
	assert_int_equal(length, sizeof(rules_text) - 1);
	assert_memory_equal(text, rules_text, length);
}

/* The tests below run in a child process in namespaces of its own. It exits with 0 if they pass,
 * else with the number of the check that failed. */

static int listen_on(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 4))
		return -1;
	return fd;
}

static int connect_to(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return connect(fd, (struct sockaddr *)&address, sizeof(address));
}

/* Makes a network namespace with a loopback interface that is up, and mounts a private bpffs at
 * PATH. */
static int enter_namespaces(const char *path)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd;

	if (unshare(CLONE_NEWNET | CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("bpf", path, "bpf", 0, NULL))
		return -1;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	return ioctl(fd, SIOCSIFFLAGS, &request);
}

static int fill_slot(int sockets, uint32_t slot, int fd)
{
	uint64_t value = (uint64_t)fd;

	return bpf_map_update_elem(sockets, &slot, &value, BPF_ANY);
}

/* Whether the sum over all CPUs of the first counter is EXPECTED. */
static int check_counter(int counters, uint64_t expected)
{
	uint64_t values[1024] = {0}, sum = 0;
	uint32_t key = 0;
	int i;

	if (libbpf_num_possible_cpus() > 1024 || bpf_map_lookup_elem(counters, &key, values))
		return -1;
	for (i = 0; i < libbpf_num_possible_cpus(); i++)
		sum += values[i];
	return sum == expected ? 0 : -1;
}

/* Connects to a port on which nobody listens; the listener on another port must get the connection.
 * Returns 0 or the number of the check that failed. */
static int steer(int program, int sockets, int counters)
{
	int netns = open("/proc/self/ns/net", O_RDONLY);
	int link = bpf_link_create(program, netns, BPF_SK_LOOKUP, NULL);
	int listener = listen_on(4000);

	if (link < 0 || listener < 0)
		return 20;
	if (!connect_to(STEERED_PORT))
		return 21; /* the slot was empty, so the connection had to be refused */
	if (fill_slot(sockets, 0, listener))
		return 22;
	if (connect_to(STEERED_PORT) || accept(listener, NULL, NULL) < 0)
		return 23;
	if (!connect_to(STEERED_PORT + 1))
		return 24;
	return check_counter(counters, 2) ? 25 : 0;
}

static int steer_by_libbpf(const struct object *object)
{
	struct bpf_object *opened = open_object(object);

	if (bpf_object__load(opened))
		return 10;
	return steer(bpf_program__fd(bpf_object__find_program_by_name(opened, ABI_PROGRAM_NAME)),
		     bpf_object__find_map_fd_by_name(opened, ABI_SOCKETS),
		     bpf_object__find_map_fd_by_name(opened, ABI_RULE_COUNTERS));
}

/* bpftool's listing of the loaded program must show the rule. */
static int check_listing(const char *folder)
{
	char command[256], line[512];
	bool rule = false, shared = false;
	FILE *out;

	snprintf(command, sizeof(command), "bpftool prog dump xlated pinned %s/p/%s linum", folder,
		 ABI_PROGRAM_NAME);
	out = popen(command, "r");
	while (out && fgets(line, sizeof(line), out)) {
		rule |= strstr(line, "; tcp daddr 127.0.0.1 dport $p counter redirect to web") &&
			strstr(line, "web.conf line_num:2 line_col:2");
		shared |= !!strstr(line, "sklc: shared look-up");
	}
	return out && !pclose(out) && rule && shared ? 0 : -1;
}

static int steer_by_bpftool(const struct object *object, const char *folder)
{
	char path[128], command[512];
	int fd, program, sockets, counters;

	snprintf(path, sizeof(path), "%s.o", folder);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || write(fd, object->bytes, object->size) != (ssize_t)object->size)
		return 30;
	snprintf(command, sizeof(command),
		 "bpftool prog loadall %s %s/p pinmaps %s/m >%s.out 2>&1 && test ! -s %s.out", path,
		 folder, folder, folder, folder);
	if (system(command))
		return 31;
	snprintf(path, sizeof(path), "%s/p/%s", folder, ABI_PROGRAM_NAME);
	program = bpf_obj_get(path);
	snprintf(path, sizeof(path), "%s/m/%s", folder, ABI_SOCKETS);
	sockets = bpf_obj_get(path);
	snprintf(path, sizeof(path), "%s/m/%s", folder, ABI_RULE_COUNTERS);
	counters = bpf_obj_get(path);
	if (program < 0 || sockets < 0 || counters < 0)
		return 32;
	if (check_listing(folder))
		return 33;
	return steer(program, sockets, counters);
}

/* Fails unless the object redirects connections once it is loaded. */
static void in_namespaces(const struct object *object, bool by_bpftool)
{
	char folder[] = "/tmp/sklc-test-XXXXXX", file[64];
	int status = 0;
	pid_t child;

	assert_non_null(mkdtemp(folder));
	setenv("PATH", "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin", 1);
	child = fork();
	if (!child) {
		if (enter_namespaces(folder))
			_exit(1);
		_exit(by_bpftool ? steer_by_bpftool(object, folder) : steer_by_libbpf(object));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	rmdir(folder);
	snprintf(file, sizeof(file), "%s.o", folder);
	unlink(file);
	snprintf(file, sizeof(file), "%s.out", folder);
	unlink(file);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void the_object_steers_by_libbpf_alone(void **state)
{
	if (geteuid())
		skip();
	in_namespaces(make(*state), false);
}

static void the_object_steers_by_bpftool_in_silence(void **state)
{
	if (geteuid() || system("command -v bpftool >/dev/null"))
		skip();
	in_namespaces(make(*state), true);
}

static void an_object_with_a_large_table_steers(void **state)
{
	struct fixture *f = *state;

	if (geteuid())
		skip();
	f->layout.object.table_bytes = LARGE_TABLE;
	in_namespaces(make(f), false);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_same_input_gives_the_same_bytes),
		TEST(libbpf_sees_the_maps_and_the_program),
		TEST(the_words_of_the_host_have_usable_defaults),
		TEST(maps_that_nothing_uses_are_left_out),
		TEST(a_reference_to_a_missing_map_is_an_error),
		TEST(a_large_table_is_stored_unchanged_and_aligned),
		TEST(the_records_say_what_the_rules_say),
		TEST(the_text_is_stored_compressed),
		TEST(the_object_steers_by_libbpf_alone),
		TEST(the_object_steers_by_bpftool_in_silence),
		TEST(an_object_with_a_large_table_steers),
	};

	elf_version(EV_CURRENT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
