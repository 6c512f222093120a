/* Chooses which steps the nodes of each key take in the tables of each machine. */
#ifndef SKLC_LAYOUT_PLAN_H
#define SKLC_LAYOUT_PLAN_H

#include "compiler/pipeline.h"
#include "layout.h"

enum { SEARCHES = FAMILY_COUNT * PROTOCOL_COUNT, OPERANDS_PLANNED = OPERAND_INTERFACE + 1 };

/* Levels of lines over leaves. */
struct tree_plan {
	struct layout_step **levels; /* 0 the leaves; of interfaces, 0 the last */
	uint32_t level_count;
};

/* How the nodes of one key are stored in one machine. Steps that are not there are NULL. */
struct operand_plan {
	uint32_t nodes; /* how many there are */
	const struct diagram_node *largest, *smallest;
	size_t tree_bytes; /* that all of them would take as trees, about */
	struct layout_step *root, *cross, *lpm;
	struct search_costs costs;
	uint32_t stride_from;        /* intervals of a node that has a root */
	struct tree_plan below;      /* the root */
	struct tree_plan whole;      /* of nodes without; of interfaces */
	struct layout_window window; /* of nodes without a root */
	bool is_narrow;              /* the results of leaves and crosses */
	struct operand_plan *narrow_next;
	unsigned char *class_bytes; /* of each port, for a cross */
};

struct plan {
	struct operand_plan operands[SEARCHES][OPERANDS_PLANNED];
	uint32_t
		*interface_levels; /* of each node on an interface: how many come below, plus one */
	uint32_t class_tables;
};

struct operand_plan *plan_of(struct plan *plan, const struct diagram_node *node);

/* Whether a node starts with a root. */
bool node_has_stride(const struct operand_plan *plan, const struct diagram_node *node);

/* Intervals [first, end) of a node: all, or those that share a child of its root. */
struct part {
	const struct diagram_node *node;
	uint32_t first, end;
};

/* The parts of a node, one for each child of a root in turn; several may be of one and the same interval. */
struct parts {
	const struct layout_step *root;
	uint64_t child; /* of the next part */
	struct part part;
};

struct parts parts_of(const struct layout_step *root, const struct diagram_node *node);
bool parts_next(struct parts *parts);

/* Whether nothing of a part is below the root. */
bool is_in_stride(const struct layout_step *root, struct part part);

/* Plans all table nodes, and makes the machines' steps; false when there are more steps than tags. */
bool layout_plan(struct arena *arena, struct layout *layout, enum table_kind tables,
		 struct plan *plan);

#endif
