/* What sklc keeps in bpffs for each network namespace: the folder, the generations in it, and what
 * the link says about which of them decides. */
#ifndef SKLC_STATE_H
#define SKLC_STATE_H

#include "runtime/kernel/attach.h"
#include "runtime/kernel/netns.h"
#include "runtime/kernel/pins.h"
#include "runtime/object/object.h"
#include "runtime/runtime.h"

#include <limits.h>

struct class_table;
struct declared_maps;
struct hands;
struct loaded;
struct shared_maps;
struct standing;

/* The folder of a network namespace (state.c): <bpffs>/sklc/<cookie>, checked for its owner and
 * mode, and locked by whoever changes it. */

enum state_use {
	STATE_READ,   /* opened without the lock */
	STATE_CHANGE, /* opened and locked, if there is a folder */
	STATE_CREATE, /* made if there is no folder, and locked */
};

struct state {
	struct report *report; /* the options' */
	bool quiet;            /* the options' */
	struct netns netns;
	enum state_use use;
	int bpffs;           /* descriptor */
	int root;            /* descriptor of <bpffs>/sklc; -1: there is none */
	int folder;          /* descriptor; -1: there is none, so nothing is applied */
	char path[PATH_MAX]; /* of the folder, for messages */
};

/* Opens the options' namespace and its folder. */
int state_open(const struct runtime_options *options, enum state_use use, struct state *state);

/* Also removes empty folders, unless the state was opened to be read. */
void state_close(struct state *state);

/* Whether the namespace has a link by now, and had no folder when the state was opened: what was not there
 * could not be locked. */
bool state_came(const struct state *state);

/* Opens <bpffs>/sklc alone; *ROOT is -1 if there is none. */
int state_open_root(const struct runtime_options *options, int *root);

/* Opens and locks the folder of another namespace, which may be gone. Without a message: -EBUSY if
 * somebody holds its lock, another -errno if it cannot be opened. */
int state_lock_other(int root, const char *name, int *folder);

/* Opens and locks the folder NAME below PARENT. Waits for the lock at most 10 seconds, and no longer
 * once a signal that is held back asks the process to end. WHAT is for messages. -ENOENT without a
 * message if there is no such folder; another -errno after a message. */
int state_lock_below(struct report *report, int parent, const char *name, const char *what);

/* The cookies of all namespaces that have a folder; the caller frees. -errno after a message. */
int state_list(struct report *report, int root, uint64_t **cookies, size_t *count);

/* Opens the folder of a namespace that state_list found, to be read; sets only STATE's folder and
 * path. -errno without a message. */
int state_open_listed(int root, uint64_t cookie, struct state *state);

/* Folders of the state (folder.c). */

/* Opens a folder below PARENT, which must be this user's and closed to all others. -errno without a
 * message. */
int state_open_folder(int parent, const char *name);

/* Says why state_open_folder gave ERROR, and what to do. Returns -errno. */
int state_refuse_folder(struct report *report, int error, int parent, const char *name);

/* Opens a folder whose contents nobody needs any more: one of this user whose mode is wrong gets the
 * right one. -errno without a message. */
int state_open_needless(int parent, const char *name);

/* Names a folder in FOLDER, and how many OTHERS there are, that sklc did not make. */
void state_warn_strange(struct report *report, int folder, const char *name, size_t others);

/* Removes everything in a folder of a namespace, and the folders of generations below it. Others that
 * are not empty were not made by sklc: they stay, with a warning if anything else was removed.
 * -errno after a message. */
int folder_clear(struct report *report, int folder);

/* Generations (generation.c): one apply makes one generation. Generations of a namespace are numbered
 * from 1; a number is never given twice while the namespace has a folder. A generation's folder is
 * named `g` and this number, and holds what its phase needs (life.h). Which generation is in force
 * is up to the link (struct standing below), never up to the folders. */

/* The facts about a generation. Pinned as bytes, so a change of this struct needs a new
 * STATE_VERSION. */
