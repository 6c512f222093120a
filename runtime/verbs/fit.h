/* Whether a socket is what the rules declare for a label. */
#ifndef SKLC_VERBS_FIT_H
#define SKLC_VERBS_FIT_H

#include <stddef.h>
#include <stdint.h>

struct declared_key;
struct opened_label;

enum { DIFFERENCE_MAX = 512 };

/* 1: it is; 0: it is not, and DIFFERENCE says what differs, "it ..."; -errno after a message. */
int label_fits(const struct opened_label *label, const struct declared_key *endpoint,
	       uint64_t cookie, char difference[DIFFERENCE_MAX]);

#endif
