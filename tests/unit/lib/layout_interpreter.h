/* Searches the tables of a layout in plain C, as the emitted programs do. */
#ifndef SKLC_TEST_LAYOUT_INTERPRETER_H
#define SKLC_TEST_LAYOUT_INTERPRETER_H

#include "compiler/layout/layout.h"
#include "compiler/layout/table_format.h"

struct packet;

/* The first step of a kind; NULL if there is none. */
const struct layout_step *find_step(const struct layout *layout, enum step_kind kind);

/* Element INDEX of a step. */
const unsigned char *layout_element(const struct layout *layout, const struct layout_step *step,
				    uint32_t index);

/* Number INDEX of an array of numbers with 16, 32 or 64 bits each. */
uint64_t number_at(const unsigned char *bytes, size_t index, unsigned bits);

/* The first row of the packet's outcome. */
uint32_t search_layout(const struct layout *layout, const struct packet *packet);

#endif
