/* How much fits into elements of the tables. */
#include "table_format.h"

struct leaf_shape leaf_shape(const struct layout_step *step)
{
	struct leaf_shape best = {0, 0};
	uint32_t bytes, lanes, results;

	for (bytes = LANES_WORD_BYTES; bytes < NODE_BYTES; bytes += LANES_WORD_BYTES) {
		lanes = 8 * bytes / step->lane_bits;
		results = (NODE_BYTES - bytes) / result_bytes(step);
		if (lanes + 1 > results)
			lanes = results - 1;
		if (lanes > best.keys)
			best = (struct leaf_shape){lanes, bytes};
	}
	return best;
}

/* One interval fits. Of two intervals, the second is the range: it is given the size of the whole child of the stride
 * table, and so reaches to the child's end. Of three, the second is the range if its size is a power of two, and the
 * first and the last must lead to the same node or outcome. */
bool fits_entry(const struct diagram_node *node, uint32_t first, uint32_t end)
{
	u128 words;

	if (end - first < 3)
		return true;
	words = node->starts[first + 2] - node->starts[first + 1];
	return end - first == 3 && node->children[first] == node->children[first + 2] &&
	       !(words & (words - 1));
}
