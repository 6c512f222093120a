/* Uses libbpf and what sklc-object(5) says of the object, and no code of the runtime. */
#include "kernel.h"

#include "compiler/decision/decision.h"
#include "compiler/layout/layout.h"
#include "compiler/object/object.h"
#include "compiler/policy/policy.h"
#include "runtime/abi.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CPUS_MAX = 1024, MACHINE_WORDS = 4096 };

static int open_sentinel(size_t flow_class)
{
	struct sockaddr_in6 address = {.sin6_family = AF_INET6};
	struct sockaddr_in address4 = {.sin_family = AF_INET};
	bool ipv6 = flow_class & 2, udp = flow_class & 1;
	int fd = socket(ipv6 ? AF_INET6 : AF_INET, udp ? SOCK_DGRAM : SOCK_STREAM, 0);
	int one = 1;

	if (fd < 0)
		return fd;
	if (ipv6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (ipv6 ? bind(fd, (void *)&address, sizeof(address))
		 : bind(fd, (void *)&address4, sizeof(address4)))
		return -1;
	if (!udp && listen(fd, 1))
		return -1;
	return fd;
}

bool kernel_sentinels_open(struct sentinels *sentinels, size_t label_count)
{
	size_t count = label_count * ABI_FLOW_CLASSES;
	socklen_t length = sizeof(uint64_t);
	size_t i;

	*sentinels = (struct sentinels){label_count, calloc(count, sizeof(int)),
					calloc(count, sizeof(uint64_t))};
	if (unshare(CLONE_NEWNET))
		return false;
	for (i = 0; i < count; i++) {
		sentinels->sockets[i] = open_sentinel(i % ABI_FLOW_CLASSES);
		if (sentinels->sockets[i] < 0)
			return false;
		getsockopt(sentinels->sockets[i], SOL_SOCKET, SO_COOKIE, &sentinels->cookies[i],
			   &length);
		if (setsockopt(sentinels->sockets[i], SOL_SOCKET, SO_MARK, &(int){(int)i + 1},
			       sizeof(int)))
			return false;
	}
	return true;
}

void kernel_sentinels_close(struct sentinels *sentinels)
{
	size_t i;

	for (i = 0; i < sentinels->label_count * ABI_FLOW_CLASSES; i++)
		close(sentinels->sockets[i]);
	free(sentinels->sockets);
	free(sentinels->cookies);
}

static int map_fd(struct bpf_object *object, const char *name)
{
	return bpf_object__find_map_fd_by_name(object, name);
}

/* Fills the kernel's LPM trie, which libbpf leaves empty. */
static void fill_prefixes(struct bpf_object *object, const struct layout_object *layout)
{
	int map = bpf_object__find_map_fd_by_name(object, ABI_PREFIXES);
	size_t i;

	for (i = 0; i < layout->prefix_count; i++)
		bpf_map_update_elem(map, &layout->prefixes[i].key, &layout->prefixes[i].value,
				    BPF_ANY);
}

bool program_load(struct program *program, const struct object *object, const struct compilation *c)
{
	const struct layout_object *layout = &c->layout->object;
	uint32_t slots = (uint32_t)layout->label_count * ABI_FLOW_CLASSES;
	struct bpf_prog_info info = {0};
	uint32_t info_size = sizeof(info);
	struct bpf_map *sockets;

	program->object = bpf_object__open_mem(object->bytes, object->size, NULL);
	if (!program->object)
		return false;
	sockets = bpf_object__find_map_by_name(program->object, ABI_SOCKETS);
	if (!sockets || bpf_map__set_max_entries(sockets, slots ? slots : 1) ||
	    bpf_object__load(program->object)) {
		bpf_object__close(program->object);
		return false;
	}
	fill_prefixes(program->object, layout);
	program->fd = bpf_program__fd(bpf_object__next_program(program->object, NULL));
	program->sockets = map_fd(program->object, ABI_SOCKETS);
	program->rule_counters = map_fd(program->object, ABI_RULE_COUNTERS);
	program->label_counters = map_fd(program->object, ABI_LABEL_COUNTERS);
	program->interfaces = map_fd(program->object, ABI_INTERFACES);
	program->near = map_fd(program->object, ABI_NEAR_INTERFACES);
	program->machine = map_fd(program->object, ABI_MACHINE);
	program->slot_words = slots;
	program->class_last = class_other(c->policy) - 1u;
	bpf_obj_get_info_by_fd(program->fd, &info, &info_size);
	program->verified_instructions = info.verified_insns;
	return true;
}

void program_close(struct program *program)
{
	bpf_object__close(program->object);
}

bool program_fill(struct program *program, const struct sentinels *sentinels, const bool *filled,
		  size_t label_count)
{
	uint32_t slot;

	for (slot = 0; slot < label_count * ABI_FLOW_CLASSES; slot++) {
		uint64_t fd = (uint64_t)sentinels->sockets[slot];

		if (!filled[slot])
			bpf_map_delete_elem(program->sockets, &slot);
		else if (bpf_map_update_elem(program->sockets, &slot, &fd, BPF_ANY))
			return false;
	}
	return true;
}

/* Writes a value where the context has its field. */
static void put_value(unsigned char *context, const struct field_info *field, enum family family,
		      u128 value)
{
	struct field_member member = field->members[family];
	uint32_t number = (uint32_t)value;
	unsigned i;

	if (field->order == ORDER_HOST) {
		memcpy(context + member.offset, &number, sizeof(number));
		return;
	}
	for (i = member.bits / 8; i-- > 0; value >>= 8)
		context[member.offset + i] = (unsigned char)value;
}

static struct bpf_sk_lookup context_of(const struct packet *packet)
{
	struct bpf_sk_lookup context = {0};
	enum field field;

	context.family = packet->family == FAMILY_IPV4 ? AF_INET : AF_INET6;
	context.protocol = packet->protocol == PROTOCOL_TCP ? IPPROTO_TCP : IPPROTO_UDP;
	for (field = 0; field < VALUE_FIELD_COUNT; field++)
		if (field_type(field) != TYPE_INTERFACE)
			put_value((unsigned char *)&context, field_info(field), packet->family,
				  packet->values[field]);
	return context;
}

static bool write_other_class(const struct program *program, uint32_t class)
{
	uint32_t words[MACHINE_WORDS], zero = 0;

	if (bpf_map_lookup_elem(program->machine, &zero, words))
		return false;
	words[program->slot_words] = class;
	return !bpf_map_update_elem(program->machine, &zero, words, BPF_ANY);
}

/* Gives an interface of this host a class. The near map has its class, or nothing or another interface there (WAY 0,
 * 1, 2); then a class of a record is in the map of interfaces, and any other is that of an interface which the map
 * does not have. */
bool program_set_class(const struct program *program, uint32_t interface, uint32_t class,
		       uint32_t way)
{
	uint32_t place = interface % ABI_NEAR;
	uint64_t near = way == 0   ? ABI_NEAR_ENTRY(interface, class)
			: way == 1 ? ABI_NEAR_ENTRY(interface + ABI_NEAR, 1)
				   : 0;

	if (program->interfaces < 0)
		return true;
	if (bpf_map_update_elem(program->near, &place, &near, BPF_ANY))
		return false;
	if (class >= ABI_CLASS_FIRST && class <= program->class_last)
		return !bpf_map_update_elem(program->interfaces, &interface, &class, BPF_ANY);
	bpf_map_delete_elem(program->interfaces, &interface);
	return write_other_class(program, class);
}

/* In a BPF_PROG_TEST_RUN a packet comes in by interface 0, which gets the packet's class. */
static bool set_class(const struct program *program, const struct packet *packet)
{
	return program_set_class(program, 0, (uint32_t)packet->values[FIELD_IIFNAME],
				 (uint32_t)packet->values[FIELD_SPORT] % 3);
}

int program_run(const struct program *program, const struct sentinels *sentinels,
		const struct packet *packet)
{
	struct bpf_sk_lookup context = context_of(packet), out = {0};
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &context, .ctx_size_in = sizeof(context),
		    .ctx_out = &out, .ctx_size_out = sizeof(out));
	size_t slot;

	if (!set_class(program, packet) || bpf_prog_test_run_opts(program->fd, &options))
		return RUN_FAILED;
	if (!out.cookie)
		return options.retval ? CHOSE_PASS : CHOSE_DROP;
	for (slot = 0; slot < sentinels->label_count * ABI_FLOW_CLASSES; slot++)
		if (sentinels->cookies[slot] == out.cookie)
			return options.retval ? (int)slot : RUN_FAILED;
	return RUN_FAILED;
}

uint64_t program_rule_counter(const struct program *program, uint32_t counter)
{
	uint64_t values[CPUS_MAX] = {0}, sum = 0;
	size_t i;

	if (bpf_map_lookup_elem(program->rule_counters, &counter, values))
		return UINT64_MAX;
	for (i = 0; i < CPUS_MAX; i++)
		sum += values[i];
	return sum;
}

bool program_label_counter(const struct program *program, uint32_t slot, uint64_t *hits,
			   uint64_t *misses)
{
	struct abi_label_count values[CPUS_MAX] = {{0}};
	size_t i;

	if (bpf_map_lookup_elem(program->label_counters, &slot, values))
		return false;
	for (i = *hits = *misses = 0; i < CPUS_MAX; i++) {
		*hits += values[i].hits;
		*misses += values[i].misses;
	}
	return true;
}
