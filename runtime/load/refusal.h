/* Reports why the kernel refused a program. */
#ifndef SKLC_REFUSAL_H
#define SKLC_REFUSAL_H

#include <stdbool.h>

struct btf;
struct object;

/* Whether the verifier may take the program with CAP_PERFMON: it says that the guards of a load without
 * make it too large, or that they cannot be put in. A leak of a pointer is no such refusal. */
bool refusal_by_guards(int error, const char *log);

/* Gives one message. If the verifier refused the program, it is about the line of the rules that
 * the refused instruction comes from, and has the instruction, the verifier's reason and, if
 * VERBOSE, the end of its log. TYPES are the object's; LOG is the verifier's, empty if the kernel
 * failed before. Returns -abs(ERROR). */
int refusal_report(const struct object *object, const struct btf *types, int error, const char *log,
		   bool verbose);

#endif
