/* The sockets behind labels: finding those that the rules declare, putting them into the slots of
 * their labels, following listeners as they come, and checking a socket that somebody registers. */
#ifndef SKLC_SOCKETS_H
#define SKLC_SOCKETS_H

#include "runtime/bpf/maps.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct declarations;
struct declared_maps;
struct finder;
struct hand_entry;
struct hands;
struct known_socket;
struct known_sockets;
struct netns;
struct report;
struct shared_maps;
struct standing;
struct state;

/* Finding (find.c): BPF programs walk all sockets of a network namespace. This needs neither the
 * process that has the socket nor ptrace. */

/* A socket that was found at the endpoint of a declaration, right or not. */
struct sighting {
	struct found_key key;
	struct found found;
};

struct sightings {
	struct sighting *all; /* sorted by declaration, then by cookie */
	size_t count;
};

/* Loads the programs; the caller closes the finder. Without the map of spare marks in SHARED the
 * finder can look for sockets but must not put any into slots. -errno after a message. */
int find_open(const struct netns *netns, const struct declared_maps *maps,
	      const struct shared_maps *shared, struct finder **finder);

/* Walks the sockets, and replaces the sightings of the previous walk. -errno after a message. */
int find_look(struct finder *finder);

/* The sightings of the last walk, which the finder owns. */
const struct sightings *find_sightings(const struct finder *finder);
void find_close(struct finder *finder);

/* Finds the sockets at one endpoint: *FINDER has walked, and has seen them for the declaration 0.
 * -errno after a message. */
int find_at(const struct netns *netns, const struct declared_key *endpoint,
	    const struct shared_maps *shared, struct finder **finder);

/* The sightings of one declaration. */
struct sightings find_of(const struct sightings *sightings, uint32_t number);

/* The sighting of one socket for a declaration; NULL: it was not seen for it. */
const struct found *find_one(const struct sightings *sightings, uint32_t number, uint64_t cookie);

/* Whether the socket receives packets of a family: AF_INET or AF_INET6. */
bool found_serves(const struct found *found, int family);

/* The flow classes that the socket serves, as bits 1 << flow class. */
uint32_t found_flow_classes(const struct found *found);

/* A slot to put a socket into: an entry of the map `placements`. find_put sets KEY.index, and
 * VALUE.error to the result. */
struct order {
	struct placement_key key;
	struct placement value;
};

/* The order to put a socket into one of a word's slots, by its number there. */
struct order order_to(uint64_t cookie, uint32_t word, uint32_t number, uint32_t flags);

/* Puts sockets into slots of the socket map. All slots of one socket are filled in one system
 * call. -errno after a message; a socket that was closed meanwhile is no error. */
int find_put(struct finder *finder, struct order *orders, size_t count);

/* The same, and notes the time in SINCE, the map of struct since by slot (orders.c). A slot that the
 * follower filled meanwhile is no error. */
int orders_carry_out(struct report *report, struct finder *finder, struct order *orders,
		     size_t count, int since);

/* "127.0.0.1:8080", or with the device that it is bound to, "[fe80::1]%eth0:8080"; with its number if
 * it is gone, "0.0.0.0%if7:8080". */
void found_address(const struct netns *netns, const struct found *found, char *text, size_t size);

/* Carries out orders for a namespace whose sockets nobody has looked for. -errno after a message. */
int orders_put(const struct state *state, const struct shared_maps *shared, struct order *orders,
	       size_t count);

/* Filling (fill.c): which declared socket goes into which slot. */

/* Looks for the declared sockets and puts them into their slots; takes sockets that no declaration
 * matches out of these. SINCE is the map of struct since by slot. -errno after a message. */
int fill_slots(struct finder *finder, const struct declarations *declarations,
	       const struct hands *hands, int sockets, int since);

/* What was done by hand (by_hand.c): puts sockets that stand before the declared ones into the
 * first slots of all keys of their label, and those that are no longer drained into those that all
 * generations share, where they were registered; takes drained ones out of all of them. Forgets
 * sockets that are gone for certain. The state must be locked. -errno after a message. */
int by_hand_settle(const struct state *state);

/* Does of this what needs no walk through the namespace's sockets: only takes sockets out. */
int by_hand_clear(const struct state *state);

/* Whether a socket that something was done with by hand is for certain none of those that were read. */
bool is_hand_absent(const struct known_sockets *known, const struct hand_entry *entry);

/* Whether an operator drained, for one label, a member of the SO_REUSEPORT group. The kernel spreads
 * over all members as long as one is behind the label, so none is put there. OWN is what was done by
 * hand for the label, SEEN are the sightings of one declaration. */
bool is_group_drained(const struct hands *own, const struct sightings *seen, uint64_t group);

/* Takes a socket out of all slots that the keys of a label with declarations have for FLOW_CLASSES, as bits; not
 * those of the key EXCEPT, if that is not NULL. What it leaves of the slots that all generations share is noted.
 * -errno after a message. */
