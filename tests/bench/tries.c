/* Fills the tries by batches, which is the fastest way. */
#include "tries.h"

#include "clock.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 4096, KEY_BITS = 32 /* before the address */, STACK = -40 };

struct trie_key {
	uint32_t bits;
	uint8_t protocol, zero;
	uint16_t port; /* network order; 0: any port */
	uint32_t address[4];
};

struct trie_value {
	uint32_t label; /* index plus one */
	uint32_t bits;
};

#define PACKET(field) ((int)offsetof(struct bpf_sk_lookup, field))
#define KEY(field)    (STACK + (int)offsetof(struct trie_key, field))

static size_t key_bytes(enum family family)
{
	return offsetof(struct trie_key, address) + address_bits(family) / 8;
}

static void put_key(enum family family, const struct binding *binding, unsigned char *bytes)
{
	struct trie_key key = {KEY_BITS + binding->bits, IPPROTO_TCP, 0, htons(binding->port), {0}};
	unsigned bits = address_bits(family);
	size_t i;

	for (i = 0; i < bits / 32; i++)
		key.address[i] = htonl((uint32_t)(binding->address >> (bits - 32 * (i + 1))));
	memcpy(bytes, &key, key_bytes(family));
}

static bool fill(int map, const struct bindings *bindings)
{
	size_t size = key_bytes(bindings->family);
	unsigned char *keys = malloc(BATCH * size);
	struct trie_value *values = malloc(BATCH * sizeof(*values));
	size_t done, i;
	uint32_t count;
	bool good = keys && values;

	for (done = 0; good && done < bindings->count; done += count) {
		count = bindings->count - done < BATCH ? (uint32_t)(bindings->count - done) : BATCH;
		for (i = 0; i < count; i++) {
			const struct binding *binding = &bindings->items[done + i];

			put_key(bindings->family, binding, keys + i * size);
			values[i] = (struct trie_value){binding->label + 1, binding->bits};
		}
		good = !bpf_map_update_batch(map, keys, values, &count, NULL) && count;
	}
	free(keys);
	free(values);
	return good;
}

bool tries_open(struct tries *tries, const struct bindings *bindings)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);
	double start = clock_ms();

	tries->map = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "bench",
				    (uint32_t)key_bytes(bindings->family),
				    sizeof(struct trie_value), (uint32_t)bindings->count, &options);
	if (tries->map < 0 || !fill(tries->map, bindings)) {
		fprintf(stderr, "bench: cannot fill the trie: %s\n", strerror(errno));
		return false;
	}
	tries->fill_ms = clock_ms() - start;
	return true;
}

void tries_close(struct tries *tries)
{
	close(tries->map);
}

static void emit_look_up(struct bytecode *code)
{
	bytecode_map(code, R1, SYMBOL_PREFIXES);
	bytecode_alu(code, BPF_MOV, R2, R10);
	bytecode_alu_imm(code, BPF_ADD, R2, STACK);
	bytecode_call(code, BPF_FUNC_map_lookup_elem);
}

static void emit_operand(struct bytecode *code, enum family family)
{
	int address = family == FAMILY_IPV4 ? PACKET(local_ip4) : PACKET(local_ip6);
	unsigned bits = address_bits(family);
	int i;

	bytecode_alu32_imm(code, BPF_MOV, R1, (int32_t)(KEY_BITS + bits));
	bytecode_store(code, BPF_W, R10, KEY(bits), R1);
	bytecode_load(code, BPF_W, R1, R6, PACKET(protocol));
	bytecode_store(code, BPF_H, R10, KEY(protocol), R1);
	bytecode_load(code, BPF_W, R1, R6, PACKET(local_port));
	bytecode_to_host(code, R1, 16);
	bytecode_store(code, BPF_H, R10, KEY(port), R1);
	for (i = 0; i < (int)bits / 32; i++) {
		bytecode_load(code, BPF_W, R1, R6, address + 4 * i);
		bytecode_store(code, BPF_W, R10, KEY(address) + 4 * i, R1);
	}
}

static void emit_two_look_ups(struct arena *arena, struct bytecode *code, const void *data,
			      struct basic_block done)
{
	const enum family *family = data;
	struct basic_block one = bytecode_new_block(code), any = bytecode_new_block(code);
	struct basic_block chosen = bytecode_new_block(code);

	(void)arena;
	emit_operand(code, *family);
	emit_look_up(code);
	bytecode_alu(code, BPF_MOV, R7, R0);
	bytecode_alu32_imm(code, BPF_MOV, R1, 0);
	bytecode_store(code, BPF_H, R10, KEY(port), R1);
	emit_look_up(code);
	bytecode_jump_if(code, BPF_JEQ, R7, 0, any);
	bytecode_jump_if(code, BPF_JEQ, R0, 0, one);
	bytecode_load(code, BPF_W, R1, R7, offsetof(struct trie_value, bits));
	bytecode_load(code, BPF_W, R2, R0, offsetof(struct trie_value, bits));
	bytecode_jump_if_reg(code, BPF_JGE, R1, R2, one);
	bytecode_load(code, BPF_W, R7, R0, offsetof(struct trie_value, label));
	bytecode_jump(code, chosen);
	bytecode_begin_block(code, one);
	bytecode_load(code, BPF_W, R7, R7, offsetof(struct trie_value, label));
	bytecode_jump(code, chosen);
	bytecode_begin_block(code, any);
	bytecode_alu_imm(code, BPF_MOV, R7, 0);
	bytecode_jump_if(code, BPF_JEQ, R0, 0, chosen);
	bytecode_load(code, BPF_W, R7, R0, offsetof(struct trie_value, label));
	bytecode_begin_block(code, chosen);
	bytecode_jump(code, done);
}

bool tries_walker(struct walker *walker, const struct tries *tries, const struct walk *walk)
{
	struct walk_maps maps = {{0}};

	maps.descriptors[SYMBOL_PREFIXES] = tries->map;
	return walker_open(walker, walk, emit_two_look_ups, &walk->family, &maps);
}
