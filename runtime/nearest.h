/* The label that somebody probably meant. */
#ifndef SKLC_NEAREST_H
#define SKLC_NEAREST_H

#include "labels.h"

/* The entry whose name is nearest to a wrong one, if it is near; or NULL. */
const struct label_entry *nearest_label(const char *name, const struct label_entry *entries,
					size_t count);

#endif
