/* Loops with the kernel's `may_goto` (Linux 6.9). bpf_loop calls a function for each key, which costs more than a small
 * classification, above all on processors whose returns are guarded against speculation. */
#include "walk.h"

#include "clock.h"

#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/emit/emit.h"
#include "compiler/layout/layout.h"
#include "compiler/pipeline.h"
#include "runtime/abi.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* An emitted classification refers only to the tables, so the other symbols are free for the walk's own maps. (Where
 * rules ask for interfaces, it calls a subprogram that refers to more; those of the bench do not.) */
enum {
	SYMBOL_KEYS = SYMBOL_SOCKETS,
	SYMBOL_STATE = SYMBOL_RULE_COUNTERS,
	SYMBOL_MEMORY = SYMBOL_LABEL_COUNTERS
};

enum { LINE = 64, STRIDE = 5 * LINE, STARTS = 1 << 16, GROUP = 64 };
enum { MEMORY_BYTES = STARTS * LINE + (WALK_LINES + 1) * STRIDE };

/* From the kernel's headers, since the installed ones may be older. */
enum { JUMP_MAY_GOTO = 0xe0 };

struct walk_state {
	uint32_t index, count, result;
	uint64_t nanoseconds;
	_Alignas(LINE) struct bpf_sk_lookup packet;
};

#define PACKET(field) ((int)offsetof(struct bpf_sk_lookup, field))
#define STATE(field)                                                                               \
	((int)offsetof(struct walk_state, field) - (int)offsetof(struct walk_state, packet))

static int array_of_one(size_t bytes, uint32_t flags)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = flags);

	return bpf_map_create(BPF_MAP_TYPE_ARRAY, "bench", 4, (uint32_t)bytes, 1, &options);
}

static int array_with(const void *bytes, size_t size)
{
	const uint32_t zero = 0;
	int fd = array_of_one(size, BPF_F_RDONLY_PROG);

	if (fd >= 0 && (bpf_map_update_elem(fd, &zero, bytes, 0) || bpf_map_freeze(fd))) {
		close(fd);
		return -1;
	}
	return fd;
}

bool walk_open(struct walk *walk, const struct bindings *bindings)
{
	struct arena *arena = arena_new();
	bool ipv4 = bindings->family == FAMILY_IPV4;
	size_t bytes = WALK_KEYS * (ipv4 ? sizeof(struct key4) : sizeof(struct key6));
	void *shared;

	walk->family = bindings->family;
	walk->keys = array_with(bindings_keys(arena, bindings, WALK_KEYS), bytes);
	arena_free(arena);
	walk->memory = array_of_one(MEMORY_BYTES, 0);
	walk->state = array_of_one(sizeof(struct walk_state), BPF_F_MMAPABLE);
	if (walk->keys < 0 || walk->memory < 0 || walk->state < 0) {
		fprintf(stderr, "bench: cannot create maps: %s\n", strerror(errno));
		return false;
	}
	shared = mmap(NULL, sizeof(struct walk_state), PROT_READ | PROT_WRITE, MAP_SHARED,
		      walk->state, 0);
	if (shared == MAP_FAILED)
		return false;
	walk->shared = shared;
	walk->shared->packet.family = ipv4 ? AF_INET : AF_INET6;
	walk->shared->packet.protocol = IPPROTO_TCP;
	return true;
}

void walk_close(struct walk *walk)
{
	munmap(walk->shared, sizeof(struct walk_state));
	close(walk->keys);
	close(walk->memory);
	close(walk->state);
}

static void copy_word(struct bytecode *code, int to, int from)
{
	bytecode_load(code, BPF_W, R2, R1, from);
	bytecode_store(code, BPF_W, R6, to, R2);
}

/* Copies the key at index R8 into the packet. */
static void emit_next_key(struct bytecode *code, enum family family)
{
	int i;

	bytecode_alu_imm(code, BPF_AND, R8, WALK_KEYS - 1);
	bytecode_data(code, R1, (enum bytecode_symbol)SYMBOL_KEYS, 0);
	bytecode_alu(code, BPF_MOV, R2, R8);
	bytecode_alu_imm(code, BPF_LSH, R2, family == FAMILY_IPV4 ? 3 : 5);
	bytecode_alu(code, BPF_ADD, R1, R2);
	if (family == FAMILY_IPV4) {
		copy_word(code, PACKET(local_ip4), (int)offsetof(struct key4, address));
		copy_word(code, PACKET(local_port), (int)offsetof(struct key4, port));
		return;
	}
	for (i = 0; i < 4; i++)
		copy_word(code, PACKET(local_ip6) + 4 * i,
			  (int)offsetof(struct key6, address) + 4 * i);
	copy_word(code, PACKET(local_port), (int)offsetof(struct key6, port));
}

