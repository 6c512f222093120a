/* The programs of lookups.bpf.c, and the packets as they take them. */
#include "batch.h"

#include "lookups.skel.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool batch_open(struct batch *batch)
{
	LIBBPF_OPTS(bpf_link_create_opts, options);
	int namespace = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	batch->bpf = lookups__open_and_load();
	if (namespace < 0 || !batch->bpf)
		return false;
	batch->link = bpf_link_create(bpf_program__fd(batch->bpf->progs.watch), namespace,
				      BPF_SK_LOOKUP, &options);
	close(namespace);
	return batch->link >= 0;
}

void batch_close(struct batch *batch)
{
	close(batch->link);
	lookups__destroy(batch->bpf);
}

static void put_address(__be32 *words, enum family family, u128 address)
{
	size_t count = family == FAMILY_IPV6 ? 4 : 1;

	for (; count-- > 0; address >>= 32)
		words[count] = htonl((uint32_t)address);
}

void batch_put(struct batch *batch, uint32_t number, const struct packet *packet)
{
	struct batch_packet *to = &batch->bpf->bss->packets[number];
	uint16_t remote = htons((uint16_t)packet->values[FIELD_SPORT]);
	uint16_t local = htons((uint16_t)packet->values[FIELD_DPORT]);

	memset(to, 0, sizeof(*to));
	to->is_ipv6 = packet->family == FAMILY_IPV6;
	to->is_udp = packet->protocol == PROTOCOL_UDP;
	if (to->is_ipv6) {
		put_address(to->tuple.ipv6.saddr, FAMILY_IPV6, packet->values[FIELD_SADDR]);
		put_address(to->tuple.ipv6.daddr, FAMILY_IPV6, packet->values[FIELD_DADDR]);
		to->tuple.ipv6.sport = remote;
		to->tuple.ipv6.dport = local;
	} else {
		put_address(&to->tuple.ipv4.saddr, FAMILY_IPV4, packet->values[FIELD_SADDR]);
		put_address(&to->tuple.ipv4.daddr, FAMILY_IPV4, packet->values[FIELD_DADDR]);
		to->tuple.ipv4.sport = remote;
		to->tuple.ipv4.dport = local;
	}
}

/* The program before is replaced and never taken out, for which the kernel would wait. */
bool batch_use(struct batch *batch, const struct program *program)
{
	int map = bpf_map__fd(batch->bpf->maps.program);

	return !bpf_map_update_elem(map, &(uint32_t){0}, &program->fd, BPF_ANY);
}

bool batch_run(struct batch *batch, uint32_t first, uint32_t count)
{
	unsigned char frame[64] = {0}; /* the kernel wants one */
	struct __sk_buff context = {.ifindex = BATCH_INTERFACE};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame),
		    .ctx_in = &context, .ctx_size_in = sizeof(context));
	uint32_t i;

	memset(&batch->bpf->bss->results[first], 0, count * sizeof(struct batch_result));
	batch->bpf->bss->first = first;
	batch->bpf->bss->count = count;
	if (bpf_prog_test_run_opts(bpf_program__fd(batch->bpf->progs.ask), &options))
		return false;
	for (i = first; i < first + count; i++)
		if (batch->bpf->bss->results[i].has_run != 1)
			return false;
	return true;
}

int batch_chosen(const struct batch *batch, uint32_t number)
{
	const struct batch_result *result = &batch->bpf->bss->results[number];

	if (result->has_run != 1)
		return RUN_FAILED;
	if (result->mark)
		return result->verdict == SK_PASS ? (int)result->mark - 1 : RUN_FAILED;
	return result->verdict == SK_PASS ? CHOSE_PASS : CHOSE_DROP;
}
