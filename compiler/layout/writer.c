/* Adds steps to the search that is being written, and elements to its steps. */
#include "writer.h"

#include "compiler/base/arena.h"

#include <string.h>

uint32_t child_ref(const struct writer *w, diagram_ref ref)
{
	return ref_is_terminal(ref) ? w->layout->rows_of[ref_index(ref)] : w->table_refs[ref];
}

struct written_step *new_step(const struct writer *w, struct layout_step step)
{
	struct written_step *written = arena_alloc(w->scratch, 1, sizeof(*written));

	written->step = step;
	written->step.operand = variable_operand(w->variable);
	written->step.is_again = variable_is_again(w->variable);
	return written;
}

void add_step(struct writer *w, struct written_step *step)
{
	*ARENA_APPEND(w->scratch, w->steps, w->step_count, w->step_capacity) = step;
	step->step.tag = (uint32_t)w->step_count;
}

unsigned char *add_element(struct writer *w, struct written_step *step, uint32_t *index)
{
	size_t bytes = step->step.element_bytes, at = step->size;
	bool is_counted = w->bytes_written > w->bytes_max && at;

	w->bytes_written += bytes;
	*index = step->step.region.count++;
	if (is_counted) {
		*index = 0;
		return step->bytes;
	}
	if (at + bytes > step->capacity) {
		size_t before = step->capacity;

		step->capacity = before ? 2 * before : 2 * bytes;
		step->bytes = arena_resize(w->scratch, step->bytes, before, step->capacity, 1);
	}
	step->size += bytes;
	memset(step->bytes + at, 0, bytes);
	return step->bytes + at;
}

void put_reference(unsigned char *references, size_t index, uint32_t ref)
{
	memcpy(references + index * sizeof(ref), &ref, sizeof(ref));
}

uint16_t narrow_result(uint32_t ref)
{
	return (uint16_t)(ref >> TAG_SHIFT ? NARROW_BIT | (ref & INDEX_MASK) : ref);
}

uint32_t narrow_tag(const struct writer *w)
{
	return w->choice->is_narrow && w->choice->narrow_variable != NO_VARIABLE
		       ? w->first_tags[w->choice->narrow_variable]
		       : 0;
}

void put_result(const struct layout_step *step, unsigned char *results, size_t index, uint32_t ref)
{
	uint16_t narrow = narrow_result(ref);

	if (step->is_narrow)
		memcpy(results + index * sizeof(narrow), &narrow, sizeof(narrow));
	else
		put_reference(results, index, ref);
}