/* Reads cache lines of other memory, at an offset that index R8 chooses. */
static void emit_other_lines(struct bytecode *code)
{
	int i;

	bytecode_alu(code, BPF_MOV, R2, R8);
	bytecode_alu_imm(code, BPF_MUL, R2, 0x9e35);
	bytecode_alu_imm(code, BPF_AND, R2, STARTS - 1);
	bytecode_alu_imm(code, BPF_LSH, R2, 6);
	bytecode_data(code, R3, (enum bytecode_symbol)SYMBOL_MEMORY, 0);
	bytecode_alu(code, BPF_ADD, R3, R2);
	for (i = 0; i < WALK_LINES; i++) {
		if (i && i % GROUP == 0)
			bytecode_alu_imm(code, BPF_ADD, R3, GROUP * STRIDE);
		bytecode_load(code, BPF_W, R4, R3, i % GROUP * STRIDE);
	}
}

/* Classifies as many keys as the state says; the next key's address depends on the last result. */
static void emit_hot(struct arena *arena, struct bytecode *code, enum family family, walk_body body,
		     const void *data)
{
	struct basic_block next = bytecode_new_block(code), classified = bytecode_new_block(code);
	struct basic_block end = bytecode_new_block(code);

	bytecode_load(code, BPF_W, R9, R6, STATE(count));
	bytecode_begin_block(code, next);
	bytecode_jump_if(code, BPF_JEQ, R9, 0, end);
	bytecode_jump_if(code, JUMP_MAY_GOTO, R0, 0, end);
	bytecode_alu_imm(code, BPF_SUB, R9, 1);
	emit_next_key(code, family);
	body(arena, code, data, classified);
	bytecode_begin_block(code, classified);
	/* Stores and loads the result, so that the verifier forgets its value; else it walks all that follows once for
	 * each result. */
	bytecode_store(code, BPF_W, R6, STATE(result), R7);
	bytecode_load(code, BPF_W, R7, R6, STATE(result));
	/* Adds 0 to the index, computed from this key and its result: so the processor cannot fetch the next key before
	 * it has both, even if the result does not depend on the key. */
	bytecode_load(code, BPF_W, R1, R6,
		      family == FAMILY_IPV4 ? PACKET(local_ip4) : PACKET(local_ip6));
	bytecode_alu(code, BPF_OR, R1, R7);
	bytecode_alu_imm(code, BPF_RSH, R1, 63);
	bytecode_alu(code, BPF_ADD, R8, R1);
	bytecode_alu_imm(code, BPF_ADD, R8, 1);
	bytecode_jump(code, next);
	bytecode_begin_block(code, end);
	bytecode_store(code, BPF_W, R6, STATE(count), R9);
}

/* Classifies one key, and adds the time that this takes. Reading the clock waits for all earlier loads. */
static void emit_cold(struct arena *arena, struct bytecode *code, enum family family,
		      walk_body body, const void *data)
{
	struct basic_block classified = bytecode_new_block(code);

	emit_other_lines(code);
	emit_next_key(code, family);
	bytecode_call(code, BPF_FUNC_ktime_get_ns);
	bytecode_alu(code, BPF_MOV, R9, R0);
	body(arena, code, data, classified);
	bytecode_begin_block(code, classified);
	bytecode_store(code, BPF_W, R6, STATE(result), R7);
	bytecode_call(code, BPF_FUNC_ktime_get_ns);
	bytecode_alu(code, BPF_SUB, R0, R9);
	bytecode_load(code, BPF_DW, R1, R6, STATE(nanoseconds));
	bytecode_alu(code, BPF_ADD, R1, R0);
	bytecode_store(code, BPF_DW, R6, STATE(nanoseconds), R1);
	bytecode_alu_imm(code, BPF_ADD, R8, 1);
}

static struct bytecode *write_walker(struct arena *arena, enum family family, walk_body body,
				     const void *data, enum warmth warmth)
{
	struct bytecode *code = bytecode_new(arena);

	bytecode_data(code, R6, (enum bytecode_symbol)SYMBOL_STATE,
		      offsetof(struct walk_state, packet));
	bytecode_load(code, BPF_W, R8, R6, STATE(index));
	(warmth == HOT ? emit_hot : emit_cold)(arena, code, family, body, data);
	bytecode_store(code, BPF_W, R6, STATE(index), R8);
	bytecode_alu_imm(code, BPF_MOV, R0, 0);
	bytecode_exit(code);
	return code;
}

