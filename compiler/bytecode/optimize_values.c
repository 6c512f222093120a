/* Optimizations of known values: arithmetic and comparisons of constants are computed here. The value of a register is
 * known from the instruction that sets it up to the next instruction that a jump leads to. */
#include "optimize.h"

#include <string.h>

/* The values of the registers, where they are known. */
struct values {
	bool known[REGISTERS];
	uint64_t value[REGISTERS];
};

static void set(struct values *v, uint8_t reg, uint64_t value)
{
	v->known[reg] = true;
	v->value[reg] = value;
}

/* Gets the value of an instruction's source, a register or a constant; false if it is not known. */
static bool source_value(const struct values *v, struct bpf_insn insn, uint64_t *value)
{
	if (BPF_SRC(insn.code) == BPF_X) {
		*value = v->value[insn.src_reg];
		return v->known[insn.src_reg];
	}
	*value = (uint64_t)(int64_t)insn.imm;
	return true;
}

/* Computes A op B. For 32 BITS, the caller cuts A, B and the result to their lower halves. False for operations that
 * are left to the program. */
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

/* Where a known number is added to an address in the tables, which the instruction BEFORE loads, that instruction loads
 * the sum instead. False if this is not so. */
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
	    !source_value(v, insn, &value) || (!moves && !v->known[insn.dst_reg]) ||
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

/* Whether a comparison of known values holds. Sets *DECIDED to false for comparisons that are left to the program. */
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

/* Whether it is known if a jump is *TAKEN. It is if both values are known; or if the second is 0, since no value is
 * less than 0. */
static bool is_decided(const struct values *v, struct bpf_insn insn, bool *taken)
{
	uint64_t mask = BPF_CLASS(insn.code) == BPF_JMP32 ? UINT32_MAX : UINT64_MAX;
	int op = BPF_OP(insn.code);
	uint64_t value;
	bool decided;

	if (op == BPF_JA || !source_value(v, insn, &value))
		return false;
	if (!(value & mask) && (op == BPF_JLT || op == BPF_JGE)) {
		*taken = op == BPF_JGE;
		return true;
	}
	*taken = holds(op, v->value[insn.dst_reg] & mask, value & mask, &decided);
	return decided && v->known[insn.dst_reg];
}

/* A jump whose condition is known becomes unconditional, or is removed. */
static void fold_jump(struct optimizer *o, const struct values *v, size_t index)
{
	bool taken;

	if (!is_decided(v, optimizer_at(o, index)->insn, &taken))
		return;
	if (taken)
		optimizer_replace(o, index, (struct bpf_insn){.code = BPF_JMP | BPF_JA});
	else
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
	default: /* stores, which write no register; no emitter writes an atomic one, which could */
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
