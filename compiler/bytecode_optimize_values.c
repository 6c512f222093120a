/* Rules for values: what is known where the program is written is worked out there. A value is known from where
 * it is set to the next instruction that some jump leads to. */
#include "bytecode_optimize.h"

#include <arpa/inet.h>
#include <string.h>

struct values {
	bool known[REGISTERS];
	uint64_t value[REGISTERS];
};

static void set(struct values *v, uint8_t reg, uint64_t value)
{
	v->known[reg] = true;
	v->value[reg] = value;
}

/* The second operand of arithmetic or of a comparison. */
static bool operand(const struct values *v, struct bpf_insn insn, uint64_t *value)
{
	if (BPF_SRC(insn.code) == BPF_X) {
		*value = v->value[insn.src_reg];
		return v->known[insn.src_reg];
	}
	*value = (uint64_t)(int64_t)insn.imm;
	return true;
}

/* 64-bit arithmetic, or 32-bit on operands that are less; false where it is not done here. */
static bool compute(int op, uint64_t a, uint64_t b, unsigned bits, uint64_t *result)
{
	switch (op) {
	case BPF_MOV:
		*result = b;
		return true;
	case BPF_ADD:
		*result = a + b;
		return true;
	case BPF_SUB:
		*result = a - b;
		return true;
	case BPF_AND:
		*result = a & b;
		return true;
	case BPF_OR:
		*result = a | b;
		return true;
	case BPF_LSH:
		*result = a << (b & (bits - 1));
		return true;
	case BPF_RSH:
		*result = a >> (b & (bits - 1));
		return true;
	default:
		return false;
	}
}

/* A known sum of an address and a number is an address. */
static bool fold_address(struct optimizer *o, const struct values *v, size_t index, size_t before)
{
	struct bpf_insn add = optimizer_at(o, index)->insn;
	struct bytecode_instruction *load;
	uint64_t more;

	if (before >= o->code->count || add.code != (BPF_ALU64 | BPF_ADD | BPF_X) ||
	    !v->known[add.src_reg])
		return false;
	load = optimizer_at(o, before);
	more = (uint64_t)(uint32_t)load->insn.imm + v->value[add.src_reg];
	if (load->symbol != SYMBOL_TABLES || load->insn.dst_reg != add.dst_reg ||
	    v->value[add.src_reg] > BYTECODE_OFFSET_MAX || more > BYTECODE_OFFSET_MAX)
		return false;
	load->insn.imm = (int32_t)more;
	optimizer_remove(o, index);
	return true;
}

static void fold_arithmetic(struct optimizer *o, struct values *v, size_t index)
{
	struct bpf_insn insn = optimizer_at(o, index)->insn;
	unsigned bits = BPF_CLASS(insn.code) == BPF_ALU ? 32 : 64;
	uint64_t mask = bits == 32 ? UINT32_MAX : UINT64_MAX;
	bool moves = BPF_OP(insn.code) == BPF_MOV;
	uint64_t value;

	if (BPF_OP(insn.code) == BPF_END || BPF_OP(insn.code) == BPF_NEG ||
	    !operand(v, insn, &value) || (!moves && !v->known[insn.dst_reg]) ||
	    !compute(BPF_OP(insn.code), v->value[insn.dst_reg] & mask, value & mask, bits,
		     &value)) {
		v->known[insn.dst_reg] = false;
		return;
	}
	set(v, insn.dst_reg, value & mask);
	if ((value & mask) <= INT32_MAX && !(moves && BPF_SRC(insn.code) == BPF_K))
		optimizer_replace(o, index,
				  (struct bpf_insn){.code = BPF_ALU | BPF_MOV | BPF_K,
						    .dst_reg = insn.dst_reg,
						    .imm = (int32_t)(value & mask)});
}

/* Whether a comparison of known values holds; false in *DECIDED where it is not done here. */
static bool holds(int op, uint64_t a, uint64_t b, bool *decided)
{
	*decided = true;
	switch (op) {
	case BPF_JEQ:
		return a == b;
	case BPF_JNE:
		return a != b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	case BPF_JLT:
		return a < b;
	case BPF_JLE:
		return a <= b;
	default:
		*decided = false;
		return false;
	}
}

/* A jump whose condition is known is taken always, or never. */
static void fold_jump(struct optimizer *o, const struct values *v, size_t index)
{
	struct bpf_insn insn = optimizer_at(o, index)->insn;
	uint64_t mask = BPF_CLASS(insn.code) == BPF_JMP32 ? UINT32_MAX : UINT64_MAX;
	bool decided, taken;
	uint64_t value;

	if (BPF_OP(insn.code) == BPF_JA || !v->known[insn.dst_reg] || !operand(v, insn, &value))
		return;
	taken = holds(BPF_OP(insn.code), v->value[insn.dst_reg] & mask, value & mask, &decided);
	if (decided && taken)
		optimizer_replace(o, index, (struct bpf_insn){.code = BPF_JMP | BPF_JA});
	else if (decided)
		optimizer_remove(o, index);
}

