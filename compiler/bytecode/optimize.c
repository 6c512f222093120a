/*
 * Makes the same program with fewer instructions. The emitter writes one node or step at a time, and does not see what
 * could be saved across them: jumps to jumps, values that are known, and code that no path reaches, which the verifier
 * would refuse ("unreachable insn"). The optimizations are in optimize_*.c. This file has the program that they change,
 * the removal of unreachable code, and the loop that repeats the optimizations until nothing changes.
 */
#include "optimize.h"

#include "compiler/base/arena.h"
#include "compiler/base/diag.h"
#include "compiler/pipeline.h"

#include <string.h>

/* One optimization makes another possible, so they are repeated. No program seen so far gained from this many
 * rounds. */
enum { ROUNDS_MAX = 8 };

size_t optimizer_first(const struct optimizer *o, size_t index)
{
	while (index < o->code->count && o->gone[index])
		index++;
	return index;
}

size_t optimizer_next(const struct optimizer *o, size_t index)
{
	return optimizer_first(o, index + 1 + bytecode_is_wide(&o->code->instructions[index]));
}

size_t optimizer_target(const struct optimizer *o, size_t jump)
{
	return optimizer_first(o, o->code->block_starts[o->code->instructions[jump].target.id]);
}

void optimizer_set_target(struct optimizer *o, size_t jump, size_t target)
{
	struct basic_block block = bytecode_new_block(o->code);

	o->references[optimizer_target(o, jump)]--;
	o->code->block_starts[block.id] = (uint32_t)target;
	o->code->instructions[jump].target = block;
	o->references[target]++;
	o->changed = true;
}

void optimizer_replace(struct optimizer *o, size_t index, struct bpf_insn insn)
{
	struct bytecode_instruction *instruction = optimizer_at(o, index);
	const struct bytecode_instruction made = {.insn = insn};

	if (bytecode_is_jump(instruction) && !bytecode_is_jump(&made))
		o->references[optimizer_target(o, index)]--;
	instruction->insn = insn;
	o->changed = true;
}

static void mark_gone(struct optimizer *o, size_t index)
{
	o->gone[index] = true;
	if (bytecode_is_wide(optimizer_at(o, index)))
		o->gone[index + 1] = true;
	o->changed = true;
}

void optimizer_remove(struct optimizer *o, size_t index)
{
	struct bytecode_instruction *instruction = optimizer_at(o, index);
	size_t next = optimizer_next(o, index);

	if (bytecode_is_jump(instruction))
		o->references[optimizer_target(o, index)]--;
	mark_gone(o, index);
	o->references[next] += o->references[index];
	if (!optimizer_at(o, next)->comment)
		optimizer_at(o, next)->comment = instruction->comment;
}

static void count_references(struct optimizer *o)
{
	size_t i;

	memset(o->references, 0, o->code->count * sizeof(*o->references));
	for (i = optimizer_first(o, 0); i < o->code->count; i = optimizer_next(o, i))
		if (bytecode_is_jump(optimizer_at(o, i)))
			o->references[optimizer_target(o, i)]++;
}

struct worklist {
	bool *seen;
	size_t *items;
	size_t count;
};

static void reach(struct worklist *work, size_t index)
{
	if (work->seen[index])
		return;
	work->seen[index] = true;
	work->items[work->count++] = index;
}

static void remove_unreachable(struct optimizer *o)
{
	struct worklist work = {
		.seen = arena_alloc(o->arena, o->code->count, sizeof(*work.seen)),
		.items = arena_alloc(o->arena, o->code->count, sizeof(*work.items)),
	};
	size_t i;

	reach(&work, optimizer_first(o, 0));
	while (work.count) {
		const struct bytecode_instruction *instruction;

		i = work.items[--work.count];
		instruction = optimizer_at(o, i);
		if (bytecode_is_jump(instruction))
			reach(&work, optimizer_target(o, i));
		if (!bytecode_always_jumps(instruction) && !bytecode_is_exit(instruction))
			reach(&work, optimizer_next(o, i));
	}
	for (i = optimizer_first(o, 0); i < o->code->count; i = optimizer_next(o, i))
		if (!work.seen[i])
			mark_gone(o, i);
	count_references(o);
}

static struct bytecode *copy_code(struct arena *arena, const struct bytecode *from)
{
	struct bytecode *code = bytecode_new(arena);

	*code = *from;
	code->arena = arena;
	code->instructions = arena_grow(arena, from->instructions, from->count, from->count,
					sizeof(*code->instructions));
	code->capacity = from->count;
	code->block_starts = arena_grow(arena, from->block_starts, from->block_count,
					from->block_count + 1, sizeof(*code->block_starts));
	code->block_capacity = from->block_count + 1;
	return code;
}

static struct optimizer optimizer_new(struct arena *arena, const struct bytecode *code)
{
	struct optimizer o = {.arena = arena, .code = copy_code(arena, code)};

	o.gone = arena_alloc(arena, code->count + 1, sizeof(*o.gone));
	o.references = arena_alloc(arena, code->count + 1, sizeof(*o.references));
	count_references(&o);
	return o;
}

/* Takes the removed instructions out of the array. */
static void compact(struct optimizer *o)
{
	struct bytecode *code = o->code;
	uint32_t *moved = arena_alloc(o->arena, code->count + 1, sizeof(*moved));
	uint32_t count = 0;
	size_t i;

	for (i = 0; i < code->count; i++) {
		moved[i] = count;
		if (!o->gone[i])
			code->instructions[count++] = code->instructions[i];
	}
	moved[code->count] = count;
	for (i = 0; i < code->block_count; i++)
		if (code->block_starts[i] < code->count)
			code->block_starts[i] = moved[code->block_starts[i]];
	code->count = count;
}

struct bytecode *bytecode_optimize(struct arena *arena, const struct bytecode *code,
				   struct diag *diag)
{
	struct optimizer o = optimizer_new(arena, code);
	const char *error;
	unsigned round;

	o.changed = true;
	for (round = 0; o.changed && round < ROUNDS_MAX; round++) {
		o.changed = false;
		optimize_jumps(&o);
		remove_unreachable(&o);
		optimize_constants(&o);
		optimize_swaps(&o);
		optimize_dead_code(&o);
	}
	remove_unreachable(&o);
	compact(&o);
	error = bytecode_finish(o.code);
	if (!error)
		return o.code;
	diag_error(diag, (struct span){0, 0}, "the program cannot be written: %s", error);
	return NULL;
}
