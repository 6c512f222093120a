/* Chooses how the nodes of each variable are stored. */
#ifndef SKLC_LAYOUT_CHOOSE_H
#define SKLC_LAYOUT_CHOOSE_H

#include "compiler/pipeline.h"
#include "layout.h"

/* The number of variables in one search, each again or not. */
enum { VARIABLES = OPERAND_COUNT << OPERAND_SHIFT, NO_VARIABLE = VARIABLES };

/* The ways to store nodes. The first ones are compared by cost, in this order; of two that cost the same, the later one
 * is taken. table_format.h says what references and entries are. */
enum way {
	WAY_STRIDE, /* a stride table of references, with trees below it */
	WAY_RANGES, /* a stride table of entries, with trees below it */
	WAY_TREE,   /* a tree alone */
	WAY_CROSS,  /* a cross-product table */
	WAYS_WITH_COSTS,
	WAY_LPM = WAYS_WITH_COSTS, /* the kernel's trie */
};

/* The nodes of one variable that are in the tables, and how all of them are stored. */
struct operand_choice {
	uint32_t *nodes; /* their indexes, ascending */
	size_t count, capacity;
	const struct diagram_node *largest, *smallest;
	size_t tree_bytes; /* approximate size of all of them as trees */

	enum way way;
	struct search_costs costs;
	/* With stride tables: nodes of at least STRIDE_FROM intervals have one, which STRIDE_BITS bits index; the other
	 * nodes are trees alone. STRIDE_BITS is 0 if no node has one. */
	uint32_t stride_from, stride_bits;
	struct layout_window stride_window; /* of nodes that have stride tables */
	struct layout_window tree_window;   /* of nodes that are trees alone */
	struct layout_classes classes;      /* for a cross-product table */
	bool has_class_table;
	bool is_narrow; /* every result is narrow */
	/* If IS_NARROW: the variable of all nodes that are results; NO_VARIABLE if all results are rows. */
	uint32_t narrow_variable;
};

struct choices {
	struct operand_choice operands[SEARCHES_MAX][VARIABLES];
};

/* The choice for the nodes of a variable. */
const struct operand_choice *choice_of(const struct choices *choices, uint32_t variable);

/* Whether a node begins with a stride table. */
bool node_has_stride(const struct operand_choice *choice, const struct diagram_node *node);

/* Lists the variables of a search, without the number of the search, in the order in which its nodes ask for them, from
 * the roots down. Gives their count. */
size_t variable_order(const struct layout_search *search, uint32_t variables[VARIABLES]);

/* Chooses for all nodes in tables. The layout's rows_of must be filled in. */
void choose_ways(struct arena *arena, const struct layout *layout, enum table_kind tables,
		 struct choices *choices);

#endif