struct record {
	uint32_t generation;     /* its number */
	uint32_t program;        /* ID of its program, which the kernel never gives twice */
	uint32_t previous;       /* the generation that it replaced; 0: none */
	uint32_t same_as;        /* the generation that it is a copy of, by a rollback; 0: none */
	uint32_t trial_program;  /* ID of the trial's program (trial.h); 0: was not on trial */
	uint32_t user;           /* who applied it: the user who logged in, else the process's */
	uint64_t trial_deadline; /* nanoseconds since boot */
	uint64_t applied;        /* seconds since 1970 */
	uint32_t rules, labels, sockets; /* how many there are; sockets: declarations */
	uint32_t guarded;                /* 1: loaded without CAP_PERFMON where that fits */
	uint32_t pins; /* what it was made with: a bit for each row of LIFE (life.h) */
	uint32_t reserved;
	struct object_hash hash;
};

struct generation {
	struct report *report; /* the state's */
	int folder;            /* descriptor */
	struct record record;
};

/* Writes the name of a generation's folder. */
enum { GENERATION_FOLDER_MAX = 16 };
void generation_folder_name(char name[GENERATION_FOLDER_MAX], uint32_t id);

/* The number in the name of a generation's folder; 0 if it is another name. */
uint32_t generation_of_folder(const char *name);

/* -ENOENT without a message if there is no folder, or an incomplete one; else -errno after a
 * message. */
int generation_open(const struct state *state, uint32_t id, struct generation *generation);

/* Like generation_open, for a generation that must be there: -ESTALE if it is not, and every error
 * has a message. */
int generation_require(const struct state *state, uint32_t id, struct generation *generation);

void generation_close(struct generation *generation);

/* Opens the program that is pinned as NAME in the generation ID; -errno after a message. */
int generation_open_program(const struct state *state, uint32_t id, const char *name, int *program);

/* The numbers of all generation folders, complete or not, the largest first; the caller frees. -errno after a
 * message. */
int generation_list(const struct state *state, uint32_t **ids, size_t *count);

/* The object that was applied. */
struct applied {
	void *bytes;
	char name[32];
	struct object_image image;
	struct object object;
};

int generation_read(const struct generation *generation, struct applied *applied);

/* Reads it of the generation ID, which must be there. -errno after a message. */
int applied_read(const struct state *state, uint32_t id, struct applied *applied);
void applied_free(struct applied *applied);

/* The program of a trial and its map of programs (transaction/trial.h); descriptors. */
struct trial {
	int program, choices;
};

/* The next number (count.c). It is given, and never again, from generation_give_number on, which is to be called
 * just before the generation comes into force: so rules that are refused use up no number. -errno after
 * a message. */
int generation_number(const struct state *state, uint32_t *number);
int generation_give_number(const struct state *state, uint32_t number);

/* Notes that an apply on trial found that its rules decide already, for the confirm that follows.
 * The note ends with the next number. -errno after a message. */
int untried_note(const struct state *state);

/* Takes the note back. 1: it was there; 0; -errno after a message. */
int untried_take(const struct state *state);

/* The numbers of this host that an object stands for: of its interfaces, and of the users of its
 * declarations. Pinned as bytes. */
struct host_numbers {
	uint32_t *all; /* interfaces, then users: UINT32_MAX for a declaration of any user */
	size_t count;
};

int host_numbers_read(const struct object *object, const uint32_t *interfaces,
		      struct host_numbers *numbers);
void host_numbers_free(struct host_numbers *numbers);

/* Those of the users. */
const uint32_t *host_users(const struct object *object, const struct host_numbers *numbers);

/* A map that holds them, to be pinned; -errno without a message. */
int host_numbers_create(const struct host_numbers *numbers);

/* Whether the generation was applied with these numbers; -errno after a message. */
int generation_has_numbers(const struct generation *generation, const struct host_numbers *numbers);

/* The numbers that the generation was applied with; OBJECT is its own. -errno after a message. */
int generation_numbers(const struct generation *generation, const struct object *object,
		       struct host_numbers *numbers);

/* The interfaces that the program of a generation knows; only where OBJECT, its own, asks for
 * interfaces. -errno after a message. */
int generation_classes(const struct state *state, uint32_t id, const struct object *object,
		       struct class_table *table);

