/* What others use of the direct back end: the classification alone, for programs that measure or test it; and the
 * subprograms, which both back ends call, so that neither checks the other in them. */
#ifndef SKLC_EMIT_H
#define SKLC_EMIT_H

#include "compiler/bytecode/bytecode.h"

struct arena;
struct layout;

/* Emits the code that finds the outcome of the packet that R6 points to (a struct bpf_sk_lookup, in any readable
 * memory). The code ends at CLASSIFIED, where R7 is the number of the outcome's first row, ROW_PASS and ROW_DROP
 * included. It would go to FAILED if an index were out of its table's bounds, which never happens. R0 to R5 and R7 are
 * lost. */
void layout_emit_classifier(struct arena *arena, struct bytecode *code, const struct layout *layout,
			    struct basic_block classified, struct basic_block failed);

/* `int try_label(context, index, flags)` tries the spare slots of a label, and before them its own slot if outcomes may
 * have several rows; counts the hit or the miss. INDEX is the label index, 4 * label + flow class. FLAGS are those of
 * bpf_sk_assign. Returns 1 if a socket took the packet or a program before this one has chosen, else 0: kernels before
 * 5.11 refuse other results, since their verifier holds each subprogram to what the program may return. */
const struct bytecode_subprogram *try_label_subprogram(struct arena *arena,
						       const struct layout *layout);

/* `int try_group(context, head)` carries out the rows of the group whose head is this row, by a call of `int
 * try_row(context, row)` for each. That counts the rule, tries the label's own slot and then its spare slots, and counts
 * the hit or the miss. Both return 1 if a socket took the packet or a program before this one has chosen, else 0. */
const struct bytecode_subprogram *try_group_subprogram(struct arena *arena,
						       const struct layout *layout);

#endif
