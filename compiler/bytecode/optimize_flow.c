/*
 * Optimizations that need data flow: which instructions read a register, and which instruction wrote the value that is
 * read.
 *
 *  - A result that nothing reads is not computed.
 *  - `a += b; b = a` becomes `b += a` if nothing else reads a.
 *  - A value from the packet that is only compared for equality with constants is not swapped to the byte order of the
 *    host. The constants are swapped instead.
 */
#include "optimize.h"

#include "compiler/base/arena.h"

#include <arpa/inet.h>
#include <string.h>

static struct effect effect_of_alu(struct bpf_insn insn)
{
	regs dst = regs_of(insn.dst_reg), src = 0;
	bool is_unary = BPF_OP(insn.code) == BPF_END || BPF_OP(insn.code) == BPF_NEG;

	if (!is_unary && BPF_SRC(insn.code) == BPF_X)
		src = regs_of(insn.src_reg);
	return (struct effect){(BPF_OP(insn.code) == BPF_MOV ? 0 : dst) | src, dst, true};
}

static struct effect effect_of_jump(struct bpf_insn insn)
{
	regs dst = regs_of(insn.dst_reg);
	regs src = BPF_SRC(insn.code) == BPF_X ? regs_of(insn.src_reg) : 0;

	switch (BPF_OP(insn.code)) {
	case BPF_JA:
		return (struct effect){0, 0, false};
	case BPF_CALL:
		return (struct effect){CALL_READS, CALL_WRITES, false};
	case BPF_EXIT:
		return (struct effect){1 << R0, 0, false};
	default:
		return (struct effect){dst | src, 0, false};
	}
}

static struct effect effect_of(struct bpf_insn insn)
{
	regs dst = regs_of(insn.dst_reg), src = regs_of(insn.src_reg);

	switch (BPF_CLASS(insn.code)) {
	case BPF_ALU:
	case BPF_ALU64:
		return effect_of_alu(insn);
	case BPF_JMP:
	case BPF_JMP32:
		return effect_of_jump(insn);
	case BPF_LD:
		return (struct effect){0, dst, true};
	case BPF_LDX:
		return (struct effect){src, dst, false};
	case BPF_ST:
		return (struct effect){dst, 0, false};
	default:
		return (struct effect){dst | src, 0, false};
	}
}

/* The registers that some path after INDEX reads before it writes them. */
static regs live_after(struct optimizer *o, const regs *live, size_t index)
{
	const struct bytecode_instruction *instruction = optimizer_at(o, index);
	regs after = 0;

	if (bytecode_is_jump(instruction))
		after |= live[optimizer_target(o, index)];
	if (!bytecode_always_jumps(instruction) && !bytecode_is_exit(instruction))
		after |= live[optimizer_next(o, index)];
	return after;
}

/* For each instruction, the registers that some path from there on reads before it writes them. */
static regs *find_live(struct optimizer *o)
{
	regs *live = arena_alloc(o->arena, o->code->count + 1, sizeof(*live));
	bool changed = true;
	size_t i;

	while (changed)
		for (changed = false, i = o->code->count; i-- > 0;) {
			struct effect effect;
			regs before;

			if (o->gone[i] || (i && bytecode_is_wide(optimizer_at(o, i - 1))))
				continue;
			effect = effect_of(optimizer_at(o, i)->insn);
			before = effect.reads | (live_after(o, live, i) & ~effect.writes);
			changed |= before != live[i];
			live[i] = before;
		}
	return live;
}

/* `a += b; b = a` becomes `b += a`, where a is not read any more. */
static void add_in_place(struct optimizer *o, const regs *live, size_t index)
{
	struct bpf_insn *add = &optimizer_at(o, index)->insn;
	size_t next = optimizer_next(o, index);
	struct bpf_insn move;

	if (add->code != (BPF_ALU64 | BPF_ADD | BPF_X) || !optimizer_only_follows(o, next))
		return;
	move = optimizer_at(o, next)->insn;
	if (move.code != (BPF_ALU64 | BPF_MOV | BPF_X) || move.dst_reg != add->src_reg ||
	    move.src_reg != add->dst_reg || live_after(o, live, next) & regs_of(add->dst_reg))
		return;
	add->src_reg = move.src_reg;
	add->dst_reg = move.dst_reg;
	optimizer_remove(o, next);
}

void optimize_dead_code(struct optimizer *o)
{
	const regs *live = find_live(o);
	size_t i;

	for (i = optimizer_first(o, 0); i < o->code->count; i = optimizer_next(o, i)) {
		struct effect effect;

		add_in_place(o, live, i);
		effect = effect_of(optimizer_at(o, i)->insn);
		if (effect.is_pure && !(effect.writes & live_after(o, live, i)))
			optimizer_remove(o, i);
	}
}

/* The writer of a register's value before an instruction: the index plus one of the instruction that wrote it, or one
 * of these. */
enum { NOT_REACHED = 0, SEVERAL = UINT32_MAX };

/* The writers of one register. */
struct writers {
	regs reg;
	uint32_t *of;    /* of each instruction */
	bool *is_needed; /* of each instruction: what it wrote is not only tested for equality */
	size_t *work;    /* instructions whose writer has changed */
	bool *waits;     /* of each instruction: it is in WORK */
	size_t work_count;
};

static void need(struct writers *w, uint32_t writer)
{
	if (writer != NOT_REACHED && writer != SEVERAL)
		w->is_needed[writer - 1] = true;
}

/* Notes that WRITER's value reaches INDEX. If another writer's value reaches it too, and is read from there on, neither
 * writer may change. */
