/* What one apply made: a folder `g` and the number of its program, which the kernel gives only once,
 * with the program, its counters and the object it came from. Whether a generation counts is for the
 * link to say (standing.h), never for the folder. */
#ifndef SKLC_GENERATION_H
#define SKLC_GENERATION_H

#include "object.h"
#include "pins.h"
#include "state.h"

struct declared_maps;
struct loaded;

/* Kept in the folder as bytes; its layout is part of the state's version. */
struct about {
	uint32_t generation;    /* the program's number */
	uint32_t previous;      /* whose rules it replaced; 0: none */
	uint32_t trial_program; /* the number of the program that tries it; 0: not on trial */
	uint32_t reserved;
	uint64_t trial_deadline; /* nanoseconds since boot */
	uint64_t applied;        /* seconds since 1970 */
};

struct generation {
	struct report *report; /* the state's */
	int folder;            /* descriptor */
	struct about about;
};

/* -ENOENT (no folder, or one that is not whole) without a message; else -errno after one. */
int generation_open(const struct state *state, uint32_t id, struct generation *generation);

/* As open, for one that must be there: always a message. */
int generation_require(const struct state *state, uint32_t id, struct generation *generation);

void generation_close(struct generation *generation);

/* The program of a pin; -errno after a message. */
int generation_program(const struct generation *generation, const char *name, int *program);

/* The folders there are, whole or not; the caller frees. -errno after a message. */
int generation_list(const struct state *state, uint32_t **ids, size_t *count);

/* The object that was applied. */
struct applied {
	struct blob blob;
	char name[32];
	struct object_image image;
	struct object object;
};

int generation_read(const struct generation *generation, struct applied *applied);
void applied_free(struct applied *applied);

/* Programs of a trial (trial.h); descriptors. */
struct trial {
	int program, choices;
};

/* Makes the folder and all its pins; TRIAL may be NULL. -errno after a message. */
int generation_pin(const struct state *state, const struct about *about,
		   const struct object *object, const struct loaded *loaded,
		   const struct trial *trial);

/* Adds the maps of its declared sockets. -errno after a message. */
int generation_pin_declared(const struct state *state, uint32_t id,
			    const struct declared_maps *maps);

/* Opens them; -ENOENT without a message: there are none. */
int generation_declared(const struct state *state, uint32_t id, struct declared_maps *maps);

/* Lets go of the programs of a trial that was confirmed; leaves only what a rollback needs; removes the
 * folder. -errno after a message. */
int generation_forget_trial(const struct state *state, uint32_t id);
int generation_thin(const struct state *state, uint32_t id);
int generation_remove(const struct state *state, uint32_t id);

/* Removes all that is in a folder of a namespace, one folder deep. -errno after a message. */
int folder_clear(struct report *report, int folder);

#define PIN_ABOUT    "about"
#define PIN_NAMES    "names" /* of the labels, as in the map of labels; none without labels */
#define PIN_BASE     "base"
#define PIN_TRIAL    "trial"    /* the program on the link during a trial */
#define PIN_CHOICES  "choices"  /* what it chooses from; emptied unless pinned */
#define PIN_DECLARED "declared" /* its declared sockets, for the follower; absent: there are none */
#define PIN_CGROUPS  "cgroups"

#endif
