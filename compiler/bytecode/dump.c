/*
 * Prints a program as `bpftool prog dump xlated` does, and also what bpftool cannot know: the basic block that a jump
 * leads to, the names of maps and data sections, the emitter's comments, and the rule that an instruction belongs to.
 * Golden files hold this listing, so blocks are numbered in the order of the listing, not in the order in which they
 * were made.
 */
#include "bytecode.h"

#include "compiler/base/arena.h"

enum { RULE_TEXT_MAX = 100 };

struct listing {
	const struct bytecode *code;
	const struct sources *sources;
	FILE *out;
	/* Of each instruction, the number of the block that begins there; 0 if none begins there, or no jump leads to
	 * it. */
	uint32_t *numbers;
};

static const char *const symbol_names[SYMBOL_COUNT] = {
	[SYMBOL_NONE] = "none",
	[SYMBOL_SOCKETS] = "sockets",
	[SYMBOL_RULE_COUNTERS] = "rule_counters",
	[SYMBOL_LABEL_COUNTERS] = "label_counters",
	[SYMBOL_TABLES] = "tables",
	[SYMBOL_HOST] = "machine",
	[SYMBOL_PREFIXES] = "prefixes",
	[SYMBOL_SPARE_MARKS] = "spare_marks",
	[SYMBOL_INTERFACES] = "interfaces",
	[SYMBOL_NEAR] = "near_interfaces",
	[SYMBOL_SUBPROGRAM] = "subprogram",
};

static const char *helper_name(int32_t helper)
{
#define HELPER_NAME(name) "bpf_" #name
	static const char *const names[] = {__BPF_FUNC_MAPPER(HELPER_NAME)};
#undef HELPER_NAME

	if (helper < 0 || (size_t)helper >= sizeof(names) / sizeof(names[0]))
		return "bpf_unknown";
	return names[helper];
}

static const char *alu_word(int op)
{
	static const char *const words[] = {
		"+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "neg", "%=", "^=", "=", "s>>=",
	};

	return (size_t)op >> 4 < sizeof(words) / sizeof(words[0]) ? words[op >> 4] : "?=";
}

static const char *jump_word(int op)
{
	static const char *const words[] = {
		"", "==", ">", ">=", "&", "!=", "s>", "s>=", "", "", "<", "<=", "s<", "s<=",
	};

	return (size_t)op >> 4 < sizeof(words) / sizeof(words[0]) ? words[op >> 4] : "?";
}

static const char *size_word(int size)
{
	static const char *const words[] = {"u32", "u16", "u8", "u64"};

	return words[size >> 3];
}

static void print_alu(FILE *out, struct bpf_insn insn)
{
	char reg = BPF_CLASS(insn.code) == BPF_ALU64 ? 'r' : 'w';

	if (BPF_OP(insn.code) == BPF_END)
		fprintf(out, "r%d = %s%d r%d", insn.dst_reg,
			BPF_SRC(insn.code) == BPF_TO_BE ? "be" : "le", insn.imm, insn.dst_reg);
	else if (BPF_OP(insn.code) == BPF_NEG)
		fprintf(out, "%c%d = -%c%d", reg, insn.dst_reg, reg, insn.dst_reg);
	else if (BPF_SRC(insn.code) == BPF_X)
		fprintf(out, "%c%d %s %c%d", reg, insn.dst_reg, alu_word(BPF_OP(insn.code)), reg,
			insn.src_reg);
	else
		fprintf(out, "%c%d %s %d", reg, insn.dst_reg, alu_word(BPF_OP(insn.code)),
			insn.imm);
}

static void print_jump(const struct listing *l, const struct bytecode_instruction *jump)
{
	struct bpf_insn insn = jump->insn;
	char reg = BPF_CLASS(insn.code) == BPF_JMP ? 'r' : 'w';
	uint32_t start = l->code->block_starts[jump->target.id];

	if (BPF_OP(insn.code) != BPF_JA) {
		fprintf(l->out, "if %c%d %s ", reg, insn.dst_reg, jump_word(BPF_OP(insn.code)));
		if (BPF_SRC(insn.code) == BPF_X)
			fprintf(l->out, "%c%d ", reg, insn.src_reg);
		else
			fprintf(l->out, "0x%x ", (unsigned)insn.imm);
	}
	if (start < l->code->count)
		fprintf(l->out, "goto L%u", l->numbers[start]);
	else
		fprintf(l->out, "goto nowhere");
}

static void print_branch(const struct listing *l, const struct bytecode_instruction *instruction)
{
	if (bytecode_is_jump(instruction))
		print_jump(l, instruction);
	else if (instruction->symbol == SYMBOL_SUBPROGRAM)
		fprintf(l->out, "call %s", instruction->subprogram->name);
	else if (BPF_OP(instruction->insn.code) == BPF_CALL)
		fprintf(l->out, "call %s#%d", helper_name(instruction->insn.imm),
			instruction->insn.imm);
	else
		fprintf(l->out, "exit");
}