static void arrive_with(struct writers *w, const regs *live, size_t index, uint32_t writer)
{
	uint32_t before = w->of[index];

	if (before == writer)
		return;
	if (before != NOT_REACHED && live[index] & w->reg) {
		need(w, before);
		need(w, writer);
	}
	if (before == SEVERAL)
		return;
	w->of[index] = before == NOT_REACHED ? writer : SEVERAL;
	if (!w->waits[index])
		w->work[w->work_count++] = index;
	w->waits[index] = true;
}

static struct writers find_writers(struct optimizer *o, const regs *live, regs reg)
{
	struct writers w = {
		.reg = reg,
		.of = arena_alloc(o->arena, o->code->count, sizeof(*w.of)),
		.is_needed = arena_alloc(o->arena, o->code->count, sizeof(*w.is_needed)),
		.work = arena_alloc(o->arena, o->code->count, sizeof(*w.work)),
		.waits = arena_alloc(o->arena, o->code->count, sizeof(*w.waits)),
	};

	arrive_with(&w, live, optimizer_first(o, 0), SEVERAL);
	while (w.work_count) {
		size_t i = w.work[--w.work_count];
		const struct bytecode_instruction *instruction = optimizer_at(o, i);
		bool writes = effect_of(instruction->insn).writes & reg;
		uint32_t writer = writes ? (uint32_t)i + 1 : w.of[i];

		w.waits[i] = false;
		if (bytecode_is_jump(instruction))
			arrive_with(&w, live, optimizer_target(o, i), writer);
		if (!bytecode_always_jumps(instruction) && !bytecode_is_exit(instruction))
			arrive_with(&w, live, optimizer_next(o, i), writer);
	}
	return w;
}

/* Whether the instruction at INDEX swaps the bytes of a value that the instruction BEFORE has loaded from memory, and
 * only runs right after that one. */
static bool is_swap(struct optimizer *o, size_t index, size_t before)
{
	struct bpf_insn swap = optimizer_at(o, index)->insn, load;

	if (swap.code != (BPF_ALU | BPF_END | BPF_TO_BE) || !optimizer_only_follows(o, index))
		return false;
	load = optimizer_at(o, before)->insn;
	return load.dst_reg == swap.dst_reg &&
	       ((swap.imm == 32 && load.code == (BPF_LDX | BPF_MEM | BPF_W)) ||
		(swap.imm == 16 && load.code == (BPF_LDX | BPF_MEM | BPF_H)));
}

/* Whether an instruction tests a value of BITS bits for equality with a constant of as many bits. */
static bool is_equality(struct bpf_insn insn, int bits)
{
	return (insn.code == (BPF_JMP32 | BPF_JEQ | BPF_K) ||
		insn.code == (BPF_JMP32 | BPF_JNE | BPF_K)) &&
	       (bits == 32 || (uint32_t)insn.imm <= UINT16_MAX);
}

/* Marks the writers whose values are not only tested for equality. */
static void note_needs(struct optimizer *o, struct writers *w)
{
	size_t i;

	for (i = optimizer_first(o, 0); i < o->code->count; i = optimizer_next(o, i)) {
		uint32_t writer = w->of[i];
		struct bpf_insn insn = optimizer_at(o, i)->insn;

		if (effect_of(insn).reads & w->reg && writer != NOT_REACHED && writer != SEVERAL &&
		    !is_equality(insn, optimizer_at(o, writer - 1)->insn.imm))
			need(w, writer);
	}
}

static int32_t swapped(int32_t value, int bits)
{
	return (int32_t)(bits == 32 ? htonl((uint32_t)value) : htons((uint16_t)value));
}

/* For each instruction, whether it swaps a value of the register that is only tested for equality. */
static bool *find_needless(struct optimizer *o, const struct writers *w, uint8_t reg)
{
	bool *needless = arena_alloc(o->arena, o->code->count, sizeof(*needless));
	size_t before = 0, i;

	for (i = optimizer_first(o, 0); i < o->code->count; i = optimizer_next(o, i)) {
		needless[i] = !w->is_needed[i] && optimizer_at(o, i)->insn.dst_reg == reg &&
			      is_swap(o, i, before);
		before = i;
	}
	return needless;
}

/* Where a swapped value is only tested for equality, removes the swap and swaps the constants. */
static void swap_constants(struct optimizer *o, uint8_t reg, const regs *live)
{
	struct writers w = find_writers(o, live, regs_of(reg));
	const bool *needless;
	size_t i;

	note_needs(o, &w);
	needless = find_needless(o, &w, reg);
	for (i = optimizer_first(o, 0); i < o->code->count; i = optimizer_next(o, i)) {
		struct bpf_insn *insn = &optimizer_at(o, i)->insn;
		uint32_t writer = w.of[i];

		if (effect_of(*insn).reads & w.reg && writer != NOT_REACHED && writer != SEVERAL &&
		    needless[writer - 1])
			insn->imm = swapped(insn->imm, optimizer_at(o, writer - 1)->insn.imm);
	}
	for (i = optimizer_first(o, 0); i < o->code->count; i = optimizer_next(o, i))
		if (needless[i])
			optimizer_remove(o, i);
}

void optimize_swaps(struct optimizer *o)
{
	bool has_swap[REGISTERS] = {false}, any = false;
	size_t before = 0, i;
	const regs *live;
	uint8_t reg;

	for (i = optimizer_first(o, 0); i < o->code->count; i = optimizer_next(o, i)) {
		if (is_swap(o, i, before))
			any = has_swap[optimizer_at(o, i)->insn.dst_reg] = true;
		before = i;
	}
	live = any ? find_live(o) : NULL;
	for (reg = 0; any && reg < REGISTERS; reg++)
		if (has_swap[reg])
			swap_constants(o, reg, live);
}
