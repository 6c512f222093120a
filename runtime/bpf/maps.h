/* Declared sockets as the kernel's side reads them: maps of where a socket may be bound, and what it must
 * be then. Shared with the programs in bpf/, so in the kernel's own types. */
#ifndef SKLC_DECLARED_H
#define SKLC_DECLARED_H

#include <linux/types.h>

#include "runtime/abi.h"

enum {
	DECLARED_SAME_MAX = 16, /* declarations of one address, port and protocol */
	/* slots of one declaration in one place */
	DECLARED_RANGE_MAX = 1 + ABI_SPARE_RUN_MAX * ABI_SPARES,
	CGROUP_DEPTH_MAX = 14,
	CGROUP_NAME_MAX = 120,     /* with the NUL */
	FOUND_PLACEMENTS_MAX = 64, /* slots that one socket is put into at once */
};

/* Where a socket is bound. FAMILY 0, with no address: at any address. */
struct declared_key {
	__u8 address[16]; /* network order, in the first 4 bytes for IPv4 */
	__u16 port;
	__u8 family;
	__u8 protocol;
	__u32 index; /* among the declarations of the same, from 0 without a gap */
};

/* COUNT of the slots that a slot word names, from the one with the number FIRST on: 0 is the label's own
 * slot, the others are spares. */
struct declared_range {
	__u32 word;
	__u16 first, count;
};

static inline __u32 slot_at(__u32 word, __u32 number)
{
	return number ? ABI_SPARE_SLOT(ABI_SPARE_BLOCK(word), number - 1) : ABI_SLOT(word);
}

/* Which of a word's blocks the spare slot with this number stands in. */
static inline __u32 declared_block(__u32 number)
{
	return (number - 1) / ABI_SPARES;
}

struct declared {
	__u32 number; /* among the object's declarations */
	__u32 has_uid, uid;
	__u32 reserved;
	__u64 cgroup;                     /* number of a path in the map of cgroups; 0: any */
	struct declared_range ipv4, ipv6; /* for what a socket serves; count 0: not wanted */
};

/* A folder of the cgroup tree, by the one above it and its name. The value is its number, made from the
 * whole path. The root's is 0. */
struct cgroup_key {
	__u64 parent;
	char name[CGROUP_NAME_MAX];
};

/* By slot: which socket stands there, since when. Worth something while the cookie is that of the slot. */
struct since {
	__u64 cookie;
	__u64 boot_time; /* nanoseconds */
};

/* What a look around finds: sockets at a declared address. */
struct found_key {
	__u64 cookie;
	__u32 number; /* of the declaration */
	__u32 reserved;
};

enum found_fault {
	FOUND_RIGHT,
	FOUND_OTHER_UID,
	FOUND_OTHER_CGROUP,
	FOUND_MPTCP,
};

struct found {
	__u64 group; /* the same in all members of a SO_REUSEPORT group */
	__u8 address[16];
	__u16 port;
	__u8 family;
	__u8 protocol;
	__u8 ipv6_only;
	__u8 fault; /* enum found_fault */
	__u16 reserved;
	__u32 uid;
	__u32 reserved2;
};

/* Where to put a socket; ERROR is what became of it. */
struct placement_key {
	__u64 cookie;
	__u32 index; /* from 0 without a gap */
	__u32 reserved;
};

struct placement {
	__u32 slot;
	__u32 flags; /* BPF_ANY, BPF_NOEXIST */
	__s32 error; /* 1: not yet tried */
	/* Of a spare slot, the first block of its word, and which of these it stands in; 0: it is none. */
	__u16 first_block, block;
};

#endif
