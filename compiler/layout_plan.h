/* Chooses which steps the nodes of each key take in the tables of each machine. */
#ifndef SKLC_LAYOUT_PLAN_H
#define SKLC_LAYOUT_PLAN_H

#include "layout.h"
#include "pipeline.h"

enum { MACHINES = FAMILY_COUNT * PROTOCOL_COUNT, KEYS_PLANNED = KEY_INTERFACE + 1 };

/* How the nodes of one key are stored in one machine. Steps that are not there are NULL. */
struct key_plan {
	uint32_t nodes; /* how many there are */
	const struct decision_node *largest;
	size_t tree_lines; /* that all of them would take as trees, results included */
	struct layout_step *root, *cross, *lpm;
	uint32_t root_from;          /* intervals of a node that has a root */
	struct layout_step **levels; /* of lines, 0 the leaves; of interfaces, 0 the last */
	uint32_t level_count;
	unsigned char *class_bytes; /* of each port, for a cross */
};

struct plan {
	struct key_plan keys[MACHINES][KEYS_PLANNED];
	uint32_t
		*interface_levels; /* of each node on an interface: how many come below, plus one */
	uint32_t class_tables;
};

/* Levels of lines that a tree of so many intervals has. */
uint32_t tree_levels(uint32_t intervals);

/* Whether a node starts with a root. */
bool node_has_root(const struct key_plan *plan, const struct decision_node *node);

/* Plans all table nodes, and makes the machines' steps; false when there are more steps than tags. */
bool layout_plan(struct arena *arena, struct layout *layout, enum table_kind tables,
		 struct plan *plan);

#endif
