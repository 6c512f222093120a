/* Compares a socket with the declarations. The endpoint that it is bound to selects the
 * declarations; its owner, its device and its cgroup must then be as declared. The cgroup is compared by its
 * path, from the root down, since its id changes whenever systemd creates it again. */
#ifndef SKLC_BPF_MATCH_H
#define SKLC_BPF_MATCH_H

#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#include "kernel_types.h"
#include "maps.h"

/* The properties of a socket that declarations can require. */
struct facts {
	struct declared_key bound;
	__u32 uid;
	__u32 device; /* number of the interface that it is bound to; 0: none */
	__u64 group;  /* address of its SO_REUSEPORT group; 0: none */
	bool ipv6_only;
	int depth; /* folders of its cgroup's path */
	/* Numbers of the folders of its cgroup's path, from the child of the cgroup root down, as
	 * far as declarations name them; then 0. */
	__u64 cgroups[CGROUP_DEPTH_MAX];
};

static __always_inline struct kernfs_node *folder_above(struct kernfs_node *node)
{
	struct kernfs_node___since *since = (void *)node;
	struct kernfs_node___before *before = (void *)node;

	if (bpf_core_field_exists(since->__parent))
		return BPF_CORE_READ(since, __parent);
	return BPF_CORE_READ(before, parent);
}

/* Reads memory each time, so that the verifier learns nothing of the depth from comparing it: states
 * that differ in what is known of it would be verified again and again. */
static __always_inline int depth_of(const struct facts *facts)
{
	return *(const volatile int *)&facts->depth;
}

static __always_inline bool is_too_deep(const struct facts *facts)
{
	return depth_of(facts) > CGROUP_SEEN_MAX;
}

/* The map of cgroups of a namespace. Each program that includes this file defines it. */
static void *cgroup_map(__u64 namespace);

/* Reads the numbers of the folders of a cgroup's path, from the child of the root down, as long as
 * declarations name them. A folder knows only the one above it, so the upper ones are noted on the way
 * up, where their numbers will stand. Not static, since the verifier verifies global functions
 * separately, once. */
__noinline int read_cgroups(__u64 cgroup_address, __u64 namespace, struct facts *facts)
{
	struct cgroup *cgroup = (void *)cgroup_address;
	struct kernfs_node *node;
	struct cgroup_key key = {};
	bool named = true;
	void *map;

	/* Keeps the parameter, which the compiler removes in a program that has only one map. */
	barrier_var(namespace);
	map = cgroup_map(namespace);
	if (!facts || !map)
		return 0;
	facts->depth = BPF_CORE_READ(cgroup, level);
	if (is_too_deep(facts))
		return 0;
	node = BPF_CORE_READ(cgroup, kn);
	for (int level = CGROUP_SEEN_MAX; level > CGROUP_DEPTH_MAX - 1; level--)
		if (level <= depth_of(facts))
			node = folder_above(node);
	for (int level = CGROUP_DEPTH_MAX - 1; level > 0; level--)
		if (level <= depth_of(facts)) {
			facts->cgroups[level - 1] = (__u64)node;
			node = folder_above(node);
		}
	for (int level = 1; level < CGROUP_DEPTH_MAX; level++) {
		const __u64 *number = NULL;

		node = (void *)facts->cgroups[level - 1];
		__builtin_memset(key.name, 0, sizeof(key.name));
		if (named && node) {
			bpf_probe_read_kernel_str(key.name, sizeof(key.name),
						  BPF_CORE_READ(node, name));
			number = bpf_map_lookup_elem(map, &key);
		}
		named = number != NULL;
		key.parent = number ? *number : 0;
		facts->cgroups[level - 1] = key.parent;
	}
	return 0;
}

static __always_inline __u64 cgroup_of(struct sock *sk)
{
	return (__u64)BPF_CORE_READ(sk, sk_cgrp_data.cgroup);
}

/* Reads the endpoint that a socket is bound to, its user and its group. An IPv4-mapped address is read as the
 * IPv4 address, since such a socket serves only IPv4. */
static __always_inline void read_bound(struct sock *sk, __u8 protocol, struct facts *facts)
{
	struct declared_key *bound = &facts->bound;
	__u32 words[4];

	bound->protocol = protocol;
	bound->family = (__u8)BPF_CORE_READ(sk, __sk_common.skc_family);
	bound->port = BPF_CORE_READ(sk, __sk_common.skc_num);
	facts->ipv6_only = BPF_CORE_READ_BITFIELD_PROBED(sk, __sk_common.skc_ipv6only);
	facts->uid = BPF_CORE_READ(sk, sk_uid.val);
	facts->device = (__u32)BPF_CORE_READ(sk, __sk_common.skc_bound_dev_if);
	facts->group = (__u64)BPF_CORE_READ(sk, sk_reuseport_cb) & ~3ULL;
	if (bound->family == AF_INET) {
		BPF_CORE_READ_INTO((__u32 *)bound->address, sk, __sk_common.skc_rcv_saddr);
		return;
	}
	BPF_CORE_READ_INTO(&words, sk, __sk_common.skc_v6_rcv_saddr);
	if (words[0] == 0 && words[1] == 0 && words[2] == bpf_htonl(0xffff)) {
		bound->family = AF_INET;
		words[0] = words[3];
		words[2] = words[3] = 0;
	}
	__builtin_memcpy(bound->address, words, sizeof(words));
}

static __always_inline bool is_mptcp(struct tcp_sock *tcp)
{
	const struct tcp_ulp_ops *ops = BPF_CORE_READ(tcp, inet_conn.icsk_ulp_ops);
	char name[6] = {};

	bpf_probe_read_kernel_str(name, sizeof(name), ops->name);
	return name[0] == 'm' && name[1] == 'p' && name[2] == 't' && name[3] == 'c' &&
	       name[4] == 'p';
}

/* Why a socket that is bound to the declared endpoint is not the declared socket: an enum
 * found_fault; FOUND_RIGHT if it is. */
__noinline int find_fault(const struct declared *declared, const struct facts *facts)
{
	if (!declared || !facts)
		return FOUND_OTHER_UID;
	if (declared->has_uid && declared->uid != facts->uid)
		return FOUND_OTHER_UID;
	if (declared->device && declared->device != facts->device)
		return FOUND_OTHER_DEVICE;
	if (!declared->cgroup)
		return FOUND_RIGHT;
	for (int i = 0; i < CGROUP_DEPTH_MAX; i++)
		if (facts->cgroups[i] == declared->cgroup)
			return FOUND_RIGHT;
	return is_too_deep(facts) ? FOUND_TOO_DEEP : FOUND_OTHER_CGROUP;
}

/* The key of the declarations of the endpoint that the socket is bound to; with ANY, of those of
 * any address at its port. */
static __always_inline struct declared_key key_of(const struct facts *facts, bool any)
{
	struct declared_key key = facts->bound;

	if (any) {
		key.family = 0;
		__builtin_memset(key.address, 0, sizeof(key.address));
	}
	return key;
}

/* Marks a block, given as an index among the word's blocks, before a socket is put into one of its
 * slots. */
static __always_inline void mark_block(struct abi_spare_marks *marks, __u32 block)
{
	/* A caller may get BLOCK by a division. Keeps the compiler from comparing the dividend
	 * instead: the verifier would then know no bound of the quotient. */
	barrier_var(block);
	if (block < ABI_SPARE_RUN_MAX && !marks->used[ABI_SPARE_MARK(block)])
		marks->used[ABI_SPARE_MARK(block)] = 1;
}

#endif
