/* What makes two programs one: their code, their tables and their prefixes. */
#ifndef SKLC_DIGEST_H
#define SKLC_DIGEST_H

#include "compiler/pipeline.h"

#include <sha2.h>

struct digest {
	uint8_t bytes[SHA256_DIGEST_LENGTH];
};

/* Of a compilation that got as far as the program. */
struct digest digest_of(const struct compilation *c);

#endif