/* Tells the program of a generation which interfaces the namespace has now; OBJECT is its own. Does
 * nothing where it does not ask for them. -errno after a message. */
int generation_follow_interfaces(const struct state *state, uint32_t id,
				 const struct object *object);

/* The same for what is in force, and during a trial also for the rules that may come back. */
int standing_follow_interfaces(const struct state *state, const struct standing *standing);

/* What a new generation's folder is made of. */
struct generation_parts {
	const struct record *record;
	const struct object *object;
	const struct abi_slot_key *keys; /* of the slots of each label */
	const struct loaded *loaded;
	const struct host_numbers *numbers;
	const struct declared_maps *declared;
	const struct trial *trial; /* NULL: none */
};

/* Makes the folder and all its pins. -errno after a message. */
int generation_pin(const struct state *state, const struct generation_parts *parts);

/* The keys of the slots of its labels, in the object's order; the caller frees. None if ID is 0.
 * -errno after a message. */
int generation_keys(const struct state *state, uint32_t id, struct abi_slot_key **keys,
		    size_t *count);

/* The slots of each label of the generation's OBJECT, into SLOTS[label]. LABELS is the map of
 * slots. -errno after a message. */
int generation_slots(const struct state *state, uint32_t id, int labels,
		     const struct object *object, struct abi_label_slots *slots);

/* Tells the programs that decide, or may decide when a trial is over, which slots the keys of their
 * labels have now (words.c): blocks are given while the programs run. -errno after a message. */
int standing_tell_slots(const struct state *state, const struct standing *standing);

/* Opens the maps of a generation's declared sockets. -ENOENT without a message if it declares none, or
 * ID is 0; else another -errno after a message. */
int generation_declared(const struct state *state, uint32_t id, struct declared_maps *maps);

/* The lives of all generations that are kept (life.c), from the newest on. */

enum phase { PHASE_NEW, PHASE_TRIAL, PHASE_CURRENT, PHASE_PREVIOUS, PHASE_OLDER };

/* How many older generations are kept at most, and how many bytes their objects may have. */
enum { OLDER_MAX = 10, OLDER_BYTES_MAX = 64 << 20 };

struct life {
	struct record record;
	enum phase phase;
	size_t bytes; /* of its stored object; only settling reads it */
};

enum { LIVES_MAX = OLDER_MAX + 4 }; /* one more than are kept, which is one to forget */

struct lives {
	struct life all[LIVES_MAX];
	size_t count;
};

struct standing;

/* Reads the records from what is in force back to the oldest generation. -errno after a message. */
int lives_read(const struct state *state, const struct standing *standing, struct lives *lives);

/* Brings the folders of generations to their phases. If there are too many older ones, forgets
 * those whose rules another one has too, then the oldest, with a note for each. Removes
 * leftovers. -errno after a message. */
int lives_settle(const struct state *state, const struct standing *standing);

/* Refuses if the namespace or a generation lacks a pin that it must have. To be called before
 * anything is changed, for rules that are in force. -errno after a message. */
int lives_check(const struct state *state, const struct standing *standing);

/* Which pins a generation's folder has, as in its record. -errno without a message. */
int generation_pins(int folder, uint32_t *pins);

/* Refuses because a pin is missing in a folder of the state, or below it. -ESTALE. */
int refuse_missing(const struct state *state, const char *below, const char *pin);

#define PIN_RECORD     "record" /* struct record */
#define PIN_NEW_OBJECT "object_new"
#define PIN_TABLES     "tables" /* the program's own map of its tables */
#define PIN_HOST       "host"   /* struct host_numbers */
#define PIN_BASE       "base"
#define PIN_NEW_BASE   "base_new"
#define PIN_TRIAL      "trial" /* the program that is on the link during a trial */
#define PIN_CHOICES                                                                                \
	"choices" /* the map of programs that PIN_TRIAL calls; the kernel empties it unless pinned */
#define PIN_DECLARED "declared" /* its declared sockets, for the follower; absent: there are none */
#define PIN_CGROUPS  "cgroups"  /* the cgroups that PIN_DECLARED refers to */

/* Which rules decide in a namespace now (standing.c). The program on the link tells the generation;
 * if it is the program of a trial, the clock tells which of two generations. What these do not need
 * in the folder is a leftover. */

