/* A program that the kernel does not take: what is to be said of it. */
#ifndef SKLC_REFUSAL_H
#define SKLC_REFUSAL_H

#include <stdbool.h>

struct btf;
struct object;

/* One message: for what the verifier refuses, at the line of the rules that the instruction is from, with the
 * instruction and the verifier's reason beside; VERBOSE: with the end of its log too. TYPES are the object's,
 * LOG the verifier's, empty where it did not come to that. Returns -abs(ERROR). */
int refusal_report(const struct object *object, const struct btf *types, int error, const char *log,
		   bool verbose);

#endif