static void fold(struct optimizer *o, struct values *v, size_t index, size_t before)
{
	const struct bytecode_instruction *instruction = optimizer_at(o, index);
	struct bpf_insn insn = instruction->insn;

	switch (BPF_CLASS(insn.code)) {
	case BPF_ALU:
	case BPF_ALU64:
		if (!fold_address(o, v, index, before))
			fold_arithmetic(o, v, index);
		break;
	case BPF_JMP:
	case BPF_JMP32:
		if (BPF_OP(insn.code) == BPF_CALL)
			memset(v->known, 0, (R5 + 1) * sizeof(*v->known));
		else if (bytecode_is_jump(instruction))
			fold_jump(o, v, index);
		break;
	case BPF_LD:
	case BPF_LDX:
		v->known[insn.dst_reg] = false;
		if (bytecode_is_wide(instruction) && instruction->symbol == SYMBOL_NONE)
			set(v, insn.dst_reg, bytecode_wide_value(instruction));
		break;
	default: /* a store: of atomic ones the assembler knows none */
		break;
	}
}

void optimize_constants(struct optimizer *o)
{
	struct values values = {{false}, {0}};
	size_t before = o->code->count, i;

	for (i = optimizer_first(o, 0); i < o->code->count; i = optimizer_next(o, i)) {
		if (!optimizer_only_follows(o, i)) {
			memset(values.known, 0, sizeof(values.known));
			before = o->code->count;
		}
		fold(o, &values, i, before);
		if (!o->gone[i])
			before = i;
	}
}

/* The next instruction that has to do with what INDEX wrote, if it comes after it in any case. */
static size_t next_use(struct optimizer *o, size_t index)
{
	regs reg = effect_of(optimizer_at(o, index)->insn).writes;

	for (;;) {
		struct effect effect;

		index = optimizer_next(o, index);
		if (!optimizer_only_follows(o, index) || bytecode_is_jump(optimizer_at(o, index)))
			return o->code->count;
		effect = effect_of(optimizer_at(o, index)->insn);
		if ((effect.reads | effect.writes) & reg ||
		    bytecode_is_exit(optimizer_at(o, index)))
			return index;
	}
}

static struct bpf_insn *next_use_of_code(struct optimizer *o, size_t *index, int code)
{
	uint8_t reg = optimizer_at(o, *index)->insn.dst_reg;
	struct bpf_insn *insn;

	*index = next_use(o, *index);
	if (*index == o->code->count)
		return NULL;
	insn = &optimizer_at(o, *index)->insn;
	return insn->code == code && insn->dst_reg == reg ? insn : NULL;
}

/* `w >>= a; w &= m; r <<= b` is `w >>= a - b; w &= m << b`. */
static void merge_shifts(struct optimizer *o, size_t index)
{
	struct bpf_insn *right = &optimizer_at(o, index)->insn, *mask, *left = NULL;
	size_t at = index;

	if (right->code != (BPF_ALU | BPF_RSH | BPF_K))
		return;
	mask = next_use_of_code(o, &at, BPF_ALU | BPF_AND | BPF_K);
	if (mask)
		left = next_use_of_code(o, &at, BPF_ALU64 | BPF_LSH | BPF_K);
	if (!left || left->imm > right->imm)
		return;
	mask->imm = (int32_t)((uint32_t)mask->imm << left->imm);
	right->imm -= left->imm;
	optimizer_remove(o, at);
	if (!right->imm)
		optimizer_remove(o, index);
}

static bool is_in_a_byte(uint32_t mask)
{
	return mask && mask >> __builtin_ctz(mask) / 8 * 8 <= UINT8_MAX;
}

/* `r = be32 r; w >>= a; w &= m` asks for bits of one byte: they are there before it is swapped. */
static void mask_unswapped(struct optimizer *o, size_t index)
{
	struct bpf_insn *swap = &optimizer_at(o, index)->insn, *shift, *mask = NULL;
	size_t at = index, shift_at;
	uint32_t wanted;
	int from, to;

	if (swap->code != (BPF_ALU | BPF_END | BPF_TO_BE) || swap->imm != 32)
		return;
	shift = next_use_of_code(o, &at, BPF_ALU | BPF_RSH | BPF_K);
	shift_at = at;
	if (shift)
		mask = next_use_of_code(o, &at, BPF_ALU | BPF_AND | BPF_K);
	if (!mask)
		return;
	wanted = (uint32_t)mask->imm << shift->imm;
	if (!is_in_a_byte(wanted) || wanted >> shift->imm != (uint32_t)mask->imm)
		return;
	from = __builtin_ctz(htonl(wanted));
	to = __builtin_ctz((uint32_t)mask->imm);
	shift->code = BPF_ALU | BPF_K | (from >= to ? BPF_RSH : BPF_LSH);
	shift->imm = from >= to ? from - to : to - from;
	if (!shift->imm)
		optimizer_remove(o, shift_at);
	optimizer_remove(o, index);
}

void optimize_shifts(struct optimizer *o)
{
	size_t i;

	for (i = optimizer_first(o, 0); i < o->code->count; i = optimizer_next(o, i))
		merge_shifts(o, i);
	for (i = optimizer_first(o, 0); i < o->code->count; i = optimizer_next(o, i))
		mask_unswapped(o, i);
}
