/* Finds out why labels have no working socket, and says how to mend it. */
#ifndef SKLC_PROBLEMS_H
#define SKLC_PROBLEMS_H

#include "runtime/sockets/sockets.h"

#include <stddef.h>
#include <stdint.h>

struct abi_label_slots;
struct declarations;
struct hands;
struct known_sockets;
struct netns;
struct class_table;
struct object;

struct problem {
	const char *label;         /* the object's string; NULL: no label */
	char what[384], mend[192]; /* what is wrong, and what to do */
	size_t sockets;            /* how many sockets the problem is of; 0: it is of none */
};

struct problems {
	struct report *report;
	struct problem *all;
	size_t count;
};

/* What is compared. All of it belongs to the same rules: those in force, or those that are being
 * applied. */
struct inspection {
	const struct object *object;
	const struct declarations *declarations;
	const struct sightings *sightings;
	const struct abi_label_slots *slots; /* slot words of each label */
	const uint64_t *present;             /* cookies of the sockets in them, see slots_look */
	const struct netns *netns;
	const struct known_sockets *known; /* NULL: they are read when they are needed */
	/* Numbers that the rules were applied with; NULL: they are not known. */
	const uint32_t *interfaces,
		*users; /* by interface (0: it depends on none), by declaration */
	/* What the program knows of interfaces; NULL: it asks for none. */
	const struct class_table *classes;
	const struct hands *hands; /* what was done by hand; NULL: nothing */
};

/* These add to PROBLEMS; -ENOMEM after a message. */

/* Declared sockets that are missing, ambiguous, or not as declared. */
int problems_of_declared(const struct inspection *inspected, struct problems *problems);

/* Sockets behind labels that cannot take packets any more. */
int problems_behind_labels(const struct inspection *inspected, struct problems *problems);

/* Sockets in slots of a declared label that no declaration of it allows. The declarations must be
 * those that decide about the slots. */
int problems_of_strays(const struct inspection *inspected, struct problems *problems);

/* Empty labels that no declaration fills: those without any, the flow classes that the declarations
 * leave out, and those whose sockets were drained. */
int problems_of_undeclared(const struct inspection *inspected, struct problems *problems);

/* SO_REUSEPORT groups that were registered by hand, some members of which have no slot. SOCKETS is the
 * socket map (hand_room.c). */
int problems_of_groups_by_hand(const struct inspection *inspected, int sockets,
			       struct problems *problems);

/* The flow classes, as bits, that the declarations of each label cover: of these, problems_of_declared
 * says why one is empty. The caller frees the array. NULL after a message. */
uint32_t *problems_covered(struct report *report, const struct object *object);

/* What keeps listeners from being followed. */
int problems_of_following(const struct object *object, enum following following,
			  struct problems *problems);

/* Interfaces that are not what the program takes them for, or are gone. */
int problems_of_interfaces(const struct inspection *inspected, struct problems *problems);

/* Users of declarations that have another number than the rules were applied with, or are gone. */
int problems_of_users(const struct inspection *inspected, struct problems *problems);

/* Destinations that rules redirect and that are not local in the namespace. */
int problems_of_routes(const struct object *object, const struct netns *netns,
		       struct problems *problems);

/* The cookie of the first socket in the word's slots that can take packets of the flow class; if
 * none can, of the first socket; 0: there is none. */
uint64_t working_cookie(const uint64_t *present, uint32_t word, unsigned int flow_class,
			const struct known_sockets *known);

/* Reports the first problems with declared sockets, as warnings. -errno after a message. */
int problems_warn(const struct inspection *inspected);

void problems_free(struct problems *problems);

/* Adds a problem that is of no socket. LABEL may be NULL; the formatted text says what is wrong. */
__attribute__((format(printf, 4, 5))) int problem_add(struct problems *problems, const char *label,
						      const char *mend, const char *format, ...);

#endif
