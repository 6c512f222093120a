/* The folder of the follower of listeners (bpf/follow.bpf.c), <bpffs>/sklc/followerN, where N is the
 * version of its format. Its link is pinned there, and for each kind of map a map of maps: from the
 * cookie of each namespace that it follows to the namespace's map of that kind. It is whole if all of
 * them are there, and the link is attached to the root of the cgroup tree. Whoever changes anything
 * in it holds its lock. */
#ifndef SKLC_FOLLOWER_H
#define SKLC_FOLLOWER_H

#include "sockets.h"

#include <stdbool.h>
#include <stdint.h>

struct report;

/* The kinds of maps of a namespace. DECLARED is last, so that it is entered last and removed first:
 * the follower passes over a namespace that has no such map. The names are those of the pins, of a
 * namespace's maps in its folder and of the maps of maps in the follower's folder. */
enum kind { SOCKETS, SINCE, SPARE_MARKS, HAND, CGROUPS, DECLARED, KINDS };
extern const char *const kind_names[KINDS];

/* The kernel's ID of a map; 0 on failure. */
uint32_t map_id(int map);

/* A namespace that is followed, and its maps. */
struct followed {
	uint64_t cookie;
	int maps[KINDS];
};

void followed_close(struct followed *followed);

struct follower {
	struct report *report;
	int root;   /* the folder of all namespaces' state */
	int folder; /* locked; -1: there is none */
	bool whole;
	int maps[KINDS]; /* maps of maps; -1: not pinned */
	int lack;        /* why this host can have none: -errno; 0: it can, as far as is known */
};

enum follower_use {
	FOLLOWER_CHANGE, /* opened and locked, if there is one */
	FOLLOWER_CREATE, /* the folder is made if there is none */
};

/* Opens and locks the folder. With FOLLOWER_CHANGE, -ENOENT without a message if there is none; else
 * -errno after a message, and then nothing was changed. */
int follower_open(struct report *report, int root, enum follower_use use,
		  struct follower *follower);
void follower_close(struct follower *follower);

/* Enters the maps of a namespace. -errno after a message. */
int follower_enter(const struct follower *follower, const struct followed *followed);

/* What follower_build returns if this host can have no follower; LACK says why. */
enum { FOLLOWER_IMPOSSIBLE = 1 };

/* Makes the follower anew, in place of one that is not whole: it follows FIRST, if that is not NULL,
 * and all other namespaces that have rules with declarations, but not GONE. The new program is
 * attached before the old one goes. Removes the folder if there is nothing to follow. */
int follower_build(struct follower *follower, const struct followed *first, uint64_t gone);

/* Removes the entries of GONE and of all namespaces that have no state, and the folder if nothing is
 * left. -errno after a message. */
int follower_sweep(const struct follower *follower, uint64_t gone);

/* Makes followers of other versions let go of the namespace COOKIE, of all that OURS follows (NULL:
 * there is none) and of those without state. Removes those that follow nothing any more. -errno after
 * a message if one still follows COOKIE. */
int follower_end_others(struct report *report, int root, const struct follower *ours,
			uint64_t cookie);

/* Whether the follower has entries of the namespace; also true if that cannot be told. */
bool follower_may_have(int root, uint64_t cookie);

/* What the follower knows of the namespace, as far as that can be told without its lock: whether it
 * follows it, and then the IDs of the namespace's maps in it. */
enum following follower_look(struct report *report, int root, uint64_t cookie, uint32_t ids[KINDS]);

/* Lets a follower that is being made follow all namespaces that have rules, but not EXCEPT
 * (follow.c). -errno after a message. */
int follow_all(const struct follower *follower, uint64_t except);

#endif