static int load(const struct bpf_insn *insns, size_t count)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options);
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "bench", "GPL", insns, count, &options);

	if (fd < 0)
		fprintf(stderr, "bench: cannot load a program of %zu instructions: %s\n", count,
			strerror(errno));
	return fd;
}

static int load_code(struct arena *arena, struct bytecode *code, const struct walk_maps *maps)
{
	const char *error = bytecode_finish(code);
	struct bpf_insn *insns;
	size_t i;

	if (error) {
		fprintf(stderr, "bench: %s\n", error);
		return -1;
	}
	insns = arena_alloc(arena, code->count, sizeof(*insns));
	for (i = 0; i < code->count; i++) {
		const struct bytecode_instruction *from = &code->instructions[i];

		insns[i] = from->insn;
		if (from->symbol == SYMBOL_NONE)
			continue;
		if (from->symbol == SYMBOL_PREFIXES) {
			insns[i].src_reg = BPF_PSEUDO_MAP_FD;
		} else {
			insns[i].src_reg = BPF_PSEUDO_MAP_VALUE;
			insns[i + 1] = code->instructions[i + 1].insn;
			insns[++i].imm = from->insn.imm; /* the offset */
			insns[i - 1].imm = maps->descriptors[from->symbol];
			continue;
		}
		insns[i].imm = maps->descriptors[from->symbol];
	}
	return load(insns, code->count);
}

bool walker_open(struct walker *walker, const struct walk *walk, walk_body body, const void *data,
		 const struct walk_maps *maps)
{
	struct walk_maps all = *maps;
	enum warmth warmth;

	*walker = (struct walker){{-1, -1}, 0};
	all.descriptors[SYMBOL_KEYS] = walk->keys;
	all.descriptors[SYMBOL_STATE] = walk->state;
	all.descriptors[SYMBOL_MEMORY] = walk->memory;
	for (warmth = HOT; warmth < WARMTHS; warmth++) {
		struct arena *arena = arena_new();
		struct bytecode *code = write_walker(arena, walk->family, body, data, warmth);
		double start = clock_ms();

		walker->programs[warmth] = load_code(arena, code, &all);
		if (warmth == HOT)
			walker->load_ms = clock_ms() - start;
		arena_free(arena);
		if (walker->programs[warmth] < 0) {
			walker_close(walker);
			return false;
		}
	}
	return true;
}

static void shut(int fd)
{
	if (fd >= 0)
		close(fd);
}

void walker_close(struct walker *walker)
{
	shut(walker->programs[HOT]);
	shut(walker->programs[COLD]);
}

/* Registers that the walk needs after a function, and the stack offsets where it saves them: below those that a
 * function uses. */
static const struct {
	enum reg reg;
	int stack;
} KEPT[] = {{R6, -512}, {R8, -504}, {R9, -496}};
enum { KEPT_COUNT = sizeof(KEPT) / sizeof(KEPT[0]) };

static void copy_instruction(struct bytecode *code, const struct bytecode *from, size_t index,
			     const struct basic_block *blocks, struct basic_block end)
{
	const struct bytecode_instruction *instruction = &from->instructions[index];
	const struct bpf_insn *insn = &instruction->insn;

	if (bytecode_is_jump(instruction))
		bytecode_raw_jump(code, *insn, blocks[(int64_t)index + 1 + insn->off]);
	else if (insn->code == (BPF_JMP | BPF_EXIT))
		bytecode_jump(code, end);
	else if (!bytecode_is_wide(instruction))
		bytecode_raw(code, *insn);
	else if (instruction->symbol == SYMBOL_PREFIXES)
		bytecode_map(code, insn->dst_reg, SYMBOL_PREFIXES);
	else if (instruction->symbol != SYMBOL_NONE)
		bytecode_data(code, insn->dst_reg, instruction->symbol, (uint32_t)insn->imm);
	else
		bytecode_imm64(code, insn->dst_reg, bytecode_wide_value(instruction));
}

/* Inlines a function, since a call would cost more than a small function. */
static void emit_inlined(struct arena *arena, struct bytecode *code, const void *data,
			 struct basic_block done)
{
	const struct bytecode *function = data;
	struct basic_block *blocks = arena_alloc(arena, function->count, sizeof(*blocks));
	struct basic_block end = bytecode_new_block(code);
	size_t i;

	bytecode_alu(code, BPF_MOV, R1, R6);
	for (i = 0; i < function->count; i++)
		blocks[i] = bytecode_new_block(code);
	for (i = 0; i < function->count; i++) {
		bytecode_begin_block(code, blocks[i]);
		copy_instruction(code, function, i, blocks, end);
		i += bytecode_is_wide(&function->instructions[i]);
	}
	bytecode_begin_block(code, end);
	bytecode_alu(code, BPF_MOV, R7, R0);
	bytecode_jump(code, done);
}

