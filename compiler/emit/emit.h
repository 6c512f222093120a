/* What others use of the direct emitter: the classification alone, for programs that measure or test it, and the
 * subprograms that both back ends share. */
#ifndef SKLC_EMIT_H
#define SKLC_EMIT_H

#include "compiler/bytecode/bytecode.h"

struct arena;
struct layout;

/* Emits what finds the outcome of the packet that R6 points to (a struct bpf_sk_lookup, in any readable
 * memory): it ends at CLASSIFIED with R7 the number of the outcome's first row, ROW_PASS and ROW_DROP among
 * them. FAILED is where a bound that never fails would go. R0 to R5 and R7 are lost. */
void layout_emit_classifier(struct arena *arena, struct bytecode *code, const struct layout *layout,
			    struct basic_block classified, struct basic_block failed);

/* `int try_label(context, index, flags)`, where INDEX is 4 * label + place: it tries the label's spare slots, and
 * before them its own if there may be more rows than one, and counts the hit or the miss. 1: a socket took the
 * packet, or a program before this one has chosen; else 0. Other results would be refused by kernels before 5.11,
 * whose verifier holds every function to what the program may give. */
const struct bytecode_subprogram *try_label_subprogram(struct arena *arena,
						       const struct layout *layout);

/* `int try_group(context, head)` carries out the rows of a group, by a call of `int try_row(context, row)` for each,
 * which counts the rule, tries the label's own slot and then its spares, and counts the hit or the miss. 1: a socket
 * took the packet, or a program before this one has chosen; else 0. */
const struct bytecode_subprogram *try_group_subprogram(struct arena *arena,
						       const struct layout *layout);

#endif
