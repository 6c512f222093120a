/* What taking over the state of an older version (migrate.c) needs of a state of this version. */
#ifndef SKLC_MIGRATE_H
#define SKLC_MIGRATE_H

#include <stdbool.h>
#include <stdint.h>

struct state;

/* Reads the version of the state, before anything else in it is read. 0: it has none yet. -errno
 * after a message. */
int state_version(const struct state *state, uint32_t *version);

/* Whether state_migrate takes this version over. */
bool is_migrated(uint32_t version);

/* A map that holds a version of the state, and the map of times; -errno without a message. */
int version_create(uint32_t version);
int since_create(void);

/* The map of the pin `count`, with the number of the last generation (count.c). */
int count_create(uint32_t last);

#endif
