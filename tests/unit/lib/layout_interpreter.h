/* The tables of a layout, searched as the programs do, in plain C. */
#ifndef SKLC_TEST_LAYOUT_INTERPRETER_H
#define SKLC_TEST_LAYOUT_INTERPRETER_H

#include "compiler/layout/layout.h"
#include "compiler/layout/table_format.h"

struct packet;

/* The first step of a kind; NULL: there is none. */
const struct layout_step *find_step(const struct layout *layout, enum step_kind kind);

/* Element INDEX of a step. */
const unsigned char *layout_element(const struct layout *layout, const struct layout_step *step,
				    uint32_t index);

/* Of numbers of so many bits each, one. */
uint64_t number_at(const unsigned char *bytes, size_t index, unsigned bits);

/* The first row of what becomes of a packet. */
uint32_t search_layout(const struct layout *layout, const struct packet *packet);

#endif
