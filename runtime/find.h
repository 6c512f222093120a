/* Sockets of a network namespace that stand at a declared address, seen by programs that walk them all:
 * with no process id and no ptrace. */
#ifndef SKLC_FIND_H
#define SKLC_FIND_H

#include "declared.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct declared_maps;
struct finder;
struct netns;
struct shared_maps;

struct sighting {
	struct found_key key;
	struct found found;
};

struct sightings {
	struct sighting *all; /* by declaration, then by age */
	size_t count;
};

/* Loads the programs; to be closed. Without marks of spare slots they can but look. -errno after a message. */
int find_open(const struct netns *netns, const struct declared_maps *maps,
	      const struct shared_maps *shared, struct finder **finder);
/* Looks around; the sightings before are forgotten. -errno after a message. */
int find_look(struct finder *finder);

/* The finder's own. */
const struct sightings *find_sightings(const struct finder *finder);
void find_close(struct finder *finder);

/* The sightings of one declaration. */
struct sightings find_of(const struct sightings *sightings, uint32_t number);

/* Whether the socket is one for IPv4 packets, or for IPv6 ones. */
bool found_serves(const struct found *found, int family);

/* What to put where; KEY's index is filled in, VALUE's error is what became of it. */
struct order {
	struct placement_key key;
	struct placement value;
};

/* Puts sockets into the slots of the socket map. -errno after a message; a socket that is gone meanwhile
 * is not one. */
int find_place(struct finder *finder, struct order *orders, size_t count);

/* "127.0.0.1:8080", "[::1]:8080" */
void found_address(const struct found *found, char *text, size_t size);

#endif