int by_hand_take_out(const struct state *state, const char *label, uint64_t cookie,
		     uint32_t flow_classes, const struct abi_slot_key *except);

/* Groups (groups.c): SO_REUSEPORT groups that were registered by hand. */

/* The endpoint of a socket, as the BPF programs read it. */
struct declared_key known_endpoint(const struct known_socket *known);

/* The sockets in the slots of one flow class of a label. */
struct word_slots {
	uint32_t word;
	unsigned int flow_class;
	uint64_t present[DECLARED_RANGE_MAX]; /* their cookies, by slot; 0: none */
};

/* Whether members of the group of the socket in slot I may lack slots: it is the first one there of
 * its endpoint, and stands there by itself. What is before others by hand does so only where there is
 * nothing else. *MEMBERS are how many in the slots are at the endpoint. OWN is what was done by hand
 * for the label. */
bool group_begins(const struct word_slots *slots, const struct known_sockets *known,
		  const struct hands *own, uint32_t i, size_t *members);

struct group {
	struct finder *finder;
	struct sightings at; /* the sockets at the endpoint, also others */
	uint64_t number;     /* 0: there is no group */
};

/* Looks for the group of a socket. Where its endpoint has no more than MEMBERS sockets, no group is
 * given. SOCKETS is the socket map.
 * -errno after a message. */
int group_find(const struct netns *netns, int sockets, const struct known_sockets *known,
	       uint64_t cookie, size_t members, struct group *group);

/* Whether sighting I is a member that serves the flow class. */
bool group_has(const struct group *group, size_t i, unsigned int flow_class);
void group_close(struct group *group);

/* Puts members that have no slot into free slots of labels that declare nothing, if another member
 * stands there (group_begins). The state must be locked. -errno after a message. */
int groups_fill(const struct state *state);

/* Following (follow.c): one BPF program for all network namespaces of the host, attached to the
 * root of the cgroup tree, puts a TCP listener behind its labels the moment it listens. No process
 * of sklc has to run for that. */

/* From now on compares the namespace's listeners with these maps, and still with those of the rules
 * in force. Makes the follower if there is none; where this host can have none, that is only a
 * warning, unless the standing says so already. -errno after a message. */
int follow_also(const struct state *state, const struct standing *standing,
		const struct declared_maps *maps);

/* From now on compares listeners with the declarations of the rules in force, and during a trial
 * also with those of the rules before, which may come back. Without declarations it stops following
 * the namespace. Where this host can have no follower, says nothing and sets *LACK for follow_warn;
 * else *LACK is 0. -errno after a message. */
int follow_standing(const struct state *state, const struct standing *standing, int *lack);

/* Warns that listeners are not followed. Nothing if LACK is 0. */
void follow_warn(struct report *report, int lack);

/* Stops following the namespace. Removes a follower that follows no namespace any more. ROOT is the
 * folder of all namespaces' state. -errno after a message. */
int follow_forget(struct report *report, int root, uint64_t cookie);

/* Whether the namespace's listeners are compared with the declarations in force, or why not. */
enum following {
	FOLLOWING,
	FOLLOW_MORE, /* it also has declarations that are not in force, for slots that nobody uses: a
		      * command runs, or was interrupted */
	FOLLOW_NONE,     /* there is no follower */
	FOLLOW_BROKEN,   /* its folder is not whole */
	FOLLOW_DETACHED, /* its program is not attached */
	FOLLOW_ABSENT,   /* it does not know the namespace */
	FOLLOW_OTHER,    /* it has other declarations, or other maps, than those in force */
	FOLLOW_UNSEEN,   /* what it has can be read only with CAP_SYS_ADMIN */
	FOLLOW_UNKNOWN,
};

/* Looks without a lock, so a command that runs meanwhile may change the answer. SLOTS are those of the
 * labels in force. Without a message. */
enum following follow_look(const struct state *state, const struct standing *standing,
			   const struct abi_label_slots *slots, size_t count);

/* Whether this host can have a follower. */
bool can_follow(void);

/* Checking (check_registered.c): a socket that somebody registers by hand. */

/* The flow classes that a socket serves, as bits 1 << flow class; or -errno after a message that
 * says why it cannot be behind a label: not a socket, not listening, connected, MPTCP, another
 * namespace. */
int socket_flow_classes(int fd, const struct netns *netns);

/* The endpoint that it is bound to, as the BPF programs read it. -errno after a message. */
int socket_endpoint(int fd, struct report *report, struct declared_key *endpoint);

/* Whether it was made with SO_REUSEPORT, and so may be one of a group. */
bool socket_may_have_siblings(int fd);

/* A duplicate of another process's descriptor. A pidfd holds the process, so that no other process
 * can get its number meanwhile. -errno after a message. */
int socket_from_process(struct report *report, int pid, int fd);

#endif
