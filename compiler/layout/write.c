/* Writes the tables. The nodes of a search are written from its last variable to its first, so that all references are
 * known before they are written. A step is made when the first node needs it. So the steps are made from the last one
 * of the search to the first, and get their tags in this order. */
#include "write.h"

#include "compiler/base/arena.h"
#include "writer.h"

#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

static uint32_t add_class_table(struct writer *w, const struct layout_classes *classes)
{
	uint32_t port, run = 0;

	w->class_bytes = arena_grow(w->scratch, w->class_bytes, w->class_tables * CLASS_TABLE,
				    (w->class_tables + 1) * CLASS_TABLE, 1);
	for (port = 0; port < CLASS_TABLE; port++) {
		if (run + 1 < classes->run_count && classes->starts[run] == port)
			run++;
		w->class_bytes[w->class_tables * CLASS_TABLE + port] = classes->of_run[run];
	}
	return (uint32_t)w->class_tables++;
}

static struct written_step *cross_step(struct writer *w)
{
	struct layout_step step = {.kind = STEP_CROSS,
				   .is_narrow = w->choice->is_narrow,
				   .narrow_tag = narrow_tag(w),
				   .classes = w->choice->classes,
				   .class_table = NO_INDEX};

	if (w->choice->has_class_table)
		step.class_table = add_class_table(w, &w->choice->classes);
	step.element_bytes = masked_room(cross_used(&step)) * result_bytes(&step);
	return new_step(w, step);
}

/* Writes a node as a row of results, one for each equivalence class, or for each run if there is no class table. Gives
 * the row's index. */
static uint32_t add_cross(struct writer *w, struct written_step *cross,
			  const struct diagram_node *node)
{
	uint32_t result, i = 0, index;
	unsigned char *results = add_element(w, cross, &index);

	for (result = 0; result < cross_used(&cross->step); result++) {
		while (i + 1 < node->count &&
		       node->starts[i + 1] <= cross_port(&cross->step, result))
			i++;
		put_result(&cross->step, results, result, child_ref(w, node->children[i]));
	}
	return index;
}

static void write_cross(struct writer *w)
{
	struct written_step *cross = cross_step(w);
	size_t i;

	add_step(w, cross);
	for (i = 0; i < w->choice->count; i++) {
		uint32_t index = w->choice->nodes[i];

		w->table_refs[index] = cross->step.tag << TAG_SHIFT |
				       add_cross(w, cross, &w->layout->nodes[index]);
	}
}

/* Whether a node is in the kernel's trie. */
static bool is_in_lpm(const struct writer *w, size_t index)
{
	return w->layout->forms[index] == FORM_TABLE &&
	       choice_of(&w->choices, w->layout->nodes[index].variable)->way == WAY_LPM;
}

/* The nodes have numbers already. Their prefixes are written later, when all references are known. */
static void write_lpm(struct writer *w)
{
	struct written_step *lpm = new_step(w, (struct layout_step){.kind = STEP_LPM});
	size_t i;

	add_step(w, lpm);
	lpm->step.region.count = (uint32_t)w->choice->count;
	for (i = 0; i < w->choice->count; i++)
		w->table_refs[w->choice->nodes[i]] |= lpm->step.tag << TAG_SHIFT;
}

static void write_variable(struct writer *w)
{
	switch (w->choice->way) {
	case WAY_STRIDE:
	case WAY_RANGES:
		write_trees(w);
		write_strides(w);
		break;
	case WAY_TREE:
		write_trees(w);
		break;
	case WAY_CROSS:
		write_cross(w);
		break;
	case WAY_LPM:
		write_lpm(w);
		break;
	}
	w->first_tags[w->variable] = (uint32_t)w->step_count;
	w->steps[w->step_count - 1]->step.costs = w->choice->costs;
}

/* Writes the nodes of all variables of a search, from the last variable to the first. */
static void write_variables(struct writer *w, uint32_t search)
{
	uint32_t variables[VARIABLES];
	size_t i = variable_order(&w->layout->searches[search], variables);

	w->steps = NULL;
	w->step_count = w->step_capacity = 0;
	while (i-- > 0) {
		w->variable = variables[i];
		w->choice = &w->choices.operands[search][variables[i]];
		if (w->choice->count)
			write_variable(w);
	}
}

/* Adds the fewest prefixes that make up the operands from FIRST to LAST, each with the value REF. The operands are
 * shifted up, so that their highest bit is bit 63. */
static void add_prefixes(struct writer *w, uint32_t node, uint64_t first, uint64_t last,
			 uint32_t ref)
{
	uint64_t within;

	for (;;) {
		unsigned free_bits = first ? (unsigned)__builtin_ctzll(first) : 63;

		while (within = (UINT64_C(1) << free_bits) - 1, within > last - first)
			free_bits--;
		*ARENA_APPEND(w->arena, w->prefixes, w->prefix_count,
			      w->prefix_capacity) = (struct abi_prefix){
			{ABI_PREFIX_BITS - free_bits, htonl(node), htobe64(first)}, ref, 0};
		if (last - first == within)
			return;
		first += within + 1;
	}
}

