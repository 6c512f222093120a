/* Says the same rules in other words: as nft has them, with defines, element files and included files. */
#ifndef SKLC_RESPELL_H
#define SKLC_RESPELL_H

#include "tests/lib/random.h"

/* A bundle (bundle.h) that means the same as a generated text, which is freed; the caller frees the bundle. */
char *respell(char *text, struct random *random);

#endif
