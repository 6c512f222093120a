/* The follower: one program for all network namespaces of the host, on the root of the cgroup tree, which
 * puts a TCP listener behind its labels the moment it listens. It needs no process. */
#ifndef SKLC_FOLLOW_H
#define SKLC_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

struct declared_maps;
struct report;
struct standing;
struct state;

/* From now on listeners of the namespace are compared with these maps too, beside those of what decides; a
 * follower is made where there is none. Where it cannot be, that is a warning. -errno after a message. */
int follow_also(const struct state *state, const struct standing *standing,
		const struct declared_maps *maps);

/* Compares them with these maps alone. -errno after a message. */
int follow_only(const struct state *state, const struct declared_maps *maps);

/* Follows what decides now, and the rules before too while a trial of these may fail; nothing where they
 * declare no sockets. -errno after a message. */
int follow_standing(const struct state *state, const struct standing *standing);

/* Follows the namespace no longer; with the last one the follower goes. ROOT is the folder of all
 * namespaces. -errno after a message. */
int follow_forget(struct report *report, int root, uint64_t cookie);

/* Whether listeners of the namespace are followed. */
bool is_followed(int root, uint64_t cookie);

#endif
