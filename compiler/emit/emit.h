/* What others use of the direct back end. One part is the classification alone, for programs that measure or test it.
 * The other is the subprograms, which both back ends call; so comparing the back ends does not test these. */
#ifndef SKLC_EMIT_H
#define SKLC_EMIT_H

#include "compiler/bytecode/bytecode.h"

struct arena;
struct layout;

/* Emits the code that finds the outcome of the packet that R6 points to (a struct bpf_sk_lookup, in any readable
 * memory). The code ends with a jump to CLASSIFIED, where R7 is the number of the outcome's first row, which may be
 * ROW_PASS or ROW_DROP. It also has jumps to FAILED, for indexes out of a table's bounds: the verifier needs them, but
 * no packet takes them. R0 to R5 and R7 are lost. */
void layout_emit_classifier(struct arena *arena, struct bytecode *code, const struct layout *layout,
			    struct basic_block classified, struct basic_block failed);

/* `int class_of_interface(context)` gives the class of the interface that the packet came in by: what the map of
 * interfaces has for its number, or the near one as a copy of that; else the word in .bss for all others. */
const struct bytecode_subprogram *class_subprogram(struct arena *arena,
						   const struct layout *layout);

/* `int try_label(context, index, flags)` tries the spare slots of a label, after its own slot if outcomes may have
 * several rows, and counts the hit or the miss. INDEX is the label index, 4 * label + flow class. FLAGS are those of
 * bpf_sk_assign. Returns 1 if a socket took the packet, or a program before this one has chosen; else 0. Kernels before
 * 5.11 refuse other results, since their verifier allows a subprogram only what the program may return. */
const struct bytecode_subprogram *try_label_subprogram(struct arena *arena,
						       const struct layout *layout);

/* `int try_group(context, head)` carries out the rows of a group; HEAD is the number of its head. For each row it calls
 * `int try_row(context, row)`, which counts the rule, tries the label's own slot and then its spare slots, and counts
 * the hit or the miss. Both return 1 if a socket took the packet, or a program before this one has chosen; else 0. */
const struct bytecode_subprogram *try_group_subprogram(struct arena *arena,
						       const struct layout *layout);

/* `int try_parts(context, row of each part)` carries out the rows of all parts in the order of their indexes, without
 * the first one, which the program has carried out, and without labels that were attempted before. The rows that it
 * is given are those that the parts have given. Returns SK_PASS or SK_DROP, and SK_PASS also if a socket took the
 * packet or a program before this one has chosen. */
const struct bytecode_subprogram *try_parts_subprogram(struct arena *arena,
						       const struct layout *layout);

#endif