enum { STATE_VERSION = 4 };

/* Takes over the state of an older version (migrate.c), so that it becomes one of STATE_VERSION
 * while its rules stay in force. The folder must be locked. A process that is killed meanwhile
 * leaves the older version whole, or the new one; the next call does the rest. Does nothing without
 * rules in force, or if the version is newer. -errno after a message. */
int state_migrate(const struct state *state);

#define PIN_COUNT                                                                                  \
	"count" /* ARRAY of two u32: the number of the last generation, a note (count.c) */

#define PIN_HAND "hand" /* HASH: struct hand_key -> struct hand (bpf/maps.h) */

#define PIN_SINCE "since" /* ARRAY: u32 slot -> struct since (bpf/maps.h), zero: no socket yet */

enum trial_phase {
	TRIAL_NONE,
	TRIAL_RUNNING, /* the current generation is on trial */
	TRIAL_OVER,    /* its deadline has passed; the kernel uses the rules before again */
};

/* What is in force in a namespace. */
struct standing {
	int link; /* descriptor; -1: nothing is applied */
	struct link_info info;
	uint32_t current;  /* the generation that decides; 0: none */
	uint32_t previous; /* the generation that a rollback goes back to; 0: none */
	enum trial_phase trial;
	uint32_t tried;     /* the generation on trial, running or over */
	uint64_t deadline;  /* of the trial, nanoseconds since boot */
	uint64_t left;      /* nanoseconds of the trial, when this was read; 0: it is over */
	bool trial_settled; /* settling has just ended a trial that was over */
	int unfollowed;     /* when this was settled: why no listener can be followed here; 0 */
};

/* Reads what is in force, and changes nothing. A severed link (attach.h) counts as none. -errno
 * after a message. */
int standing_read(const struct state *state, struct standing *standing);
void standing_close(struct standing *standing);

/* A reading of what is applied without the lock (reading.c), while another command may change it. */
struct reading {
	const struct runtime_options *options;
	struct kept_report *kept; /* the report of all that is read; must live as long */
	struct state *state;
	struct standing *standing;
	int (*read)(void *argument);   /* reads more, where these two are read */
	void (*clear)(void *argument); /* frees what READ made, whatever it returned */
	void *argument;
};

/* Opens the state, reads what is in force, and calls READ; does it all again, without a word, where it
 * was overtaken by another command. 0: the state and the standing are open, and for the caller to
 * close; else the -errno of the last try after its messages, and nothing is left open. */
int state_read(const struct reading *reading);

/* Pins the state's version, the socket map, the map of slots, the marks of spare slots, the times,
 * the map of what was done by hand and the count, each only if it is not there yet. */
int standing_prepare(const struct state *state, struct shared_maps *shared, int *labels);
int standing_since(const struct state *state, int *since);
int standing_spare_marks(const struct state *state, int *marks);
int standing_maps(const struct state *state, int *sockets, int *labels);

/* What operators did by hand. */
int standing_hand(const struct state *state, int *hand);
int standing_hands(const struct state *state, struct hands *hands);

/* Counters of rules and labels (counters.c), which go on from one apply to the next. Each
 * generation counts from zero, for each processor separately: these are its live counts. Its base,
 * a frozen map beside its counters, has what was counted before it. The number shown is base + live
 * count. A base is written whole or not at all, so a crash counts nothing twice. */

struct counters {
	uint64_t *rules;                /* by the index of a rule's counter */
	struct abi_label_count *labels; /* by label * ABI_FLOW_CLASSES + flow_class */
};

/* The numbers to show for a generation. OBJECT is its own. -errno after a message. */
int counters_read(const struct state *state, const struct generation *generation,
		  const struct object *object, struct counters *counters);
void counters_free(struct counters *counters);

/* Writes the base of a generation if it is missing, or lacks the counts of a generation that was on
 * trial over this one. -errno after a message. */
int counters_fold(const struct state *state, uint32_t id);

/* Restarts the counters from zero atomically: the base becomes the negative of the live counts. */
int counters_reset(const struct state *state, uint32_t id);

#endif