static void print_wide(FILE *out, const struct bytecode_instruction *first)
{
	fprintf(out, "r%d = ", first->insn.dst_reg);
	if (first->symbol == SYMBOL_NONE)
		fprintf(out, "0x%jx ll", (uintmax_t)bytecode_wide_value(first));
	else if (first->symbol == SYMBOL_TABLES || first->symbol == SYMBOL_HOST)
		fprintf(out, "%s[%u] ll", symbol_names[first->symbol], (uint32_t)first->insn.imm);
	else
		fprintf(out, "map %s ll", symbol_names[first->symbol]);
}

static void print_memory(FILE *out, struct bpf_insn insn)
{
	const char *size = size_word(BPF_SIZE(insn.code));

	if (BPF_MODE(insn.code) == BPF_ATOMIC)
		fprintf(out, "lock *(%s *)(r%d %+d) += r%d", size, insn.dst_reg, insn.off,
			insn.src_reg);
	else if (BPF_CLASS(insn.code) == BPF_LDX)
		fprintf(out, "r%d = *(%s *)(r%d %+d)", insn.dst_reg, size, insn.src_reg, insn.off);
	else if (BPF_CLASS(insn.code) == BPF_STX)
		fprintf(out, "*(%s *)(r%d %+d) = r%d", size, insn.dst_reg, insn.off, insn.src_reg);
	else
		fprintf(out, "*(%s *)(r%d %+d) = %d", size, insn.dst_reg, insn.off, insn.imm);
}

static void print_instruction(const struct listing *l,
			      const struct bytecode_instruction *instruction)
{
	switch (BPF_CLASS(instruction->insn.code)) {
	case BPF_ALU:
	case BPF_ALU64:
		print_alu(l->out, instruction->insn);
		break;
	case BPF_JMP:
	case BPF_JMP32:
		print_branch(l, instruction);
		break;
	case BPF_LD:
		print_wide(l->out, instruction);
		break;
	default:
		print_memory(l->out, instruction->insn);
	}
}

/* Prints the rule's source location and the first line of its text, with `?` for control characters. */
static void print_origin(const struct listing *l, struct span origin)
{
	const char *text;
	struct source_location location;
	size_t length, i;

	if (!origin.end) {
		fprintf(l->out, "; shared look-up\n");
		return;
	}
	location = source_location(l->sources, origin.first);
	text = source_text(l->sources, origin);
	length = origin.end - origin.first;
	if (length > RULE_TEXT_MAX)
		length = RULE_TEXT_MAX;
	fprintf(l->out, "; %s:%u: ", location.file->name, location.line);
	for (i = 0; i < length && text[i] != '\n'; i++)
		fputc((unsigned char)text[i] < ' ' || text[i] == 0x7f ? '?' : text[i], l->out);
	fputc('\n', l->out);
}

static void print_heading(const struct listing *l, size_t index)
{
	const struct bytecode_instruction *now = &l->code->instructions[index];
	struct span before = index ? now[-1].origin : (struct span){0, 0};

	if (l->sources && (before.first != now->origin.first || before.end != now->origin.end))
		print_origin(l, now->origin);
	if (now->comment)
		fprintf(l->out, "; %s\n", now->comment);
	if (l->numbers[index])
		fprintf(l->out, "L%u:\n", l->numbers[index]);
}

/* Numbers the blocks that some jump leads to, in the order of the listing. */
static uint32_t *number_blocks(const struct bytecode *code)
{
	uint32_t *numbers = arena_alloc(code->arena, code->count + 1, sizeof(*numbers));
	uint32_t number = 0;
	size_t i;

	for (i = 0; i < code->count; i++) {
		const struct bytecode_instruction *jump = &code->instructions[i];

		if (bytecode_is_jump(jump) && code->block_starts[jump->target.id] < code->count)
			numbers[code->block_starts[jump->target.id]] = 1;
	}
	for (i = 0; i < code->count; i++)
		if (numbers[i])
			numbers[i] = ++number;
	return numbers;
}

void bytecode_dump(const struct bytecode *code, const struct sources *sources, FILE *out)
{
	struct listing l = {code, sources, out, number_blocks(code)};
	size_t i;

	for (i = 0; i < code->count; i++) {
		print_heading(&l, i);
		fprintf(out, "%6zu: ", i);
		print_instruction(&l, &code->instructions[i]);
		fputc('\n', out);
		if (bytecode_is_wide(&code->instructions[i]))
			i++;
	}
	for (i = code->subprogram_count; i-- > 0;)
		fprintf(out, "; %s has %zu instructions, which no rule changes\n",
			code->subprograms[i]->name, code->subprograms[i]->code->count);
}