/* Adds the intervals of a node as prefixes. */
static void add_node_prefixes(struct writer *w, uint32_t index)
{
	const struct diagram_node *node = &w->layout->nodes[index];
	unsigned shift = 64 - operand_bits(variable_operand(node->variable));
	uint64_t first, last;
	uint32_t i;

	for (i = 0; i < node->count; i++) {
		first = (uint64_t)node->starts[i] << shift;
		last = i + 1 < node->count ? ((uint64_t)node->starts[i + 1] << shift) - 1
					   : UINT64_MAX;
		add_prefixes(w, w->table_refs[index] & INDEX_MASK, first, last,
			     child_ref(w, node->children[i]));
	}
}

/* Numbers the nodes in the kernel's trie in the order of the diagram. A number is the index in the node's reference, to
 * which write_lpm adds the tag. */
static void number_lpm_nodes(struct writer *w)
{
	uint32_t number = 0;
	size_t i;

	for (i = 0; i < w->layout->node_count; i++)
		if (is_in_lpm(w, i))
			w->table_refs[i] = number++;
}

/* Gives a search its steps in the order in which they run. */
static void finish_search(struct writer *w, uint32_t search)
{
	size_t i;

	w->written[search] = arena_alloc(w->scratch, w->step_count + 1,
					 sizeof(*w->written[search]));
	for (i = 0; i < w->step_count; i++)
		w->written[search][i] = w->steps[w->step_count - 1 - i];
	w->layout->searches[search].step_count = w->step_count;
}

/* Writes the elements of all steps; false if a search has more steps than there are tags. */
static bool write_searches(struct writer *w)
{
	uint32_t search, i;

	number_lpm_nodes(w);
	for (search = 0; search < w->layout->search_count; search++) {
		write_variables(w, search);
		if (w->step_count > TAGS_MAX) /* some tags did not fit into references */
			return false;
		finish_search(w, search);
	}
	for (i = 0; i < w->layout->node_count; i++)
		if (is_in_lpm(w, i))
			add_node_prefixes(w, i);
	return true;
}

/* Reserves a region after the first BYTES bytes of the tables, which grow by it. SIZE is that of one element. */
static struct layout_region reserve(size_t *bytes, size_t count, size_t size)
{
	struct layout_region region = {(uint32_t)*bytes, (uint32_t)count};

	*bytes = (*bytes + count * size + NODE_BYTES - 1) / NODE_BYTES * NODE_BYTES;
	return region;
}

/* Reserves the regions of a search's steps, which are then complete. */
static void reserve_steps(const struct writer *w, struct layout_search *search,
			  struct written_step **written, size_t *size)
{
	struct layout_step *steps = arena_alloc(w->arena, search->step_count + 1, sizeof(*steps));
	size_t i;

	for (i = 0; i < search->step_count; i++) {
		steps[i] = written[i]->step;
		if (steps[i].kind != STEP_LPM)
			steps[i].region = reserve(size, steps[i].region.count,
						  steps[i].element_bytes);
	}
	search->steps = steps;
	/* A masked index of a result may be past the last result of a leaf, and so past the end of the last leaf. */
	if (search->step_count)
		*size += NODE_BYTES;
}

/* Reserves all regions of the tables. Gives the size of the tables. */
static size_t reserve_regions(const struct writer *w)
{
	struct layout *layout = w->layout;
	size_t size = 0, i;

	layout->rows = reserve(&size, w->rows.count, sizeof(*w->rows.items));
	layout->classes = reserve(&size, w->class_tables * CLASS_TABLE, 1);
	for (i = 0; i < layout->search_count; i++)
		reserve_steps(w, &layout->searches[i], w->written[i], &size);
	return size;
}

static void put(unsigned char *bytes, struct layout_region region, const void *array, size_t size)
{
	if (size)
		memcpy(bytes + region.offset, array, size);
}

static unsigned char *put_regions(const struct writer *w)
{
	const struct layout *layout = w->layout;
	unsigned char *bytes = arena_alloc(w->arena, layout->object.table_bytes, 1);
	size_t i, j;

	put(bytes, layout->rows, w->rows.items, w->rows.count * sizeof(*w->rows.items));
	put(bytes, layout->classes, w->class_bytes, w->class_tables * CLASS_TABLE);
	for (i = 0; i < layout->search_count; i++)
		for (j = 0; j < layout->searches[i].step_count; j++)
			put(bytes, layout->searches[i].steps[j].region, w->written[i][j]->bytes,
			    w->written[i][j]->size);
	return bytes;
}

/* Writes all steps, and puts them together. */
static bool write_regions(struct writer *w)
{
	struct layout_object *object = &w->layout->object;

	if (!write_searches(w))
		return false;
	object->table_bytes = reserve_regions(w);
	object->prefixes = w->prefixes;
	object->prefix_count = w->prefix_count;
	if (layout_bytes(object) > w->bytes_max)
		return false;
	object->tables = put_regions(w);
	return true;
}

bool write_tables(struct arena *arena, struct layout *layout, enum table_kind tables,
		  const struct diagram_outcome *outcomes, size_t outcome_count, size_t bytes_max)
{
	struct writer w = {.arena = arena, .layout = layout, .bytes_max = bytes_max};
	bool fits;

	w.scratch = arena_new();
	w.table_refs = arena_alloc(arena, layout->node_count + 1, sizeof(*w.table_refs));
	layout->table_refs = w.table_refs;
	w.rows = layout_rows_of(arena, layout, outcomes, outcome_count);
	choose_ways(arena, layout, tables, &w.choices);
	fits = write_regions(&w);
	arena_free(w.scratch);
	return fits;
}
