/* The sockets that an object declares, ready for the kernel's side: users by number, and which slots each
 * may take. */
#ifndef SKLC_DECLARATIONS_H
#define SKLC_DECLARATIONS_H

#include "abi.h"
#include "declared.h"

#include <stddef.h>

struct object;

struct declaration {
	struct declared_key key;
	struct declared value;
	uint32_t label;
	const char *cgroup; /* NULL: any; the object's */
};

struct declarations {
	struct report *report;   /* the object's */
	struct declaration *all; /* as the object has them */
	size_t count;
};

/* SLOTS are the words of each label. -EINVAL after a message for a user or a path that makes no sense
 * here; -ENOMEM. OBJECT must outlive the declarations. */
int declarations_read(const struct object *object, const struct abi_label_slots *slots,
		      struct declarations *declarations);
void declarations_free(struct declarations *declarations);

/* "tcp 127.0.0.1:8080", "udp *:53" */
enum { DECLARATION_TEXT_MAX = 80 };
void declaration_text(const struct declaration *declaration, char *text, size_t size);

/* The slots that a declaration may take in a place of its label. */
struct declared_range declaration_range(const struct declaration *declaration, unsigned int place);

/* The number of a folder of the cgroup tree, made from that of the one above and its name; never 0, which
 * is the root's. */
uint64_t cgroup_number(uint64_t parent, const char *name, size_t length);

/* The maps that programs compare sockets with; descriptors. */
struct declared_maps {
	int declared, cgroups;
};

/* Makes and fills them; -errno after a message. */
int declared_maps_create(const struct declarations *declarations, struct declared_maps *maps);

/* New maps with what both have. -errno after a message. */
int declared_maps_join(struct report *report, const struct declared_maps *first,
		       const struct declared_maps *second, struct declared_maps *joined);
void declared_maps_close(struct declared_maps *maps);

#endif
