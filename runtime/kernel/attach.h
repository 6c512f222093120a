/* The sk_lookup hook of a network namespace, and the link that holds our program on it. */
#ifndef SKLC_ATTACH_H
#define SKLC_ATTACH_H

#include <stdint.h>

struct netns;
struct report;

enum { HOOK_PROGRAMS_MAX = 64 }; /* the kernel's limit */

struct link_info {
	uint32_t id;
	uint32_t program;     /* ID */
	uint32_t netns_inode; /* 0: severed: the namespace is gone, or the link was detached */
};

/* The IDs of the programs on the hook, in the order in which they run. */
struct hook {
	uint32_t programs[HOOK_PROGRAMS_MAX];
	uint32_t count;
};

/* A new link, or -errno after a message. */
int attach_create(const struct netns *netns, int program);

/* Replaces the program OLD on the link atomically; fails if another program is there. -errno after
 * a message. */
int attach_update(struct report *report, int link, int program, int old);

int attach_detach(struct report *report, int link);
int attach_info(struct report *report, int link, struct link_info *info);

/* Lists the programs on the hook. -errno without a message. */
int attach_query(const struct netns *netns, struct hook *hook);

/* Programs of sklc on a hook for which there is no state: their pins were removed, or are in another
 * bpffs. */
struct lost {
	uint32_t programs[HOOK_PROGRAMS_MAX];
	uint32_t count;
	uint32_t unnamed; /* programs whose names cannot be read, since that needs CAP_SYS_ADMIN */
};

/* Lists the programs on the hook that have a name that sklc gives, where no state is. -errno after a
 * message. */
int attach_find_lost(struct report *report, const struct netns *netns, struct lost *lost);

/* "program 12", "programs 12, 13" */
enum { LOST_TEXT_MAX = 1024 };
void lost_text(const struct lost *lost, char text[LOST_TEXT_MAX]);

/* The kernel's ID of a program; 0 with errno set on failure. */
uint32_t program_id(int program);

/* Waits until every program that was running on the hook has ended. */
void wait_for_programs(void);

#endif
