/* The function that a program calls for a label whose own slot had nothing for the packet: where rules declare
 * sockets, spare slots may have. */
#ifndef SKLC_TRY_LABEL_H
#define SKLC_TRY_LABEL_H

#include "bytecode.h"

struct layout;

#define TRY_LABEL "try_label" /* its name */

/* `int try_label(context, index, flags)`, where INDEX is 4 * label + place: it tries the label's spare slots, and
 * before them its own if there may be more rows than one, and counts the hit or the miss. 1: a socket took the
 * packet, or a program before this one has chosen; else 0. Other results would be refused by kernels before 5.11,
 * whose verifier holds every function to what the program may give. */
const struct bytecode_function *try_label_function(struct arena *arena,
						   const struct layout *layout);

/* The results of functions that try something for a packet. */
enum { MISSED, DECIDED };

/* LABEL stands where the function gives this result. */
void emit_exit(struct bytecode *code, struct jump_label label, int32_t result);

/* The end of such a function, the context being in R6: tries the label whose index is in R2, with the flags in R3,
 * its OWN slot before its spares, and counts the hit or the miss. MISSED stands where it leaves without. */
void emit_label(struct bytecode *code, const struct layout *layout, bool own,
		struct jump_label missed);

#endif
