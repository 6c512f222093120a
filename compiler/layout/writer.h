/* What the parts of write.c share: the steps of the search that is being written, with their elements so far. */
#ifndef SKLC_LAYOUT_WRITER_H
#define SKLC_LAYOUT_WRITER_H

#include "choose.h"
#include "rows.h"
#include "table_format.h"

/* A step with the elements that it has so far. */
struct written_step {
	struct layout_step step;
	unsigned char *bytes;
	size_t size, capacity;
};

struct writer {
	struct arena *arena;   /* of the layout */
	struct arena *scratch; /* of what is of no use once the tables are written */
	struct layout *layout;
	/* Bytes of elements that may be written, and that have been. Once there are more, elements are only counted. */
	size_t bytes_max, bytes_written;
	struct choices choices;
	uint32_t *table_refs;
	struct layout_rows rows;

	/* Of the search that is being written: */
	struct written_step **steps; /* the last step of the search comes first */
	size_t step_count, step_capacity;
	uint32_t first_tags[VARIABLES]; /* the tag of each variable's first step */

	/* Of the variable that is being written: */
	const struct operand_choice *choice;
	uint32_t variable; /* without the search */
	size_t leaf; /* index in STEPS of the leaves of its trees; their upper levels follow */

	struct written_step **written[SEARCHES_MAX]; /* the steps of each search that is done */
	unsigned char *class_bytes;                  /* the class tables */
	size_t class_tables;
	struct abi_prefix *prefixes;
	size_t prefix_count, prefix_capacity;
	uint64_t *starts; /* memory for the starts of a struct level */
	uint32_t starts_capacity;
};

/* The reference to a child: to the first row of an outcome, or to a node that has been written. */
uint32_t child_ref(const struct writer *w, diagram_ref ref);

/* Makes a step for the variable that is being written. The step is not in the search yet. */
struct written_step *new_step(const struct writer *w, struct layout_step step);

/* Puts a step before those that are in the search already, and gives it its tag. */
void add_step(struct writer *w, struct written_step *step);

/* Adds an element of zeros to a step. Gives its bytes, which may move when the next element is added, and its index;
 * the bytes of the step's first element, and an index that means nothing, once elements are only counted. */
unsigned char *add_element(struct writer *w, struct written_step *step, uint32_t *index);

void put_reference(unsigned char *references, size_t index, uint32_t ref);

/* Writes result INDEX of a leaf or of a row of a cross-product table, as a narrow result or as a reference, whichever
 * the results of the step are. */
void put_result(const struct layout_step *step, unsigned char *results, size_t index, uint32_t ref);

uint16_t narrow_result(uint32_t ref);

/* The tag of the step that narrow results of the variable lead to; 0 if all of them are rows. */
uint32_t narrow_tag(const struct writer *w);

/* Writes the nodes of the variable that are trees alone. */
void write_trees(struct writer *w);

/* Writes the nodes of the variable that have stride tables, with the trees below them. */
void write_strides(struct writer *w);

#endif
