/* The function that a program calls for a label whose own slot had nothing for the packet: where rules declare
 * sockets, spare slots may have. */
#ifndef SKLC_TRY_LABEL_H
#define SKLC_TRY_LABEL_H

#include "emit.h"

/* LABEL stands where the function gives this result. */
void emit_exit(struct bytecode *code, struct basic_block label, int32_t result);

/* The end of such a function, the context being in R6: tries the label whose index is in R2, with the flags in R3,
 * its OWN slot before its spares, and counts the hit or the miss. MISSED stands where it leaves without. */
void emit_label(struct bytecode *code, const struct layout *layout, bool own,
		struct basic_block missed);

#endif
