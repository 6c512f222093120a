/* Optimizations of jumps to other jumps, over other jumps, and to the next instruction. Also, two comparisons that
 * together tell one value from all others become a test for equality. */
#include "optimize.h"

/* How many jumps are followed at most: jumps may form a cycle. */
enum { FOLLOWED_MAX = 64 };

/* Whether 16 bits hold the distance of a jump. */
static bool is_near(size_t from, size_t to)
{
	return to > from ? to - from <= INT16_MAX : from - to < INT16_MAX;
}

/* Follows unconditional jumps from INDEX on. Gives the index of the first instruction that is not one. */
static size_t arrive(const struct optimizer *o, size_t index)
{
	int followed;

	for (followed = 0; followed < FOLLOWED_MAX && index < o->code->count; followed++) {
		if (!bytecode_always_jumps(&o->code->instructions[index]))
			break;
		index = optimizer_target(o, index);
	}
	return index;
}

/* Lets a jump to an unconditional jump lead where that one leads, if 16 bits hold the distance. */
static void thread(struct optimizer *o, size_t jump)
{
	size_t target = optimizer_target(o, jump), end = arrive(o, target);

	if (end != target && is_near(jump, end))
		optimizer_set_target(o, jump, end);
}

/* The opcode of the jump that is taken where this one is not; -1 if there is none. */
static int inverted(uint8_t code)
{
	static const struct {
		int one, other;
	} pairs[] = {{BPF_JEQ, BPF_JNE}, {BPF_JLT, BPF_JGE}, {BPF_JLE, BPF_JGT}};
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (BPF_OP(code) == pairs[i].one)
			return (code & ~0xf0) | pairs[i].other;
		if (BPF_OP(code) == pairs[i].other)
			return (code & ~0xf0) | pairs[i].one;
	}
	return -1;
}

/* `if A goto L; goto M; L:` becomes `if not A goto M; L:`. */
static void invert(struct optimizer *o, size_t jump)
{
	size_t over = optimizer_next(o, jump);
	int code = inverted(optimizer_at(o, jump)->insn.code);
	size_t target;

	if (code < 0 || !optimizer_only_follows(o, over) ||
	    !bytecode_always_jumps(optimizer_at(o, over)) ||
	    optimizer_target(o, jump) != optimizer_next(o, over))
		return;
	target = optimizer_target(o, over);
	if (!is_near(jump, target))
		return;
	optimizer_at(o, jump)->insn.code = (uint8_t)code;
	optimizer_set_target(o, jump, target);
	optimizer_remove(o, over);
}

/* A comparison of a register with LIMIT: the instructions at which the program continues for values BELOW it, and for
 * all others. */
struct split {
	uint8_t reg;
	uint32_t limit;
	size_t below, above;
};

static bool is_split(const struct optimizer *o, size_t index, struct split *split)
{
	const struct bpf_insn *insn;
	size_t target, next;

	if (index >= o->code->count)
		return false;
	insn = &o->code->instructions[index].insn;
	if (insn->code != (BPF_JMP32 | BPF_JGE | BPF_K) &&
	    insn->code != (BPF_JMP32 | BPF_JLT | BPF_K))
		return false;
	target = arrive(o, optimizer_target(o, index));
	next = arrive(o, optimizer_next(o, index));
	split->reg = insn->dst_reg;
	split->limit = (uint32_t)insn->imm;
	split->below = BPF_OP(insn->code) == BPF_JLT ? target : next;
	split->above = BPF_OP(insn->code) == BPF_JLT ? next : target;
	return true;
}

/* Two comparisons that together tell one value from all others. */
struct equality {
	size_t second; /* index of the second comparison */
	uint32_t value;
	size_t equal, others; /* where the program continues: for the value, and for all others */
};

static bool tells_one_value(const struct optimizer *o, const struct split *first,
			    struct equality *equality)
{
	struct split second;

	if (is_split(o, first->above, &second) && second.reg == first->reg &&
	    second.above == first->below && second.limit - 1 == first->limit && second.limit) {
		*equality = (struct equality){first->above, first->limit, second.below,
					      first->below};
		return true;
	}
	if (is_split(o, first->below, &second) && second.reg == first->reg &&
	    second.below == first->above && second.limit == first->limit - 1 && first->limit) {
		*equality = (struct equality){first->below, second.limit, second.above,
					      first->above};
		return true;
	}
	return false;
}

/* `if a >= k + 1 goto L; if a < k goto L` becomes `if a != k goto L`. Other orders and forms of such comparisons are
 * treated alike. The second comparison is removed if it comes right after the first, and then no jump may lead to
 * it. */
static void test_for_equality(struct optimizer *o, size_t jump)
{
	size_t next = optimizer_next(o, jump), after, target;
	struct equality equality;
	struct split first;
	bool is_others;

	if (!is_split(o, jump, &first) || !tells_one_value(o, &first, &equality))
		return;
	after = next;
	if (next == equality.second && optimizer_only_follows(o, next))
		after = optimizer_next(o, next);
	after = arrive(o, after);
	is_others = after == equality.others;
	if (!is_others && after != equality.equal)
		return;
	target = is_others ? equality.equal : equality.others;
	if (!is_near(jump, target))
		return;
	optimizer_at(o, jump)->insn.imm = (int32_t)equality.value;
	optimizer_at(o, jump)->insn.code = BPF_JMP32 | BPF_K | (is_others ? BPF_JEQ : BPF_JNE);
	optimizer_set_target(o, jump, target);
	if (next == equality.second)
		optimizer_remove(o, next);
}

void optimize_jumps(struct optimizer *o)
{
	size_t i;

	for (i = optimizer_first(o, 0); i < o->code->count; i = optimizer_next(o, i)) {
		if (!bytecode_is_jump(optimizer_at(o, i)))
			continue;
		thread(o, i);
		invert(o, i);
		test_for_equality(o, i);
		if (optimizer_target(o, i) == optimizer_next(o, i))
			optimizer_remove(o, i);
	}
}
