/* The classification alone, for programs that measure or test it. */
#ifndef SKLC_LAYOUT_TO_BYTECODE_H
#define SKLC_LAYOUT_TO_BYTECODE_H

#include "bytecode.h"

struct arena;
struct layout;

/* Emits what finds the outcome of the packet that R6 points to (a struct bpf_sk_lookup, in any readable
 * memory): it ends at CLASSIFIED with R7 the number of the outcome's first row, ROW_PASS and ROW_DROP among
 * them. FAILED is where a bound that never fails would go. R0 to R5 and R7 are lost. */
void layout_emit_classifier(struct arena *arena, struct bytecode *code, const struct layout *layout,
			    struct jump_label classified, struct jump_label failed);

#endif
