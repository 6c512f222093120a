/* What keeps labels from their sockets, by name, and how to mend it. */
#ifndef SKLC_HEALTH_H
#define SKLC_HEALTH_H

#include <stddef.h>
#include <stdint.h>

struct abi_label_slots;
struct declarations;
struct known_sockets;
struct netns;
struct object;
struct sightings;

struct problem {
	const char *label; /* NULL: of no label; the object's */
	char what[320], mend[192];
};

struct problems {
	struct report *report;
	struct problem *all;
	size_t count;
};

/* What is applied, or about to be. */
struct health {
	const struct object *object;
	const struct declarations *declarations;
	const struct sightings *sightings;
	const struct abi_label_slots *slots; /* words of each label */
	int sockets;
};

/* Each adds to PROBLEMS; -ENOMEM after a message. */

/* Declared sockets that are missing, ambiguous, or there but not right. */
int health_declared(const struct health *health, struct problems *problems);

/* Sockets that stand behind labels and can take nothing any more. */
int health_standing(const struct health *health, const struct known_sockets *known,
		    struct problems *problems);

/* Addresses that rules redirect and that no route brings to this host. */
int health_routes(const struct object *object, const struct netns *netns,
		  struct problems *problems);

/* The cookie of the socket that packets for these slots get: the first that can take any; if none can, the first
 * of all. 0: there is none. */
uint64_t health_cookie(int sockets, uint32_t word, const struct known_sockets *known);

/* Says the first of them, as warnings. */
void problems_warn(const struct problems *problems);
void problems_free(struct problems *problems);

/* For those that look for problems. */
__attribute__((format(printf, 4, 5))) int problem_add(struct problems *problems, const char *label,
						      const char *mend, const char *format, ...);

#endif