/* Inlines a function that may use all registers. */
static void emit_function(struct arena *arena, struct bytecode *code, const void *data,
			  struct basic_block done)
{
	struct basic_block end = bytecode_new_block(code);
	size_t i;

	for (i = 0; i < KEPT_COUNT; i++)
		bytecode_store(code, BPF_DW, R10, KEPT[i].stack, KEPT[i].reg);
	emit_inlined(arena, code, data, end);
	bytecode_begin_block(code, end);
	for (i = 0; i < KEPT_COUNT; i++)
		bytecode_load(code, BPF_DW, KEPT[i].reg, R10, KEPT[i].stack);
	bytecode_jump(code, done);
}

/* Makes the kernel's LPM trie of a layout; -1 if the layout has none, or on failure. */
static int prefixes_of(const struct layout_object *object)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);
	uint32_t count = (uint32_t)object->prefix_count;
	size_t i;
	int fd;

	if (!count)
		return -1;
	fd = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "bench", sizeof(struct abi_prefix_key),
			    sizeof(object->prefixes->value), count, &options);
	for (i = 0; fd >= 0 && i < count; i++)
		if (bpf_map_update_elem(fd, &object->prefixes[i].key, &object->prefixes[i].value,
					0)) {
			close(fd);
			return -1;
		}
	return fd;
}

bool walk_maps_open(struct walk_maps *maps, const struct layout *layout)
{
	const struct layout_object *object = &layout->object;
	size_t words = object->label_count * ABI_FLOW_CLASSES + 1;
	uint32_t *host = calloc(words, sizeof(*host));

	if (!host)
		return false;
	*maps = (struct walk_maps){{0}};
	maps->descriptors[SYMBOL_TABLES] = object->table_bytes
						   ? array_with(object->tables, object->table_bytes)
						   : -1;
	maps->descriptors[SYMBOL_HOST] = array_with(host, words * sizeof(*host));
	maps->descriptors[SYMBOL_PREFIXES] = prefixes_of(object);
	free(host);
	return maps->descriptors[SYMBOL_HOST] >= 0;
}

void walk_maps_close(struct walk_maps *maps)
{
	shut(maps->descriptors[SYMBOL_TABLES]);
	shut(maps->descriptors[SYMBOL_HOST]);
	shut(maps->descriptors[SYMBOL_PREFIXES]);
}

struct bytecode *walk_classifier(struct arena *arena, const struct layout *layout)
{
	struct bytecode *code = bytecode_new(arena);
	struct basic_block classified = bytecode_new_block(code);

	bytecode_alu(code, BPF_MOV, R6, R1);
	layout_emit_classifier(arena, code, layout, classified, classified);
	bytecode_begin_block(code, classified);
	bytecode_alu(code, BPF_MOV, R0, R7);
	bytecode_exit(code);
	return bytecode_optimize(arena, code, diag_new(arena, sources_new(arena)));
}

bool walker_open_layout(struct walker *walker, const struct walk *walk, const struct layout *layout)
{
	struct arena *arena = arena_new();
	const struct bytecode *classifier = walk_classifier(arena, layout);
	struct walk_maps maps;
	bool opened = false;

	if (classifier && walk_maps_open(&maps, layout)) {
		opened = walker_open(walker, walk, emit_inlined, classifier, &maps);
		walk_maps_close(&maps); /* the programs keep references */
	}
	arena_free(arena);
	return opened;
}

bool walker_open_function(struct walker *walker, const struct walk *walk,
			  const struct bytecode *function, const struct walk_maps *maps)
{
	return walker_open(walker, walk, emit_function, function, maps);
}

double walker_run(const struct walker *walker, const struct walk *walk, enum warmth warmth,
		  uint32_t count)
{
	unsigned char frame[64] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame));

	options.repeat = warmth == HOT ? 1 : (int)count;
	walk->shared->count = count;
	walk->shared->nanoseconds = 0;
	if (bpf_prog_test_run_opts(walker->programs[warmth], &options))
		return -1;
	if (warmth == COLD)
		return (double)walk->shared->nanoseconds / count;
	count -= walk->shared->count;
	return count ? (double)options.duration / count : -1;
}

uint32_t walker_ask(const struct walker *walker, const struct walk *walk, uint32_t key)
{
	walk->shared->index = key;
	return walker_run(walker, walk, HOT, 1) < 0 ? UINT32_MAX : walk->shared->result;
}
