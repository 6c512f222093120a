/* The keys and values of the maps that the runtime shares with its BPF programs, in the kernel's
 * types. */
#ifndef SKLC_BPF_MAPS_H
#define SKLC_BPF_MAPS_H

#include <linux/types.h>

#include "runtime/abi.h"

enum {
	DECLARED_SAME_MAX = 16, /* declarations with the same address, port and protocol */
	/* the same where the rules of two generations are followed */
	DECLARED_FOLLOWED_MAX = 2 * DECLARED_SAME_MAX,
	/* slots of one declaration in one flow class */
	DECLARED_RANGE_MAX = 1 + ABI_SPARE_RUN_MAX * ABI_SPARES,
	CGROUP_DEPTH_MAX = 14,     /* folders in a declared cgroup's path, with the root */
	CGROUP_SEEN_MAX = 64,      /* folders in a socket's cgroup's path, without the root */
	CGROUP_NAME_MAX = 120,     /* bytes, with the NUL */
	GROUP_SEEN_MAX = 256,      /* members of a SO_REUSEPORT group that the follower looks at */
	FOUND_PLACEMENTS_MAX = 64, /* slots that one socket is put into in one walk */
};

/* Key of the map of declarations: the endpoint that a socket must be bound to. With FAMILY 0 and a
 * zero address it is any address at the port. */
struct declared_key {
	__u8 address[16]; /* network order, in the first 4 bytes for IPv4 */
	__u16 port;       /* host order */
	__u8 family;
	__u8 protocol;
	__u32 index; /* among the declarations of this endpoint, from 0 without gaps */
};

/* A range of the slots that a slot word names. Number 0 is the label's own slot; numbers from 1 on
 * are its spare slots. The range has COUNT slots, from number FIRST on. */
struct declared_range {
	__u32 word;
	__u16 first, count;
};

static inline __u32 slot_at(__u32 word, __u32 number)
{
	return number ? ABI_SPARE_SLOT(ABI_SPARE_BLOCK(word), number - 1) : ABI_SLOT(word);
}

/* The index, among the word's blocks, of the block that has the spare slot with this number. */
static inline __u32 declared_block(__u32 number)
{
	return (number - 1) / ABI_SPARES;
}

struct declared {
	__u32 number; /* among the object's declarations */
	__u32 has_uid, uid;
	/* number of the interface that it must be bound to; 0: any or none; ABI_INTERFACE_UNKNOWN:
	 * the host does not have it, so no socket matches */
	__u32 device;
	__u64 cgroup;                     /* number of a folder in the map of cgroups; 0: any */
	__u64 label;                      /* a hash of its label's name */
	struct declared_range ipv4, ipv6; /* slots for IPv4 and for IPv6 packets; count 0: none */
};

/* Key of a folder of the cgroup tree: its parent's number and its name. The value is its own
 * number, a hash of the whole path. The root has the number 0. */
struct cgroup_key {
	__u64 parent;
	char name[CGROUP_NAME_MAX];
};

/* The socket that was put into a slot, and when. The time is valid only while the socket in the
 * slot has this cookie. */
struct since {
	__u64 cookie;
	__u64 boot_time; /* nanoseconds since boot */
};

/* What an operator did by hand with a socket of a label. */
struct hand_key {
	__u64 cookie;
	__u64 label; /* a hash of its name, see label_hash */
};

enum hand_flag {
	HAND_OVERRIDE = 1, /* it stands before the declared sockets of the label */
	HAND_DRAINED = 2,  /* it gets no new connections */
	HAND_CHOSEN = 4,   /* of those that stand before, the first */
};

/* Flow classes are bits 1 << flow class. */
struct hand {
	__u16 flags; /* enum hand_flag; 0: it is as any other, and is given back its slots */
	/* Those in which it stands before others no more, or is registered no more, until it is taken out
	 * of the slots that all generations share, and of those of labels with declarations. */
	__u8 leaves, leaves_declared;
	__u8 flow_classes; /* those that this is for */
	__u8 before;       /* of a drained one: those in which it is an override again after that */
	/* Those in which it was registered for a slot that all generations share, and of these those
	 * in which it had the first one. Noted while it is drained, while it or another one stands
	 * before the declared sockets, and after that until it has these slots again. */
	__u8 registered, first;
};

/* Whether it is for a flow class: what is drained is so in all; an override is as any other socket
 * where it is none. */
static inline int hand_is_for(const struct hand *hand, __u32 flow_class)
{
	return hand->flags & HAND_DRAINED || (hand->flags && hand->flow_classes >> flow_class & 1);
}

/* A socket that was found at a declared endpoint, and the declaration. */
struct found_key {
	__u64 cookie;
	__u32 number; /* of the declaration */
	__u32 reserved;
};

enum found_fault {
	FOUND_RIGHT,
	FOUND_OTHER_UID,
	FOUND_OTHER_CGROUP,
	FOUND_OTHER_DEVICE,
	FOUND_TOO_DEEP, /* its cgroup is too deep to be compared with the declared one */
	FOUND_MPTCP,
};

struct found {
	__u64 group; /* equal in all members of a SO_REUSEPORT group; else the socket's cookie */
	__u8 address[16];
	__u16 port;
	__u8 family;
	__u8 protocol;
	__u8 ipv6_only;
	__u8 fault; /* enum found_fault */
	__u16 reserved;
	__u32 uid;
	__u32 device; /* number of the interface that it is bound to; 0: none */
};

/* A slot to put a socket into. */
struct placement_key {
	__u64 cookie;
	__u32 index; /* among the socket's placements, from 0 without gaps */
	__u32 reserved;
};

struct placement {
	__u32 slot;
	__u32 flags; /* BPF_ANY, BPF_NOEXIST */
	__s32 error; /* the result: 0, -errno, or 1: the walk did not meet the socket */
	/* For a spare slot: the first block of its word, and the index of its own block. First
	 * block 0: no spare. */
	__u16 first_block, block;
};

/* What a walk through the list of network namespaces found. */
enum namespace_life {
	NAMESPACE_UNKNOWN, /* the walk was not finished */
	NAMESPACE_LIVES,
	NAMESPACE_GONE,
};

enum { NAMESPACES_MAX = 1 << 20 };

#endif
