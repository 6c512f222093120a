/* Finds a generation that is kept. */
#ifndef SKLC_FIND_GENERATION_H
#define SKLC_FIND_GENERATION_H

#include <stdint.h>

struct generation;
struct standing;
struct state;

/* Opens the generation of this number. RUNTIME_NOT_THERE after a message that lists those that are
 * kept; -errno after a message. */
int find_generation(const struct state *state, const struct standing *standing, uint32_t number,
		    struct generation *generation);

#endif
